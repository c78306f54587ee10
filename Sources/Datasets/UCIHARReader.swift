import Foundation

/// Reads the inertial windows of "Human Activity Recognition Using Smartphones" (Anguita et al., ESANN 2013).
///
/// Two layouts are understood, both with `subject_SPLIT.txt` and `y_SPLIT.txt` (one number a line, classes 1 to 6)
/// beside the signals, in the folder of the split:
/// - the publisher's: `SPLIT/Inertial Signals/body_acc_x_SPLIT.txt`, text, one window of 128 numbers a line;
/// - packed: `SPLIT/body_acc_x_SPLIT.f32`, little-endian Float32, row-major `[windows, 128]`.
///
/// The result has the modalities `acc` (body acceleration, g) and `gyro` (angular velocity, rad/s), each `[128, 3]` at
/// 50 Hz. Every file is capped before it is read, and every number must be finite.
public struct UCIHARReader: Sendable {
    /// The name of the data set in manifests and jobs.
    public static let datasetName = "uci-har"
    /// The class names, in the order of the publisher's numbers 1 to 6.
    public static let classNames = [
        "walking", "walking_upstairs", "walking_downstairs", "sitting", "standing", "laying",
    ]
    /// Samples of a window.
    public static let steps = 128
    /// The two inputs.
    public static let modalities = [
        Modality(name: "acc", shape: [steps, 3]), Modality(name: "gyro", shape: [steps, 3]),
    ]
    /// The highest subject number accepted.
    public static let maximumSubject = 1_000_000

    /// One of the publisher's two parts.
    public enum Split: String, Sendable, CaseIterable {
        /// 7,352 windows of 21 subjects.
        case train
        /// 2,947 windows of the other 9 subjects.
        case test
    }

    /// What a reader may take.
    public struct Limits: Sendable {
        /// The most windows a split may hold.
        public var maximumWindows = 1_000_000
        /// The largest single file, in bytes.
        public var maximumFileBytes = 1 << 30

        /// The defaults: a million windows, files of 1 GiB.
        public init() {}
    }

    /// The folder that holds `train` and `test`.
    public let root: String
    /// What this reader may take.
    public let limits: Limits

    /// Makes a reader.
    ///
    /// - Parameter path: the folder that holds `train` and `test`, or one that holds it as `UCI HAR Dataset` or `uci-har`.
    /// - Throws: `DatasetError` with code `missing` when none of these exists.
    public init(path: String, limits: Limits = Limits()) throws(DatasetError) {
        let candidates = [path, path + "/UCI HAR Dataset", path + "/uci-har"]
        guard
            let root = candidates.first(where: { candidate in
                Split.allCases.contains { BoundedFile.folderExists("\(candidate)/\($0.rawValue)") }
            })
        else {
            throw DatasetError(
                .missing,
                "\(path): no folder 'train' or 'test' here nor in 'UCI HAR Dataset': expected the unpacked UCI HAR data set"
            )
        }
        self.root = root
        self.limits = limits
    }

    /// Reads one split.
    ///
    /// - Parameters:
    ///   - split: which part.
    ///   - isNormalised: whether to apply `WindowNormalisation` to every window, as training expects.
    /// - Throws: `DatasetError` naming the file and its line or byte offset.
    public func read(_ split: Split, isNormalised: Bool = true) throws(DatasetError) -> MultimodalDataset {
        let folder = "\(root)/\(split.rawValue)"
        let labels = try column("\(folder)/y_\(split.rawValue).txt", range: 1...Self.classNames.count)
        let subjects = try column("\(folder)/subject_\(split.rawValue).txt", range: 0...Self.maximumSubject)
        guard labels.count == subjects.count else {
            throw DatasetError(
                .mismatch,
                "\(folder): y_\(split.rawValue).txt has \(labels.count) lines and subject_\(split.rawValue).txt "
                    + "\(subjects.count), expected as many")
        }
        var values: [[Float]] = []
        for sensor in Self.modalities.map(\.name) {
            var block = [Float](repeating: 0, count: labels.count * Self.steps * 3)
            for (axis, letter) in ["x", "y", "z"].enumerated() {
                let signal = try signal(
                    "body_\(sensor)_\(letter)_\(split.rawValue)", folder: folder, windows: labels.count)
                for index in signal.indices { block[index * 3 + axis] = signal[index] }
            }
            if isNormalised { WindowNormalisation.apply(to: &block, steps: Self.steps, axes: 3) }
            values.append(block)
        }
        return try MultimodalDataset(
            name: Self.datasetName,
            classes: Self.classNames,
            modalities: Self.modalities,
            values: values,
            labels: labels.map { $0 - 1 },
            subjects: subjects
        )
    }

    /// One axis of one sensor, `[windows, 128]`, from whichever layout is there; the packed one wins.
    private func signal(_ name: String, folder: String, windows: Int) throws(DatasetError) -> [Float] {
        let packed = "\(folder)/\(name).f32"
        let text = "\(folder)/Inertial Signals/\(name).txt"
        if BoundedFile.exists(packed) { return try self.packed(packed, windows: windows) }
        guard BoundedFile.exists(text) else {
            throw DatasetError(
                .missing, "\(folder): neither '\(name).f32' nor 'Inertial Signals/\(name).txt' is here")
        }
        return try self.text(text, windows: windows)
    }

    private func packed(_ path: String, windows: Int) throws(DatasetError) -> [Float] {
        let bytes = try BoundedFile.read(path, maximumBytes: limits.maximumFileBytes)
        let expected = windows * Self.steps * 4
        guard bytes.count == expected else {
            throw DatasetError(
                .mismatch,
                "\(path): \(bytes.count) bytes, expected \(expected) (\(windows) windows of \(Self.steps) Float32, as many as "
                    + "labels)")
        }
        let values = bytes.withUnsafeBytes { raw in
            [Float](unsafeUninitializedCapacity: windows * Self.steps) { target, used in
                for index in target.indices {
                    let bits = raw.loadUnaligned(fromByteOffset: index * 4, as: UInt32.self)
                    target.initializeElement(at: index, to: Float(bitPattern: UInt32(littleEndian: bits)))
                }
                used = target.count
            }
        }
        if let index = values.firstIndex(where: { !$0.isFinite }) {
            throw DatasetError(
                .malformed, "\(path): byte \(index * 4): \(values[index]), expected a finite number")
        }
        return values
    }

    private func text(_ path: String, windows: Int) throws(DatasetError) -> [Float] {
        let bytes = try BoundedFile.read(path, maximumBytes: limits.maximumFileBytes)
        var values: [Float] = []
        values.reserveCapacity(windows * Self.steps)
        var lines = 0
        try NumberLines.forEach(in: bytes, path: path) { (line, numbers) throws(DatasetError) in
            guard lines < windows else {
                throw DatasetError(.mismatch, "\(path): line \(line): more windows than the \(windows) labels")
            }
            guard numbers.count == Self.steps else {
                throw DatasetError(
                    .malformed, "\(path): line \(line): \(numbers.count) numbers, expected \(Self.steps)")
            }
            for number in numbers {
                let value = Float(number)
                guard value.isFinite else {
                    throw DatasetError(.malformed, "\(path): line \(line): \(number) does not fit Float32")
                }
                values.append(value)
            }
            lines += 1
        }
        guard lines == windows else {
            throw DatasetError(.mismatch, "\(path): \(lines) windows, expected \(windows), as many as labels")
        }
        return values
    }

    /// A file of one whole number a line.
    private func column(_ path: String, range: ClosedRange<Int>) throws(DatasetError) -> [Int] {
        let bytes = try BoundedFile.read(path, maximumBytes: limits.maximumFileBytes)
        var values: [Int] = []
        try NumberLines.forEach(in: bytes, path: path) { (line, numbers) throws(DatasetError) in
            guard numbers.count == 1, let value = Int(exactly: numbers[0]), range.contains(value) else {
                throw DatasetError(
                    .malformed,
                    "\(path): line \(line): found \(numbers.map { "\($0)" }.prefix(3).joined(separator: " ")), "
                        + "expected one whole number in \(range.lowerBound)...\(range.upperBound)")
            }
            guard values.count < limits.maximumWindows else {
                throw DatasetError(
                    .tooLarge, "\(path): line \(line): more than \(limits.maximumWindows) windows")
            }
            values.append(value)
        }
        guard !values.isEmpty else {
            throw DatasetError(.malformed, "\(path): no numbers, expected one a line")
        }
        return values
    }
}
