import Foundation

/// Reads the lists of the Hateful Memes challenge (D. Kiela et al., "The Hateful Memes challenge: detecting hate speech
/// in multimodal memes", NeurIPS 2020) as the FedMultimodal benchmark uses them.
///
/// The folder holds `train.jsonl`, `dev_seen.jsonl` and `test_seen.jsonl`: an object a line with `img`, the picture's
/// path, `label` 0 or 1, and `text`; other fields, such as `id`, are ignored. A row's key is `img`. Training rows are in
/// the order of their keys, `dev` and `test` in that of their files. The challenge's first `test.jsonl` has no labels;
/// such a line is refused.
public struct HatefulMemesReader: Sendable {
    /// The name of the data set in jobs.
    public static let datasetName = "hateful-memes"
    /// The class names.
    public static let classNames = ["not-hateful", "hateful"]

    /// What a reader may take.
    public struct Limits: Sendable {
        /// The largest file, in bytes.
        public var maximumFileBytes = 1 << 28
        /// The longest line, in bytes.
        public var maximumLineBytes = 1 << 20
        /// The most lines of a file.
        public var maximumRows = 1_000_000

        /// The defaults: 256 MiB, a million lines of 1 MiB.
        public init() {}
    }

    private struct Line: Decodable {
        var img: String
        var label: Int
        var text: String
    }

    /// The folder with the lists.
    public let root: String
    /// What this reader may take.
    public let limits: Limits

    /// Makes a reader of a folder.
    ///
    /// - Throws: `DatasetError` with code `missing` when `train.jsonl` is not there.
    public init(path: String, limits: Limits = Limits()) throws(DatasetError) {
        guard BoundedFile.exists(path + "/train.jsonl") else {
            throw DatasetError(.missing, "\(path): no 'train.jsonl' here: expected the Hateful Memes challenge's files")
        }
        root = path
        self.limits = limits
    }

    /// The rows of all splits.
    ///
    /// - Throws: `DatasetError` naming the file and line.
    public func rows() throws(DatasetError) -> ListedSplits {
        try ListedSplits(
            classes: Self.classNames,
            train: list("train").sorted { BenchmarkRules.precedes($0.key, $1.key) },
            heldOut: ["dev": list("dev_seen"), "test": list("test_seen")])
    }

    private func list(_ name: String) throws(DatasetError) -> [ListedRow] {
        let path = "\(root)/\(name).jsonl"
        let bytes = try BoundedFile.read(path, maximumBytes: limits.maximumFileBytes)
        let decoder = JSONDecoder()
        var rows: [ListedRow] = []
        for (index, text) in bytes.split(separator: 0x0A, omittingEmptySubsequences: false).enumerated() {
            guard text.contains(where: { $0 > 0x20 }) else { continue }
            guard text.count <= limits.maximumLineBytes, rows.count < limits.maximumRows else {
                throw DatasetError(
                    .tooLarge,
                    "\(path): line \(index + 1): more than \(limits.maximumLineBytes) bytes or \(limits.maximumRows) lines"
                )
            }
            let line: Line
            do {
                line = try decoder.decode(Line.self, from: Data(text))
            } catch {
                throw DatasetError(
                    .malformed, "\(path): line \(index + 1): expected an object with 'img', 'label' and 'text'",
                    cause: error)
            }
            guard Self.classNames.indices.contains(line.label), !line.img.isEmpty else {
                throw DatasetError(
                    .malformed, "\(path): line \(index + 1): label \(line.label), expected 0 or 1, and a picture")
            }
            rows.append(ListedRow(key: line.img, label: line.label, text: line.text))
        }
        return rows
    }
}
