/// Features that somebody extracted from files whose names say which example they belong to:
/// `features/SPLIT.safetensors` as in ``PrecomputedFeatures``, and beside it `features/SPLIT.txt` with the key of each
/// row, a line a row, in the order of the rows (``ListedRow/key``).
///
/// Where a split has no file of its own, `features/all.safetensors` and `features/all.txt` are taken: what data with
/// folds need, whose rows move between splits. Rows that no example asks for are never read.
struct NamedFeatures {
    private let path: String
    private let rows: [String: Int]
    private let features: PrecomputedFeatures

    /// Opens the files of a split; nil where there are none.
    ///
    /// - Throws: `DatasetError` with code `missing` when the rows are not named, `malformed` for a key that occurs twice.
    init?(folder: String, split: String) throws(DatasetError) {
        let names = [split, "all"]
        guard let name = names.first(where: { BoundedFile.exists("\(folder)/features/\($0).safetensors") }) else {
            return nil
        }
        path = "\(folder)/features/\(name).txt"
        guard BoundedFile.exists(path) else {
            throw DatasetError(
                .missing, "\(path): no such file, expected the key of each row of '\(name).safetensors', a line a row")
        }
        let table = try DelimitedText(contentsOf: path, separator: "\t", hasHeader: false, isQuoted: false)
        var rows: [String: Int] = [:]
        for (number, row) in table.rows.enumerated() {
            guard rows.updateValue(number, forKey: row[0]) == nil else {
                throw table.refusal(row, 0, expected: "every key once")
            }
        }
        self.rows = rows
        guard let features = try PrecomputedFeatures(folder: folder, split: name, records: table.rows.count) else {
            return nil
        }
        self.features = features
    }

    /// Whether there is a row of an example.
    func names(_ row: ListedRow) -> Bool { rows[row.key] != nil }

    /// The features of some examples; nil when the file has no such tensor.
    ///
    /// - Throws: `DatasetError` with code `missing` naming the first example without a row; as
    ///   ``PrecomputedFeatures/column(_:rows:)`` does.
    func column(_ declared: Modality, of examples: [ListedRow]) throws(DatasetError) -> ModalityColumn? {
        var numbers: [Int] = []
        for example in examples {
            guard let number = rows[example.key] else {
                throw DatasetError(.missing, "\(path): no line '\(example.key)', expected one for every example")
            }
            numbers.append(number)
        }
        return try features.column(declared, rows: numbers)
    }
}
