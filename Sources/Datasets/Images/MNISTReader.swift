/// Reads MNIST, 70,000 handwritten digits of 28 × 28 pixels (Y. LeCun, L. Bottou, Y. Bengio, P. Haffner, "Gradient-based
/// learning applied to document recognition", Proc. IEEE 1998), from the publisher's four IDX files, gzipped or not.
///
/// A pixel p becomes p / 255: the form of LEAF's federated MNIST and of the benchmarks made of it.
struct MNISTReader {
    /// The name of the data set in manifests and jobs.
    static let datasetName = "mnist"
    /// The class names, in the order of the labels.
    static let classNames = (0..<10).map { "digit-\($0)" }
    /// The one input: channels, rows, columns.
    static let modalities = [Modality(name: "image", shape: [1, 28, 28])]

    private static let splits = ["train": "train", "test": "t10k"]

    /// The folder that holds the files.
    let root: String

    /// Makes a reader.
    ///
    /// - Parameter path: the folder of the files, or one that holds it as `mnist` or as `MNIST/raw`.
    /// - Throws: `DatasetError` with code `missing` when none of these holds the training images.
    init(path: String) throws(DatasetError) {
        let candidates = [path, "\(path)/mnist", "\(path)/MNIST/raw"]
        guard let root = candidates.first(where: { Self.find("train", "images", 3, in: $0) != nil }) else {
            throw DatasetError(
                .missing,
                "\(path): no 'train-images-idx3-ubyte', with '.gz' or without, here nor in 'mnist' or 'MNIST/raw'")
        }
        self.root = root
    }

    /// Reads both splits.
    ///
    /// - Throws: `DatasetError` naming the file, what was found and what was expected.
    func read() throws(DatasetError) -> [String: MultimodalDataset] {
        let table = PixelTable(mean: [0], deviation: [1])
        var datasets: [String: MultimodalDataset] = [:]
        for (split, prefix) in Self.splits {
            let images = try IDXFile(file(prefix, "images", 3), inner: [28, 28])
            let labelPath = try file(prefix, "labels", 1)
            let labels = try IDXFile(labelPath, inner: [])
            guard labels.shape[0] == images.shape[0] else {
                throw DatasetError(
                    .mismatch, "\(labelPath): \(labels.shape[0]) labels for \(images.shape[0]) images, expected as many"
                )
            }
            datasets[split] = try MultimodalDataset(
                name: Self.datasetName, classes: Self.classNames, modalities: Self.modalities,
                values: [table.values(of: images.elements, count: images.shape[0], pixels: 784)],
                labels: labels.elements.map(Int.init))
        }
        return datasets
    }

    private func file(_ prefix: String, _ what: String, _ axes: Int) throws(DatasetError) -> String {
        guard let path = Self.find(prefix, what, axes, in: root) else {
            throw DatasetError(
                .missing, "\(root): no '\(prefix)-\(what)-idx\(axes)-ubyte', with '.gz' or without")
        }
        return path
    }

    /// The publisher's name, or the one with a dot that unpackers make of it.
    private static func find(_ prefix: String, _ what: String, _ axes: Int, in folder: String) -> String? {
        ["-", "."].flatMap { dot in
            ["", ".gz"].map { "\(folder)/\(prefix)-\(what)\(dot)idx\(axes)-ubyte\($0)" }
        }.first(where: BoundedFile.exists)
    }
}
