/// A number computed from each row's values, to sort rows by (`continuous-skew`).
public enum RowStatistic: String, Sendable, CaseIterable {
    /// The mean of the values.
    case mean
    /// The root of the mean square of the values.
    case rms
    /// The root mean square of the differences of neighbours along the first axis: high for lively signals, and of use
    /// where mean and scale are normalised away.
    case roughness
    /// The row's label.
    case label
    /// The number of the row's subject.
    case subject

    /// The statistic of every row of a data set.
    ///
    /// - Parameter modality: which modality's values, for the statistics of values.
    /// - Throws: `DatasetError` with code `invalidArgument` for a modality or subjects that are not there.
    public func values(of dataset: MultimodalDataset, modality: Int = 0) throws(DatasetError) -> [Double] {
        switch self {
        case .label: return dataset.labels.map(Double.init)
        case .subject:
            guard let subjects = dataset.subjects else {
                throw DatasetError(.invalidArgument, "data set '\(dataset.name)' does not say who a row is from")
            }
            return subjects.map(Double.init)
        case .mean, .rms, .roughness:
            guard dataset.modalities.indices.contains(modality) else {
                throw DatasetError(
                    .invalidArgument, "modality is \(modality), expected 0...\(dataset.modalities.count - 1)")
            }
            let elements = dataset.modalities[modality].elements
            let step = elements / dataset.modalities[modality].shape[0]
            let block = dataset.values[modality]
            return (0..<dataset.count).map { row in
                value(of: block[row * elements..<(row + 1) * elements], step: step)
            }
        }
    }

    private func value(of row: ArraySlice<Float>, step: Int) -> Double {
        let isRoughness = self == .roughness
        let first = isRoughness ? row.startIndex + step : row.startIndex
        guard first < row.endIndex else { return 0 }
        var sum = 0.0
        for index in first..<row.endIndex {
            let value = Double(row[index]) - (isRoughness ? Double(row[index - step]) : 0)
            sum += self == .mean ? value : value * value
        }
        let mean = sum / Double(row.endIndex - first)
        return self == .mean ? mean : mean.squareRoot()
    }
}
