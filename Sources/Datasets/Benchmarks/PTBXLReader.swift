import Foundation

/// Reads PTB-XL (P. Wagner et al., "PTB-XL, a large publicly available electrocardiography dataset", Scientific Data 7,
/// 2020; physionet.org/content/ptb-xl) as the FedMultimodal benchmark uses it.
///
/// The folder is the publisher's: `ptbxl_database.csv`, `scp_statements.csv` and `records100/…` with the records of
/// 100 Hz in ``WFDBRecord``'s format. Each example is 10 s of twelve leads, as two inputs of `[1000, 6]`: `i_to_avf`
/// (I, II, III, AVR, AVL, AVF) and `v1_to_v6`, in millivolts, every lead of every record normalised on its own
/// (``WindowNormalisation``).
///
/// - Targets are the superclasses of the diagnostic statements that were given with a likelihood of exactly 100; there
///   may be several or none.
/// - Records without a site are left out. `strat_fold` 1 to 8 is trained on, 9 is `dev`, 10 is `test`.
/// - Groups are the sites; those with fewer than ten training records are left out of training, not of the others. Their
///   list is in the order of their numbers: the benchmark goes through a Python set of them as floats, which with the
///   release's numbers (below 128, more than 18 of them) is that order.
public struct PTBXLReader: Sendable {
    /// The name of the data set in jobs.
    public static let datasetName = "ptb-xl"
    /// The diagnostic superclasses, in the order of the targets.
    public static let classNames = ["NORM", "MI", "STTC", "CD", "HYP"]
    /// Samples of a record.
    public static let steps = 1000
    /// The leads of the two inputs.
    public static let leads = [
        ["I", "II", "III", "AVR", "AVL", "AVF"], ["V1", "V2", "V3", "V4", "V5", "V6"],
    ]
    /// The two inputs.
    public static let modalities = ["i_to_avf", "v1_to_v6"].map { Modality(name: $0, shape: [steps, 6]) }
    /// The fewest training records of a site.
    public static let minimumRecords = 10
    /// The most records read.
    public static let maximumRecords = 100_000

    /// One row of the database that is used.
    public struct Row: Sendable, Hashable {
        /// The record's path in the folder, without its ending; also its key.
        public var record: String
        /// The site, a whole number.
        public var site: Int
        /// The superclasses as 0 and 1, in the order of `classNames`.
        public var targets: [Float]
    }

    /// The publisher's folder.
    public let root: String

    /// Makes a reader.
    ///
    /// - Parameter path: the folder that holds `ptbxl_database.csv`, or one that holds that folder.
    /// - Throws: `DatasetError` with code `missing` when it is in neither.
    public init(path: String) throws(DatasetError) {
        let inner = BoundedFile.folderExists(path) ? try FolderListing.names(in: path).map { "\(path)/\($0)" } : []
        guard let root = ([path] + inner).first(where: { BoundedFile.exists("\($0)/ptbxl_database.csv") }) else {
            throw DatasetError(.missing, "\(path): no 'ptbxl_database.csv' here nor one folder below")
        }
        self.root = root
    }

    /// Reads everything.
    ///
    /// - Throws: `DatasetError` naming the file and line or signal.
    public func read() throws(DatasetError) -> BenchmarkSplits {
        let rows = try rows()
        return try BenchmarkSplits(
            train: dataset(rows.train), groups: rows.train.map { String($0.site) },
            roll: Set(rows.train.map(\.site)).sorted().map { String($0) },
            heldOut: ["dev": dataset(rows.dev), "test": dataset(rows.test)])
    }

    /// The rows of each split, in the order of the database, without signals.
    public func rows() throws(DatasetError) -> (train: [Row], dev: [Row], test: [Row]) {
        let superclasses = try superclasses()
        var limits = DelimitedText.Limits()
        limits.maximumRows = Self.maximumRecords
        let table = try DelimitedText(contentsOf: root + "/ptbxl_database.csv", limits: limits)
        let codes = try table.column("scp_codes")
        let site = try table.column("site")
        let fold = try table.column("strat_fold")
        let file = try table.column("filename_lr")
        var parts = [[Row]](repeating: [], count: 3)
        for row in table.rows where !row[site].isEmpty {
            let record = row[file]
            guard !record.isEmpty, !record.hasPrefix("/"), !record.split(separator: "/").contains("..") else {
                throw table.refusal(row, file, expected: "a path within the folder")
            }
            guard let likelihoods = PythonDictionary.numbers(in: row[codes]) else {
                throw table.refusal(row, codes, expected: "codes and likelihoods, such as {'NORM': 100.0, 'SR': 0.0}")
            }
            var targets = [Float](repeating: 0, count: Self.classNames.count)
            for (code, likelihood) in likelihoods where likelihood == 100 {
                if let index = superclasses[code] { targets[index] = 1 }
            }
            let number = try table.integer(row, fold, in: 1...10)
            parts[max(0, number - 8)].append(
                Row(record: record, site: try table.integer(row, site, in: 0...1_000_000), targets: targets))
        }
        let counts = parts[0].reduce(into: [:]) { $0[$1.site, default: 0] += 1 }
        return (parts[0].filter { counts[$0.site, default: 0] >= Self.minimumRecords }, parts[1], parts[2])
    }

    /// The superclass of every diagnostic statement.
    private func superclasses() throws(DatasetError) -> [String: Int] {
        let table = try DelimitedText(contentsOf: root + "/scp_statements.csv")
        let diagnostic = try table.column("diagnostic")
        let group = try table.column("diagnostic_class")
        var superclasses: [String: Int] = [:]
        for row in table.rows where !row[diagnostic].isEmpty {
            guard try table.integer(row, diagnostic, in: 0...1) == 1 else { continue }
            guard let index = Self.classNames.firstIndex(of: row[group]) else {
                throw table.refusal(row, group, expected: "one of \(Self.classNames.joined(separator: ", "))")
            }
            // The first column has no name.
            superclasses[row[0]] = index
        }
        return superclasses
    }

    private func dataset(_ rows: [Row]) throws(DatasetError) -> MultimodalDataset {
        var values = Self.leads.map { _ in [Float]() }
        for index in values.indices { values[index].reserveCapacity(rows.count * Self.steps * 6) }
        for row in rows {
            let signals = try signals(row)
            for (index, leads) in Self.leads.enumerated() {
                for step in 0..<Self.steps {
                    for lead in leads.indices { values[index].append(signals[index][lead][step]) }
                }
            }
        }
        for index in values.indices { WindowNormalisation.apply(to: &values[index], steps: Self.steps, axes: 6) }
        return try MultimodalDataset(
            name: Self.datasetName, classes: Self.classNames, modalities: Self.modalities, values: values,
            subjects: rows.map(\.site), targets: rows.flatMap(\.targets))
    }

    /// The twelve leads of a record, by input.
    private func signals(_ row: Row) throws(DatasetError) -> [[[Float]]] {
        let path = "\(root)/\(row.record)"
        let record = try WFDBRecord(path: path)
        guard record.header.sampleRate == 100, record.header.samples == Self.steps else {
            throw DatasetError(
                .mismatch,
                "\(path).hea: \(record.header.samples) samples at \(record.header.sampleRate) Hz, expected \(Self.steps) at 100"
            )
        }
        let names = record.header.signals.map { $0.description.uppercased() }
        var result: [[[Float]]] = []
        for leads in Self.leads {
            var signals: [[Float]] = []
            for lead in leads {
                guard let index = names.firstIndex(of: lead) else {
                    throw DatasetError(
                        .mismatch, "\(path).hea: no lead '\(lead)', only \(names.joined(separator: ", "))")
                }
                let signal = record.physical(index).map { Float($0) }
                if let step = signal.firstIndex(where: { !$0.isFinite }) {
                    throw DatasetError(
                        .malformed, "\(path): lead \(lead), sample \(step): no finite value, expected one")
                }
                signals.append(signal)
            }
            result.append(signals)
        }
        return result
    }
}

/// Texts that Python prints for a dictionary from strings to numbers.
private enum PythonDictionary {
    /// The entries of a text such as `{'NORM': 100.0, 'SR': 0}`; nil when it is something else.
    static func numbers(in text: String) -> [String: Double]? {
        guard text.hasPrefix("{"), text.hasSuffix("}"), text.utf8.count >= 2 else { return nil }
        let body = text.dropFirst().dropLast()
        guard !body.allSatisfy({ $0 == " " }) else { return [:] }
        var numbers: [String: Double] = [:]
        for entry in body.split(separator: ",", omittingEmptySubsequences: false) {
            let parts = entry.split(separator: ":", omittingEmptySubsequences: false).map { part in
                String(part.drop { $0 == " " }.reversed().drop { $0 == " " }.reversed())
            }
            guard parts.count == 2, parts[0].count > 2, let quote = parts[0].first, quote == "'" || quote == "\"",
                parts[0].last == quote, let value = Double(parts[1]), value.isFinite
            else { return nil }
            numbers[String(parts[0].dropFirst().dropLast())] = value
        }
        return numbers
    }
}
