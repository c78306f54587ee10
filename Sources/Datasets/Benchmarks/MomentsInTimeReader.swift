/// Reads the lists of Moments in Time (M. Monfort et al., IEEE TPAMI 42(2), 2020) as the FedMultimodal benchmark uses
/// them: the 10 or 51 actions with the most training videos.
///
/// The folder holds the publisher's `trainingSet.csv` and `validationSet.csv`, without a header: the video as
/// `ACTION/VIDEO.mp4`, the action, and how many annotators agreed and disagreed. Where sound was extracted to
/// `audios/training/ACTION/VIDEO.wav` and `audios/validation/…`, as the benchmark has it, the videos are those with
/// sound and the lists are not needed. A row's key is `ACTION/VIDEO`.
///
/// The most frequent actions are counted over all training videos; of equally frequent ones the first wins in the order
/// in which a listing of paths would show them. Classes are in the order of their names. The publisher's validation set
/// is `test`. Training rows are in the order of their keys; ``ListedSplits/holdingOutDev()`` draws the benchmark's `dev`.
public struct MomentsInTimeReader: Sendable {
    /// The folder with the lists.
    public let root: String

    /// Makes a reader of a folder.
    ///
    /// - Throws: `DatasetError` with code `missing` when it holds neither training videos' list nor their sound.
    public init(path: String) throws(DatasetError) {
        guard BoundedFile.exists(path + "/trainingSet.csv") || BoundedFile.folderExists(path + "/audios/training")
        else {
            throw DatasetError(.missing, "\(path): neither 'trainingSet.csv' nor 'audios/training' is here")
        }
        root = path
    }

    /// The rows of the most frequent actions: `train` and `test`.
    ///
    /// - Parameters:
    ///   - actions: how many actions are kept; the benchmark has 10 and 51.
    ///   - keys: the videos that can be used, e.g. those whose features exist; nil for all. The benchmark leaves out
    ///     videos with fewer than 71 frames here, after counting actions.
    /// - Throws: `DatasetError` naming the file and line; `mismatch` when there are fewer actions.
    public func rows(actions: Int, keys: Set<String>? = nil) throws(DatasetError) -> ListedSplits {
        let training = try videos("training", list: "trainingSet.csv")
        var counts: [String: Int] = [:]
        for video in training { counts[video.action, default: 0] += 1 }
        guard actions >= 1, counts.count >= actions else {
            throw DatasetError(.mismatch, "\(root): \(counts.count) actions, expected at least \(max(1, actions))")
        }
        // A path shows the action followed by a slash, before which few characters sort.
        let ranked = counts.sorted {
            $0.value == $1.value
                ? BenchmarkRules.precedes($0.key + "/", $1.key + "/") : $0.value > $1.value
        }
        let classes = ranked.prefix(actions).map(\.key).sorted(by: BenchmarkRules.precedes)
        let labels = Dictionary(uniqueKeysWithValues: classes.enumerated().map { ($1, $0) })
        func rows(_ videos: [Video]) -> [ListedRow] {
            videos.compactMap { video in
                let key = "\(video.action)/\(video.name)"
                guard let label = labels[video.action], keys?.contains(key) ?? true else { return nil }
                return ListedRow(key: key, label: label, file: video.file)
            }.sorted { BenchmarkRules.precedes($0.key, $1.key) }
        }
        let train = rows(training)
        // The publisher's two sets are different videos, but may share names: a key is one of a split's.
        let test = rows(try videos("validation", list: "validationSet.csv"))
        return try ListedSplits(classes: classes, train: train, heldOut: ["test": test])
    }

    /// Sound features of rows, each recording normalised on its own.
    public func audio(_ rows: [ListedRow]) throws(DatasetError) -> ModalityColumn {
        try AudioFeatures(.momentsInTime).column(rows)
    }

    private struct Video {
        var action: String
        var name: String
        var file: String?
    }

    private func videos(_ part: String, list: String) throws(DatasetError) -> [Video] {
        let folder = "\(root)/audios/\(part)"
        guard !BoundedFile.folderExists(folder) else {
            var videos: [Video] = []
            for action in try FolderListing.names(in: folder) {
                for name in try FolderListing.names(in: "\(folder)/\(action)", endingWith: ".wav") {
                    videos.append(
                        Video(action: action, name: String(name.dropLast(4)), file: "\(folder)/\(action)/\(name)"))
                }
            }
            return videos
        }
        let table = try DelimitedText(contentsOf: "\(root)/\(list)", hasHeader: false)
        var videos: [Video] = []
        for row in table.rows {
            guard row.fields.count >= 2 else { throw table.refusal(row, 0, expected: "a video and its action") }
            let parts = row[0].split(separator: "/", omittingEmptySubsequences: false)
            guard parts.count == 2, parts[0] == row[1], !parts[0].isEmpty, let dot = parts[1].lastIndex(of: "."),
                dot != parts[1].startIndex
            else { throw table.refusal(row, 0, expected: "ACTION/VIDEO.mp4 with the action of the second column") }
            videos.append(Video(action: row[1], name: String(parts[1][..<dot])))
        }
        return videos
    }
}
