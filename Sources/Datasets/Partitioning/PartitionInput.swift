/// What a partitioner knows about a training split: labels, and where known who each row is from and a value to sort
/// by.
public struct PartitionInput: Sendable {
    /// The most rows that are partitioned.
    public static let maximumRows = 100_000_000
    /// The most clients a partition may have.
    public static let maximumClients = 1_000_000
    /// The most cells, clients times classes, of a scheme that draws per client and class.
    public static let maximumCells = 50_000_000

    /// The class of each row, `0 ..< classes`.
    public let labels: [Int]
    /// Who each row is from, numbers of at least 0.
    public let subjects: [Int]?
    /// The names of the subjects where they have any, by their numbers.
    public let subjectNames: [String]?
    /// The place of each subject in the benchmark's own list of them, from 0, by their numbers; nil where that is the
    /// order of their numbers.
    public let places: [Int]?
    /// The number of classes.
    public let classes: Int
    /// A finite number a row, for schemes that sort by one.
    public let values: [Double]?
    /// The number of modalities of the data set.
    public let modalities: Int

    /// The number of rows.
    public var count: Int { labels.count }

    /// Makes an input.
    ///
    /// - Throws: `DatasetError` with code `mismatch` when counts disagree, `malformed` for a label, subject or value
    ///   out of range, `tooLarge` for too many rows.
    public init(
        labels: [Int], subjects: [Int]? = nil, subjectNames: [String]? = nil, places: [Int]? = nil, classes: Int,
        values: [Double]? = nil, modalities: Int = 1
    ) throws(DatasetError) {
        guard !labels.isEmpty else { throw DatasetError(.invalidArgument, "no rows to partition, expected at least 1") }
        guard labels.count <= Self.maximumRows else {
            throw DatasetError(.tooLarge, "\(labels.count) rows to partition, at most \(Self.maximumRows) are taken")
        }
        guard (1...SiteManifest.maximumClasses).contains(classes), (1...32).contains(modalities) else {
            throw DatasetError(
                .invalidArgument,
                "\(classes) classes and \(modalities) modalities, expected "
                    + "1...\(SiteManifest.maximumClasses) and 1...32"
            )
        }
        if let row = labels.firstIndex(where: { !(0..<classes).contains($0) }) {
            throw DatasetError(.malformed, "row \(row) has label \(labels[row]), expected 0..<\(classes)")
        }
        for (name, count) in [("subjects", subjects?.count), ("values", values?.count)] {
            if let count, count != labels.count {
                throw DatasetError(.mismatch, "\(count) \(name) for \(labels.count) rows")
            }
        }
        if let row = subjects?.firstIndex(where: { $0 < 0 }) {
            throw DatasetError(.malformed, "row \(row) has a subject below 0, expected a number of at least 0")
        }
        if let subjectNames, let row = subjects?.firstIndex(where: { $0 >= subjectNames.count }) {
            throw DatasetError(
                .malformed, "row \(row) has a subject beyond the \(subjectNames.count) that have names")
        }
        if let places, places.count != subjectNames?.count || Set(places).count != places.count {
            throw DatasetError(.mismatch, "\(places.count) places, expected a different one for each named subject")
        }
        if let row = values?.firstIndex(where: { !$0.isFinite }) {
            throw DatasetError(.malformed, "row \(row) has a value that is not finite")
        }
        self.labels = labels
        self.subjects = subjects
        self.subjectNames = subjectNames
        self.places = places
        self.classes = classes
        self.values = values
        self.modalities = modalities
    }

    /// The input that a data set makes.
    ///
    /// - Parameters:
    ///   - values: a number a row, for schemes that sort by one; see `RowStatistic`.
    ///   - groups: the name of who each row is from, in place of the data set's subjects; numbered in the order of
    ///     their UTF-8 bytes.
    ///   - roll: all groups in the benchmark's order, for ``places``.
    public init(
        _ dataset: MultimodalDataset, values: [Double]? = nil, groups: [String]? = nil, roll: [String]? = nil
    ) throws(DatasetError) {
        var subjects = dataset.subjects
        var names: [String]?
        if let groups {
            let sorted = Set(groups).sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
            let numbers = Dictionary(uniqueKeysWithValues: sorted.enumerated().map { ($0.element, $0.offset) })
            subjects = groups.map { numbers[$0] ?? 0 }
            names = sorted
        }
        let listed = roll.map { Dictionary(zip($0, 0...), uniquingKeysWith: min) }
        try self.init(
            labels: dataset.labels, subjects: subjects, subjectNames: names,
            places: listed.flatMap { listed in names?.enumerated().map { listed[$1] ?? listed.count + $0 } },
            classes: dataset.classes.count,
            values: values, modalities: dataset.modalities.count)
    }

    /// The identifier of the client that a subject becomes: its name, in which everything but letters, digits and `_` is
    /// one `-`, or its number.
    func name(of subject: Int) -> String {
        subjectNames.map { Partition.identifier($0[subject]) } ?? String(subject)
    }

    /// The rows of each class, in ascending order; `rows` restricts them to some.
    func rowsByClass(_ rows: [Int]? = nil) -> [[Int]] {
        var result = [[Int]](repeating: [], count: classes)
        for row in rows ?? Array(labels.indices) { result[labels[row]].append(row) }
        return result
    }

    /// The subjects in ascending order, each with its rows in ascending order.
    func rowsBySubject(for scheme: String) throws(DatasetError) -> [(subject: Int, rows: [Int])] {
        guard let subjects else {
            throw DatasetError(
                .invalidArgument, "scheme '\(scheme)' deals by subject, and the data set does not say who a row is from"
            )
        }
        var rows: [Int: [Int]] = [:]
        for (row, subject) in subjects.enumerated() { rows[subject, default: []].append(row) }
        return rows.sorted { $0.key < $1.key }.map { (subject: $0.key, rows: $0.value) }
    }

    /// Checks that a number of clients can each get `minimum` rows.
    func check(clients: Int, minimum: Int = 1) throws(DatasetError) {
        guard (1...Self.maximumClients).contains(clients) else {
            throw DatasetError(.invalidArgument, "clients is \(clients), expected 1...\(Self.maximumClients)")
        }
        guard clients <= count else {
            throw DatasetError(
                .invalidArgument, "clients is \(clients), expected 1...\(count), the number of rows")
        }
        guard minimum >= 1, minimum <= count / clients else {
            throw DatasetError(
                .invalidArgument,
                "minimum is \(minimum) for \(clients) clients, expected 1 to \(count / clients): "
                    + "there are \(count) rows"
            )
        }
    }

    /// Checks that a table of clients and classes stays within memory.
    func checkCells(clients: Int) throws(DatasetError) {
        guard clients <= Self.maximumCells / classes else {
            throw DatasetError(
                .tooLarge, "\(clients) clients of \(classes) classes, at most \(Self.maximumCells) in product are drawn"
            )
        }
    }
}
