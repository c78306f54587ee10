import Weights

/// Features that somebody extracted from the files that a publisher's list names: `features/SPLIT.safetensors` beside
/// the list.
///
/// A file holds, for each modality, an F32 tensor `<modality>` `[N, T, D]` with a row a record of the split's list, in
/// its order, and, where rows are of different length, `<modality>.lengths` `[N]` (I64). Records that the benchmark
/// leaves out have rows too, which are never read. Rows are read one by one: a file may be larger than memory.
struct PrecomputedFeatures {
    private let path: String
    private let file: SafetensorsFile
    private let lengths: ShardReader
    private let records: Int

    /// Opens the file of a split; nil where there is none.
    ///
    /// - Parameters:
    ///   - folder: the folder that holds `features`.
    ///   - records: how many records the split's list has.
    init?(folder: String, split: String, records: Int) throws(DatasetError) {
        path = "\(folder)/features/\(split).safetensors"
        guard BoundedFile.exists(path) else { return nil }
        do {
            file = try SafetensorsFile(
                path: path, limits: ReadLimits(headerBytes: 1 << 20, dataBytes: 1 << 40, tensors: 256))
        } catch {
            throw DatasetError(.malformed, "\(path): not a usable file of features", cause: error)
        }
        lengths = try ShardReader(path: path, maximumBytes: 1 << 39)
        self.records = records
    }

    /// The rows of some records; nil when the file has no such tensor.
    ///
    /// - Parameter declared: the modality's features a step and the most steps it may have.
    /// - Throws: `DatasetError` for another type or shape, a length out of range, or a value that is not finite.
    func column(_ declared: Modality, rows: [Int]) throws(DatasetError) -> ModalityColumn? {
        guard let spec = file.schema[declared.name] else { return nil }
        let features = declared.shape[1]
        guard spec.dtype == .f32, spec.shape.count == 3, spec.shape[0] == records, spec.shape[2] == features,
            (1...declared.shape[0]).contains(spec.shape[1])
        else {
            throw DatasetError(
                .mismatch,
                "\(path): tensor '\(declared.name)' is \(spec.dtype.rawValue) \(spec.shape), expected F32 [\(records), 1 to "
                    + "\(declared.shape[0]), \(features)]: a row a record of the list")
        }
        let name = "\(declared.name).lengths"
        var modality = declared
        modality.shape[0] = spec.shape[1]
        modality.hasLengths = lengths.spec(name) != nil
        var valid: [Int]?
        if modality.hasLengths {
            try lengths.expect(name, shape: [records], isFloat: false)
            let all = try lengths.integers(name, in: 0...modality.shape[0])
            valid = rows.map { all[$0] }
        }
        var values = [Float](repeating: 0, count: rows.count * modality.elements)
        let size = modality.elements * 4
        do {
            try values.withUnsafeMutableBytes { buffer in
                for (position, row) in rows.enumerated() {
                    try file.read(
                        declared.name, byteOffset: row * size,
                        into: UnsafeMutableRawBufferPointer(
                            rebasing: buffer[position * size..<(position + 1) * size]))
                }
            }
        } catch {
            throw DatasetError(.inputOutput, "\(path): tensor '\(declared.name)' cannot be read", cause: error)
        }
        if let index = values.firstIndex(where: { !$0.isFinite }) {
            throw DatasetError(
                .malformed,
                "\(path): tensor '\(declared.name)' row \(rows[index / modality.elements]) holds \(values[index]), expected "
                    + "finite numbers")
        }
        return ModalityColumn(modality: modality, values: values, lengths: valid)
    }
}
