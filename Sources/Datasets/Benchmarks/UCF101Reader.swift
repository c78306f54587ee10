/// Reads the lists of UCF101 (K. Soomro, A. R. Zamir, M. Shah, CRCV-TR-12-01, 2012) as the FedMultimodal benchmark uses
/// them: the 51 classes whose videos have sound, in the official three splits.
///
/// The folder holds the lists, either the publisher's `trainlist0F.txt` and `testlist0F.txt` (here or in
/// `ucfTrainTestlist`; lines `CLASS/VIDEO.avi`, in the training list followed by a number) or those that the benchmark
/// was made with, `ucf101_train_split_F_rawframes.txt` and `ucf101_val_split_F_rawframes.txt` (lines
/// `CLASS/VIDEO FRAMES NUMBER`), and, where sound was extracted, `audios/CLASS/VIDEO.wav`. A row is a video of the list
/// that has sound; without the folder `audios` it is every video of ``classNames``. Its key is `CLASS/VIDEO`.
///
/// Training rows are in the order of their keys; ``ListedSplits/holdingOutDev()`` draws the benchmark's `dev`.
public struct UCF101Reader: Sendable {
    /// The name of the data set in jobs.
    public static let datasetName = "ucf101"
    /// The classes with sound: those that UCF101 added to UCF50, in the order of their UTF-8 bytes.
    public static let classNames = [
        "ApplyEyeMakeup", "ApplyLipstick", "Archery", "BabyCrawling", "BalanceBeam", "BandMarching", "BasketballDunk",
        "BlowDryHair", "BlowingCandles", "BodyWeightSquats", "Bowling", "BoxingPunchingBag", "BoxingSpeedBag",
        "BrushingTeeth", "CliffDiving", "CricketBowling", "CricketShot", "CuttingInKitchen", "FieldHockeyPenalty",
        "FloorGymnastics", "FrisbeeCatch", "FrontCrawl", "Haircut", "HammerThrow", "Hammering", "HandstandPushups",
        "HandstandWalking", "HeadMassage", "IceDancing", "Knitting", "LongJump", "MoppingFloor", "ParallelBars",
        "PlayingCello", "PlayingDaf", "PlayingDhol", "PlayingFlute", "PlayingSitar", "Rafting", "ShavingBeard",
        "Shotput", "SkyDiving", "SoccerPenalty", "StillRings", "SumoWrestling", "Surfing", "TableTennisShot", "Typing",
        "UnevenBars", "WallPushups", "WritingOnBoard",
    ]
    /// How many splits there are.
    public static let folds = 3

    /// The folder with the lists.
    public let root: String

    /// Makes a reader of a folder.
    ///
    /// - Throws: `DatasetError` with code `missing` when it holds none of the training lists.
    public init(path: String) throws(DatasetError) {
        let lists = (1...Self.folds).flatMap { Self.lists("train", fold: $0) }
        guard lists.contains(where: { BoundedFile.exists("\(path)/\($0)") }) else {
            throw DatasetError(
                .missing, "\(path): none of \(Self.lists("train", fold: 1).joined(separator: ", ")) is here")
        }
        root = path
    }

    /// The names that a split's list may have.
    private static func lists(_ split: String, fold: Int) -> [String] {
        let official = "\(split)list0\(fold).txt"
        let other = split == "test" ? "val" : split
        return [official, "ucfTrainTestlist/" + official, "ucf101_\(other)_split_\(fold)_rawframes.txt"]
    }

    /// The rows of one official split: `train` and `test`.
    ///
    /// - Parameter fold: 1 to 3.
    /// - Throws: `DatasetError` naming the file and line.
    public func rows(fold: Int) throws(DatasetError) -> ListedSplits {
        guard (1...Self.folds).contains(fold) else {
            throw DatasetError(.invalidArgument, "fold \(fold), expected 1...\(Self.folds)")
        }
        let hasSound = BoundedFile.folderExists(root + "/audios")
        var classes = Self.classNames
        var sounding: [String: Set<String>] = [:]
        if hasSound {
            classes = []
            for name in try FolderListing.names(in: root + "/audios") {
                let videos = try FolderListing.names(in: "\(root)/audios/\(name)", endingWith: ".wav")
                guard !videos.isEmpty else { continue }
                classes.append(name)
                sounding[name] = Set(videos.map { String($0.dropLast(4)) })
            }
        }
        let labels = Dictionary(uniqueKeysWithValues: classes.enumerated().map { ($1, $0) })
        func part(_ split: String) throws(DatasetError) -> [ListedRow] {
            var rows: [ListedRow] = []
            for (action, video) in try list(Self.lists(split, fold: fold)) {
                guard let label = labels[action], !hasSound || sounding[action]?.contains(video) == true else {
                    continue
                }
                rows.append(
                    ListedRow(
                        key: "\(action)/\(video)", label: label,
                        file: hasSound ? "\(root)/audios/\(action)/\(video).wav" : nil))
            }
            return rows.sorted { BenchmarkRules.precedes($0.key, $1.key) }
        }
        return try ListedSplits(
            classes: classes, train: part("train"), heldOut: ["test": part("test")])
    }

    /// Sound features of rows, each recording normalised on its own.
    public func audio(_ rows: [ListedRow]) throws(DatasetError) -> ModalityColumn {
        try AudioFeatures(.ucf101).column(rows)
    }

    /// Class and video of each line of the first list that is there.
    private func list(_ names: [String]) throws(DatasetError) -> [(action: String, video: String)] {
        guard let path = names.map({ "\(root)/\($0)" }).first(where: { BoundedFile.exists($0) }) else {
            throw DatasetError(.missing, "\(root): none of \(names.joined(separator: ", ")) is here")
        }
        let table = try DelimitedText(contentsOf: path, separator: "\t", hasHeader: false, isQuoted: false)
        var videos: [(action: String, video: String)] = []
        for row in table.rows {
            let name = row[0].prefix { $0 != " " }
            let parts = name.split(separator: "/", omittingEmptySubsequences: false)
            guard parts.count == 2, !parts[0].isEmpty, !parts[1].isEmpty, parts[1] != ".." else {
                throw table.refusal(row, 0, expected: "CLASS/VIDEO")
            }
            videos.append(
                (String(parts[0]), String(parts[1].hasSuffix(".avi") ? parts[1].dropLast(4) : parts[1])))
        }
        return videos
    }
}
