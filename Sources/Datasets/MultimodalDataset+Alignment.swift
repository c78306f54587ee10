extension MultimodalDataset {
    /// The same data sets with modalities of one form: where they differ in the length of a modality's first axis alone,
    /// all get the longest, with zeros at the end and every example's own length; where some carry lengths and others do
    /// not, all do. What differs otherwise stays as it is.
    ///
    /// Splits whose features somebody extracted apart are often of different length, and one model and one folder
    /// (``SiteFolder``) take them all.
    ///
    /// - Complexity: nothing is copied where nothing differs.
    static func aligned(_ datasets: [MultimodalDataset]) throws(DatasetError) -> [MultimodalDataset] {
        guard let first = datasets.first, Set(datasets.map(\.modalities)).count > 1,
            datasets.allSatisfy({ $0.modalities.map(\.name) == first.modalities.map(\.name) })
        else { return datasets }
        var forms = first.modalities
        for index in forms.indices {
            let own = datasets.map { $0.modalities[index] }
            guard own.allSatisfy({ $0.shape.dropFirst() == forms[index].shape.dropFirst() }) else { return datasets }
            forms[index].shape[0] = own.reduce(0) { max($0, $1.shape[0]) }
            forms[index].hasLengths = own.contains { $0.hasLengths } || own.contains { $0.shape != forms[index].shape }
        }
        var result: [MultimodalDataset] = []
        for dataset in datasets { result.append(try dataset.lengthened(to: forms)) }
        return result
    }

    /// The same examples with modalities that are as long as given ones, or longer than they are.
    private func lengthened(to forms: [Modality]) throws(DatasetError) -> MultimodalDataset {
        guard modalities != forms else { return self }
        var blocks = values
        var valid = lengths
        for (index, form) in forms.enumerated() where modalities[index] != form {
            let (from, into) = (modalities[index].elements, form.elements)
            if from < into {
                blocks[index] = [Float](unsafeUninitializedCapacity: count * into) { target, used in
                    values[index].withUnsafeBufferPointer { source in
                        for row in 0..<count {
                            let place = target.extracting(row * into..<(row + 1) * into)
                            let copied = place.extracting(..<from)
                            _ = copied.initialize(fromContentsOf: source.extracting(row * from..<(row + 1) * from))
                            place.extracting(from...).initialize(repeating: 0)
                        }
                    }
                    used = count * into
                }
            }
            if form.hasLengths, valid[index] == nil {
                valid[index] = Array(repeating: modalities[index].shape[0], count: count)
            }
        }
        return try MultimodalDataset(
            name: name, classes: classes, modalities: forms, values: blocks, labels: labels, subjects: subjects,
            lengths: valid, targets: targets)
    }
}
