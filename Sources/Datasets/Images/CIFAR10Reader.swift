/// Reads CIFAR-10, 60,000 colour pictures of 32 × 32 pixels (A. Krizhevsky, "Learning multiple layers of features from tiny
/// images", 2009), from its binary version: records of a label byte and 1,024 bytes each of red, green and blue.
///
/// Training records are in `data_batch_1.bin` to `data_batch_5.bin`, those of the test in `test_batch.bin`; of a subset in
/// `train_N.bin` and `test_N.bin`, N the number of records; each may be gzipped. A pixel p of a channel becomes
/// (p / 255 − m) / s with the channel's mean m and deviation s over the publisher's training set.
struct CIFAR10Reader {
    /// The name of the data set in manifests and jobs.
    static let datasetName = "cifar10"
    /// The class names, in the order of the labels.
    static let classNames = [
        "airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck",
    ]
    /// The one input: channels, rows, columns.
    static let modalities = [Modality(name: "image", shape: [3, 32, 32])]
    /// The means of red, green and blue over the training set.
    static let means = [0.4914, 0.4822, 0.4465]
    /// Their standard deviations.
    static let deviations = [0.2470, 0.2435, 0.2616]
    /// The most bytes that a file may hold, compressed or not.
    static let maximumBytes = 1 << 30

    private static let record = 1 + 3 * 1024

    /// The files of each split, in order.
    private let files: [String: [String]]

    /// Makes a reader.
    ///
    /// - Parameter path: the folder of the files, or one that holds it as `cifar10`, `cifar-10-batches-bin` or
    ///   `cifar10-subset`.
    /// - Throws: `DatasetError` with code `missing` when none of these holds records for training and for the test.
    init(path: String) throws(DatasetError) {
        let names = ["", "cifar10", "cifar-10-batches-bin", "cifar10-subset"]
        for folder in names.map({ $0.isEmpty ? path : "\(path)/\($0)" }) where BoundedFile.folderExists(folder) {
            let found = try FolderListing.names(in: folder)
            func paths(_ isWanted: (String) -> Bool) -> [String] {
                found.filter { name in
                    let plain = name.hasSuffix(".gz") ? String(name.dropLast(3)) : name
                    // A file that stands there in both forms is read once.
                    return isWanted(plain) && (plain == name || !found.contains(plain))
                }.map { "\(folder)/\($0)" }
            }
            let train = paths { Self.isNumbered($0, after: "data_batch_") || Self.isNumbered($0, after: "train_") }
            let test = paths { $0 == "test_batch.bin" || Self.isNumbered($0, after: "test_") }
            guard !train.isEmpty, !test.isEmpty else { continue }
            files = ["train": train, "test": test]
            return
        }
        throw DatasetError(
            .missing,
            "\(path): no 'data_batch_1.bin' and 'test_batch.bin', with '.gz' or without, here nor in "
                + names.dropFirst().map { "'\($0)'" }.joined(separator: ", "))
    }

    /// Reads both splits.
    ///
    /// - Throws: `DatasetError` naming the file, what was found and what was expected.
    func read() throws(DatasetError) -> [String: MultimodalDataset] {
        let table = PixelTable(mean: Self.means, deviation: Self.deviations)
        var datasets: [String: MultimodalDataset] = [:]
        for (split, paths) in files {
            var values: [Float] = []
            var labels: [Int] = []
            for path in paths {
                let bytes = try records(path)
                let count = bytes.count / Self.record
                values += table.values(of: bytes, count: count, pixels: 1024, skipped: 1)
                for row in 0..<count {
                    let label = Int(bytes[row * Self.record])
                    guard Self.classNames.indices.contains(label) else {
                        throw DatasetError(
                            .malformed, "\(path): the label of record \(row) is \(label), expected 0...9")
                    }
                    labels.append(label)
                }
            }
            datasets[split] = try MultimodalDataset(
                name: Self.datasetName, classes: Self.classNames, modalities: Self.modalities, values: [values],
                labels: labels)
        }
        return datasets
    }

    private func records(_ path: String) throws(DatasetError) -> [UInt8] {
        let file = try SequentialFile(path, maximumBytes: Self.maximumBytes)
        let size = try file.declaredBytes()
        guard size <= Self.maximumBytes else {
            throw DatasetError(.tooLarge, "\(path): declares \(size) bytes, at most \(Self.maximumBytes) are read")
        }
        guard size > 0, size.isMultiple(of: Self.record) else {
            throw DatasetError(
                .malformed, "\(path): holds \(size) bytes, expected a multiple of \(Self.record), a record's size")
        }
        let bytes = try file.read(size)
        try file.finish()
        return bytes
    }

    private static func isNumbered(_ name: String, after prefix: String) -> Bool {
        guard name.hasPrefix(prefix), name.hasSuffix(".bin") else { return false }
        let digits = name.dropFirst(prefix.count).dropLast(4)
        return !digits.isEmpty && digits.utf8.allSatisfy { (0x30...0x39).contains($0) }
    }
}
