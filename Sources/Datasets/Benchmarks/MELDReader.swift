/// Reads the lists of MELD (S. Poria et al., "MELD: a multimodal multi-party dataset for emotion recognition in
/// conversations", ACL 2019) as the FedMultimodal benchmark takes them.
///
/// Of seven emotions four are kept. A client is a speaker in a season; speakers with ten utterances or fewer in a split
/// are left out of it, of `dev` and `test` too, which leaves 86 clients with 7,318 training utterances. The benchmark
/// numbers them from 0 in the order of the texts `seasonSEASON_uttSPEAKER`, capitals first. Words become
/// ``HashedText``; sound comes from ``PrecomputedFeatures`` where there is such a file, otherwise every example has
/// sound of length 0.
public struct MELDReader: Sendable {
    /// The fewest utterances of a speaker in a season.
    public static let minimumUtterances = 11

    /// The folder with the lists.
    public let root: String

    /// Finds the lists.
    ///
    /// - Parameter path: the folder that holds `train_sent_emo.csv`, or one that holds it as `meld` or `MELD`.
    /// - Throws: `DatasetError` with code `missing`.
    public init(path: String) throws(DatasetError) {
        root = try BenchmarkDataset.meld.folder(at: path, holding: "train_sent_emo.csv", within: ["", "meld", "MELD"])
    }

    /// Reads all three splits.
    ///
    /// - Throws: `DatasetError` naming the file and line.
    public func read() throws(DatasetError) -> BenchmarkContents {
        var lists: [(split: String, records: Int, utterances: [Utterance])] = []
        for split in ["train", "dev", "test"] {
            let (records, utterances) = try list(split)
            lists.append((split, records, utterances))
        }
        let longest = ModalityColumn.longest(of: lists.lazy.flatMap(\.utterances).map(\.tokens))
        let declared = BenchmarkDataset.meld.modalities[0]
        var datasets: [String: MultimodalDataset] = [:]
        var silent: [String] = []
        for (split, records, utterances) in lists {
            let file = try PrecomputedFeatures(folder: root, split: split, records: records)
            let sound = try file?.column(declared, rows: utterances.map(\.record))
            if sound == nil { silent.append(split) }
            datasets[split] = try ModalityColumn.dataset(
                .meld,
                [
                    sound ?? .absent(declared, count: utterances.count),
                    .text(utterances.map(\.tokens), longest: longest),
                ], labels: utterances.map(\.label))
        }
        return try BenchmarkContents(
            .meld, datasets, groups: lists[0].utterances.map(\.speaker), roll: Self.roll(lists[0].utterances),
            notes: BenchmarkContents.hashingNote
                + BenchmarkContents.absenceNote(declared.name, silent, root: root))
    }

    /// One line that is kept.
    private struct Utterance {
        var record: Int
        var tokens: [String]
        var speaker: String
        /// What the benchmark sorts speakers by.
        var key: String
        var label: Int
    }

    /// The speakers in the benchmark's order.
    private static func roll(_ utterances: [Utterance]) -> [String] {
        let keys = Dictionary(utterances.map { ($0.speaker, $0.key) }) {
            BenchmarkRules.precedes($1, $0) ? $1 : $0
        }
        return keys.sorted { BenchmarkRules.precedes($0.value, $1.value) }.map(\.key)
    }

    /// The number of lines of a list, and those that are kept.
    private func list(_ split: String) throws(DatasetError) -> (records: Int, kept: [Utterance]) {
        let table = try DelimitedText(contentsOf: "\(root)/\(split)_sent_emo.csv")
        let text = try table.column("Utterance")
        let speaker = try table.column("Speaker")
        let emotion = try table.column("Emotion")
        let season = try table.column("Season")
        var utterances: [Utterance] = []
        var counts: [String: Int] = [:]
        for (record, row) in table.rows.enumerated() {
            guard let label = BenchmarkDataset.meld.classes.firstIndex(of: row[emotion]) else {
                guard ["surprise", "fear", "disgust"].contains(row[emotion]) else {
                    throw table.refusal(row, emotion, expected: "one of MELD's seven emotions")
                }
                continue
            }
            let number = try table.integer(row, season, in: 1...99)
            let name = Partition.identifier("\(number)-\(row[speaker].lowercased())")
            counts[name, default: 0] += 1
            utterances.append(
                Utterance(
                    record: record, tokens: HashedText.tokens(row[text]), speaker: name,
                    key: "season\(number)_utt\(row[speaker])", label: label))
        }
        utterances.removeAll { counts[$0.speaker, default: 0] < Self.minimumUtterances }
        guard !utterances.isEmpty else {
            throw DatasetError(
                .malformed, "\(table.path): no speaker has \(Self.minimumUtterances) utterances in a season")
        }
        return (table.rows.count, utterances)
    }
}
