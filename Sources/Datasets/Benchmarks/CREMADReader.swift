/// Reads the lists of CREMA-D (H. Cao et al., "CREMA-D: crowd-sourced emotional multimodal actors dataset", IEEE TAC
/// 5(4), 2014; github.com/CheyneyComputerScience/CREMA-D) as the FedMultimodal benchmark uses them, and its sound.
///
/// The folder is the publisher's repository: `processedResults/summaryTable.csv` with the columns `FileName` and
/// `MultiModalVote`, and `AudioWAV/ACTOR_SENTENCE_EMOTION_LEVEL.wav`. A row is a clip whose vote is one of anger,
/// sadness, happiness and neutral; clips with a tie (`A:S`), with other emotions, and `1076_MTI_SAD_XX`, which has no
/// sound, are left out. Its key is the name without its ending, its group the actor. Where there is no folder
/// `AudioWAV`, the table alone says which clips there are.
///
/// Actors in the order of their numbers are parted into five folds (``BenchmarkRules``). An actor's rows are in the
/// order of their names; ``ListedSplits/holdingOutDev()`` draws the benchmark's `dev` from them.
public struct CREMADReader: Sendable {
    /// The name of the data set in jobs.
    public static let datasetName = "crema-d"
    /// The class names, of the votes A, S, H and N.
    public static let classNames = ["anger", "sadness", "happiness", "neutral"]
    /// The publisher's letters, in the order of the classes.
    static let votes = ["A", "S", "H", "N"]
    /// The clip without sound.
    static let skipped = "1076_MTI_SAD_XX"

    /// The publisher's folder.
    public let root: String

    /// Makes a reader.
    ///
    /// - Parameter path: the folder that holds `processedResults`, or one that holds it as `CREMA-D`.
    /// - Throws: `DatasetError` with code `missing`.
    public init(path: String) throws(DatasetError) {
        let candidates = [path, path + "/CREMA-D"]
        guard let root = candidates.first(where: { BoundedFile.exists("\($0)/processedResults/summaryTable.csv") })
        else {
            throw DatasetError(
                .missing, "\(path): no 'processedResults/summaryTable.csv' here nor in 'CREMA-D': expected CREMA-D")
        }
        self.root = root
    }

    /// The rows of one of the benchmark's five folds: `train` and `test`.
    ///
    /// - Throws: `DatasetError` naming the file and line.
    public func rows(fold: Int) throws(DatasetError) -> ListedSplits {
        var actors: [Int: [ListedRow]] = [:]
        for row in try rows() { actors[Int(row.group ?? "") ?? 0, default: []].append(row) }
        let people = actors.sorted { $0.key < $1.key }.map(\.value)
        let tested = try BenchmarkRules.testPositions(fold: fold, count: people.count)
        return try ListedSplits(
            classes: Self.classNames,
            train: people.indices.filter { !tested.contains($0) }.flatMap { people[$0] },
            heldOut: ["test": tested.flatMap { people[$0] }])
    }

    /// Sound features of a split's rows, normalised over each actor's rows in that split.
    public func audio(_ rows: [ListedRow]) throws(DatasetError) -> ModalityColumn {
        try AudioFeatures(.cremaD).column(rows, groups: rows.map { $0.group ?? "" })
    }

    /// Every clip that is used, in the order of the names.
    private func rows() throws(DatasetError) -> [ListedRow] {
        let path = root + "/processedResults/summaryTable.csv"
        let table = try DelimitedText(contentsOf: path)
        let name = try table.column("FileName", "fileName")
        let vote = try table.column("MultiModalVote")
        var votes: [String: String] = [:]
        for row in table.rows {
            guard votes.updateValue(row[vote], forKey: row[name]) == nil else {
                throw table.refusal(row, name, expected: "every clip once")
            }
        }
        let folder = root + "/AudioWAV"
        let hasSound = BoundedFile.folderExists(folder)
        let names =
            hasSound
            ? try FolderListing.names(in: folder, endingWith: ".wav").map { String($0.dropLast(4)) }
            : votes.keys.sorted(by: BenchmarkRules.precedes)
        var rows: [ListedRow] = []
        for clip in names where clip != Self.skipped {
            guard let vote = votes[clip] else {
                throw DatasetError(.mismatch, "\(folder)/\(clip).wav: \(path) has no row of that name")
            }
            guard let label = Self.votes.firstIndex(of: vote) else { continue }
            let actor = clip.prefix { $0 != "_" }
            guard let number = Int(actor), (0...1_000_000).contains(number), actor.count < clip.count else {
                throw DatasetError(
                    .malformed, "\(path): clip \(clip.prefix(64).debugDescription): expected the actor's number and '_'"
                )
            }
            rows.append(
                ListedRow(
                    key: clip, label: label, group: String(number), file: hasSound ? "\(folder)/\(clip).wav" : nil))
        }
        return rows
    }
}
