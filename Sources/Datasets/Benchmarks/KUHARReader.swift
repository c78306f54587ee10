import Foundation

/// Reads the trimmed recordings of KU-HAR (N. Sikder, A.-A. Nahid, "KU-HAR: an open dataset for heterogeneous human
/// activity recognition", 2021; Mendeley Data 45f952y38r, version 5) as the FedMultimodal benchmark uses them.
///
/// The folder holds `Trimmed_interpolated_data` (or `2.Trimmed_interpolated_data`, as the publisher's archive is named,
/// or its content) with a folder an activity, such as `11.Walk`, and in it files `PERSON_….csv` without a header: eight
/// columns at 100 Hz, the time and x, y, z of the accelerometer (m/s²), the time and x, y, z of the gyroscope (rad/s).
///
/// Eight of the 18 activities are used and participant 1101 is left out. Every second row is taken, 50 Hz; a window is
/// 256 rows, hence `acc` and `gyro` of `[128, 3]`, normalised window by window and axis by axis
/// (``WindowNormalisation``). People, in the order of their numbers as text, are parted into five folds
/// (``BenchmarkRules``). Groups are the people; a person's windows are in the order of their keys
/// `FOLDER/FILE-NUMBER` as text, from which the benchmark draws `dev`.
///
/// With `isFaithful` the benchmark's quirks are kept: its extraction takes the first 128 of a window's 256 rows, so that
/// inputs are `[64, 3]`, and people with fewer than ten windows to train on are lost. The benchmark's list of clients, by
/// whose places corruption is drawn, has them all the same.
public struct KUHARReader: Sendable {
    /// The name of the data set in jobs.
    public static let datasetName = "ku-har"
    /// The publisher's folders, in the order of the benchmark's classes.
    public static let folders = [
        "0.Stand", "1.Sit", "11.Walk", "5.Lay", "8.Jump", "14.Run", "15.Stair-up", "16.Stair-down",
    ]
    /// The class names.
    public static let classNames = ["stand", "sit", "walk", "lay", "jump", "run", "stair-up", "stair-down"]
    /// The participant whom the benchmark leaves out.
    public static let excludedParticipant = 1101
    /// Windows that a person needs in the faithful mode to be trained on.
    public static let faithfulMinimum = 10
    /// Samples of a window at 50 Hz.
    static let windowSteps = 128

    /// What a reader may take.
    public struct Limits: Sendable {
        /// The largest single file, in bytes.
        public var maximumFileBytes = 1 << 26
        /// The most windows in all.
        public var maximumWindows = 1_000_000

        /// The defaults: files of 64 MiB, a million windows.
        public init() {}
    }

    /// One window: its key in the benchmark's order, its class and its samples `[steps, 6]`.
    private struct Window {
        var key: String
        var label: Int
        var samples: [Float]
    }

    /// The folder of the activities' folders.
    public let root: String
    /// Whether the benchmark's quirks are kept.
    public let isFaithful: Bool
    /// What this reader may take.
    public let limits: Limits

    /// Samples of an input.
    public var steps: Int { modalities[0].shape[0] }
    /// The two inputs.
    public var modalities: [Modality] { Self.modalities(isFaithful: isFaithful) }

    /// The two inputs, with or without the benchmark's quirks.
    public static func modalities(isFaithful: Bool) -> [Modality] {
        ["acc", "gyro"].map { Modality(name: $0, shape: [isFaithful ? windowSteps / 2 : windowSteps, 3]) }
    }

    /// Makes a reader.
    ///
    /// - Throws: `DatasetError` with code `missing` when the activities' folders are not there.
    public init(path: String, isFaithful: Bool = false, limits: Limits = Limits()) throws(DatasetError) {
        let candidates = ["Trimmed_interpolated_data", "2.Trimmed_interpolated_data"].map { "\(path)/\($0)" } + [path]
        guard let root = candidates.first(where: { BoundedFile.folderExists("\($0)/\(Self.folders[0])") }) else {
            throw DatasetError(
                .missing,
                "\(path): no folder '\(Self.folders[0])' here nor in 'Trimmed_interpolated_data': expected the unpacked "
                    + "KU-HAR data set")
        }
        self.root = root
        self.isFaithful = isFaithful
        self.limits = limits
    }

    /// Reads one of the benchmark's five folds.
    ///
    /// - Parameters:
    ///   - fold: 1 to 5.
    ///   - holdsOutDev: whether a fifth of the windows of each person who is trained on becomes `dev`, by
    ///     ``BenchmarkRules/trainDev(count:seed:)``; otherwise a partitioner can draw it.
    /// - Throws: `DatasetError` naming the file and line.
    public func read(fold: Int, holdsOutDev: Bool = false) throws(DatasetError) -> BenchmarkSplits {
        let people = try windows().sorted { BenchmarkRules.precedes($0.key, $1.key) }
        let tested = try BenchmarkRules.testPositions(fold: fold, count: people.count)
        var parts: [String: (windows: [Window], people: [String])] = [:]
        let roll = people.indices.filter { !tested.contains($0) }.map { people[$0].key }
        func add(_ windows: [Window], to split: String, of person: String) {
            parts[split, default: ([], [])].windows += windows
            parts[split, default: ([], [])].people += Array(repeating: person, count: windows.count)
        }
        for (position, person) in people.enumerated() {
            let sorted = person.value.sorted { BenchmarkRules.precedes($0.key, $1.key) }
            guard !tested.contains(position) else {
                add(sorted, to: "test", of: person.key)
                continue
            }
            let drawn = BenchmarkRules.trainDev(count: sorted.count)
            if holdsOutDev { add(drawn.dev.map { sorted[$0] }, to: "dev", of: person.key) }
            guard !isFaithful || drawn.train.count >= Self.faithfulMinimum else { continue }
            add(holdsOutDev ? drawn.train.map { sorted[$0] } : sorted, to: "train", of: person.key)
        }
        var held: [String: MultimodalDataset] = [:]
        for split in holdsOutDev ? ["dev", "test"] : ["test"] { held[split] = try dataset(parts[split] ?? ([], [])) }
        let train = parts["train"] ?? ([], [])
        return try BenchmarkSplits(train: dataset(train), groups: train.people, roll: roll, heldOut: held)
    }

    private func dataset(_ part: (windows: [Window], people: [String])) throws(DatasetError) -> MultimodalDataset {
        let steps = steps
        var values = modalities.map { _ in [Float]() }
        for sensor in values.indices {
            values[sensor].reserveCapacity(part.windows.count * steps * 3)
            for window in part.windows {
                for step in 0..<steps {
                    values[sensor] += window.samples[step * 6 + sensor * 3..<step * 6 + sensor * 3 + 3]
                }
            }
            WindowNormalisation.apply(to: &values[sensor], steps: steps, axes: 3)
        }
        return try MultimodalDataset(
            name: Self.datasetName, classes: Self.classNames, modalities: modalities, values: values,
            labels: part.windows.map(\.label), subjects: part.people.compactMap { Int($0) })
    }

    /// The windows of every participant; one without a whole window is there too, as folds count people.
    private func windows() throws(DatasetError) -> [String: [Window]] {
        var people: [String: [Window]] = [:]
        var count = 0
        for (label, folder) in Self.folders.enumerated() {
            for name in try FolderListing.names(in: "\(root)/\(folder)", endingWith: ".csv") {
                let path = "\(root)/\(folder)/\(name)"
                let person = String(name.prefix { $0 != "_" })
                guard (1...9).contains(person.utf8.count), person.utf8.allSatisfy({ (0x30...0x39).contains($0) }),
                    person.count < name.count
                else {
                    throw DatasetError(
                        .malformed, "\(path): the name, expected the participant's number, '_' and the rest")
                }
                guard Int(person) != Self.excludedParticipant else { continue }
                let samples = try samples(path)
                let found = samples.count / 6 / Self.windowSteps
                let steps = steps
                count += found
                guard count <= limits.maximumWindows else {
                    throw DatasetError(.tooLarge, "\(path): more than \(limits.maximumWindows) windows in all")
                }
                people[person, default: []] += (0..<found).map { index in
                    let start = index * Self.windowSteps * 6
                    return Window(
                        key: "\(folder)/\(name)-\(index)", label: label,
                        samples: Array(samples[start..<start + steps * 6]))
                }
            }
        }
        return people
    }

    /// Every second row's six numbers.
    private func samples(_ path: String) throws(DatasetError) -> [Float] {
        let bytes = try BoundedFile.read(path, maximumBytes: limits.maximumFileBytes)
        var values: [Float] = []
        var rows = 0
        try NumberLines.forEach(in: bytes, path: path, separator: 0x2C) { (line, numbers) throws(DatasetError) in
            guard numbers.count == 8 else {
                throw DatasetError(
                    .malformed,
                    "\(path): line \(line): \(numbers.count) numbers, expected 8: time, x, y, z of both sensors")
            }
            rows += 1
            guard rows % 2 == 1 else { return }
            for column in [1, 2, 3, 5, 6, 7] {
                let value = Float(numbers[column])
                guard value.isFinite else {
                    throw DatasetError(.malformed, "\(path): line \(line): \(numbers[column]) does not fit Float32")
                }
                values.append(value)
            }
        }
        return values
    }
}
