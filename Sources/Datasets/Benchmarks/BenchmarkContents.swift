/// What a benchmark's data set turned out to hold: its splits, and what a user should know about them.
public struct BenchmarkContents: Sendable {
    /// The declaration; of generated data with their number of clients.
    public var benchmark: BenchmarkDataset
    /// The examples.
    public var splits: BenchmarkSplits
    /// What stands in for something, is missing or was left out, a sentence each.
    public var notes: [String]

    /// Gathers the splits of a data set.
    ///
    /// - Parameters:
    ///   - datasets: `train` and the held-out splits by name.
    ///   - groups: who each training row is from, where clients are natural.
    ///   - roll: see ``BenchmarkSplits/roll``.
    /// - Throws: `DatasetError` when there is no `train` or the groups do not fit it.
    init(
        _ benchmark: BenchmarkDataset, _ datasets: [String: MultimodalDataset], groups: [String]? = nil,
        roll: [String]? = nil, notes: [String] = []
    ) throws(DatasetError) {
        var heldOut = datasets
        guard let train = heldOut.removeValue(forKey: "train") else {
            throw DatasetError(.missing, "data set '\(benchmark.name)' has no split 'train'")
        }
        self.init(
            benchmark, try BenchmarkSplits(train: train, groups: groups, roll: roll, heldOut: heldOut), notes: notes)
    }

    /// Gathers the parts.
    init(_ benchmark: BenchmarkDataset, _ splits: BenchmarkSplits, notes: [String] = []) {
        self.benchmark = benchmark
        self.splits = splits
        self.notes = notes
    }

    /// Says that words were not encoded by a language model.
    static let hashingNote = [
        "text: signed hashes of tokens stand in for the benchmark's MobileBERT states, so results are not comparable"
    ]

    /// Says that a modality has no features in some splits.
    static func absenceNote(_ modality: String, _ splits: [String], root: String) -> [String] {
        splits.isEmpty
            ? []
            : [
                "\(modality): absent in \(splits.joined(separator: ", ")), every example has length 0; expected "
                    + "'\(modality)' in \(root)/features/SPLIT.safetensors to change that"
            ]
    }
}
