import Datasets
import Foundation
import TestSupport
import Testing

/// Three windows in both of the layouts.
private struct Fixture {
    static let signals = ["acc", "gyro"].flatMap { sensor in ["x", "y", "z"].map { "body_\(sensor)_\($0)" } }

    static func value(_ signal: Int, _ window: Int, _ step: Int) -> Float {
        Float(signal + 1) * 0.5 + Float(window) * 10 + Float(step % 7) / 8
    }

    static func labels(_ folder: TemporaryFolder, split: String = "train", y: String = "1\n6\n3\n") throws {
        try folder.write(y, to: "\(split)/y_\(split).txt")
        try folder.write("7\r\n7\r\n12\r\n", to: "\(split)/subject_\(split).txt")
    }

    static func text(_ folder: TemporaryFolder, replacing: [String: String] = [:]) throws {
        for (index, name) in signals.enumerated() {
            let lines = (0..<3).map { window in
                (0..<128).map { String(format: "  %.7e", value(index, window, $0)) }.joined()
            }
            try folder.write(
                replacing[name] ?? lines.joined(separator: "\n") + "\n", to: "train/Inertial Signals/\(name)_train.txt")
        }
        try labels(folder)
    }

    static func packed(_ folder: TemporaryFolder, replacing: [String: Data] = [:]) throws {
        for (index, name) in signals.enumerated() {
            var data = Data()
            for window in 0..<3 {
                for step in 0..<128 {
                    withUnsafeBytes(of: value(index, window, step).bitPattern.littleEndian) {
                        data.append(contentsOf: $0)
                    }
                }
            }
            try folder.write(replacing[name] ?? data, to: "train/\(name)_train.f32")
        }
        try labels(folder)
    }
}

@Suite struct UCIHARReaderTests {
    @Test func bothLayoutsGiveTheSameValues() throws {
        let text = try TemporaryFolder()
        let packed = try TemporaryFolder()
        try Fixture.text(text)
        try Fixture.packed(packed)
        let first = try UCIHARReader(path: text.path).read(.train, isNormalised: false)
        let second = try UCIHARReader(path: packed.path).read(.train, isNormalised: false)
        #expect(first.values == second.values)
        #expect(first.labels == [0, 5, 2])
        #expect(first.subjects == [7, 7, 12])
        #expect(first.classes == UCIHARReader.classNames)
        #expect(first.modalities.map(\.name) == ["acc", "gyro"])
        // Row-major [window, step, axis].
        #expect(first.values[0][(1 * 128 + 5) * 3 + 2] == Fixture.value(2, 1, 5))
        #expect(first.values[1][(2 * 128 + 127) * 3 + 0] == Fixture.value(3, 2, 127))
    }

    @Test func windowsAreNormalisedOnTheirOwn() throws {
        let folder = try TemporaryFolder()
        try Fixture.packed(folder)
        let data = try UCIHARReader(path: folder.path).read(.train)
        for modality in 0..<2 {
            for window in 0..<3 {
                for axis in 0..<3 {
                    let axis = (0..<128).map { Double(data.values[modality][(window * 128 + $0) * 3 + axis]) }
                    #expect(abs(axis.reduce(0, +) / 128) < 1e-6)
                    #expect(abs(axis.reduce(0) { $0 + $1 * $1 } / 128 - 1) < 1e-3)
                }
            }
        }
    }

    @Test func findsTheFolderInsideTheArchive() throws {
        let folder = try TemporaryFolder()
        try FileManager.default.createDirectory(
            atPath: folder.path + "/UCI HAR Dataset/train", withIntermediateDirectories: true)
        #expect(try UCIHARReader(path: folder.path).root.hasSuffix("UCI HAR Dataset"))
        #expect(throws: DatasetError.self) { try UCIHARReader(path: folder.path + "/nothing") }
    }

    /// `lines` lines, each of `numbers` times "0.5 " and then `tail`.
    struct BrokenText: Sendable, CustomTestStringConvertible {
        var lines = 1
        var numbers = 127
        var tail: String
        var expected: String
        var code = DatasetError.Code.malformed
        var testDescription: String { expected }

        var content: String {
            String(repeating: String(repeating: "0.5 ", count: numbers) + tail + "\n", count: lines)
        }
    }

    @Test(arguments: [
        BrokenText(numbers: 3, tail: "", expected: "line 1: 3 numbers, expected 128"),
        BrokenText(tail: "nan", expected: "line 1: found \"nan\""),
        BrokenText(tail: "1e999", expected: "line 1: found \"1e999\""),
        BrokenText(tail: "1e39", expected: "does not fit Float32"),
        BrokenText(tail: "0x1p3", expected: "line 1: found \"0x1p3\""),
        BrokenText(tail: String(repeating: "1", count: 1000), expected: "line 1: found \"1111"),
        BrokenText(tail: "\u{1}", expected: "line 1: byte 1 is not text"),
        BrokenText(lines: 4, numbers: 128, tail: "", expected: "line 4: more windows than the 3", code: .mismatch),
        BrokenText(numbers: 128, tail: "", expected: "1 windows, expected 3", code: .mismatch),
    ])
    func brokenTextNamesFileAndLine(broken: BrokenText) throws {
        let folder = try TemporaryFolder()
        try Fixture.text(folder, replacing: ["body_gyro_y": broken.content])
        let error = try #require(throws: DatasetError.self) { try UCIHARReader(path: folder.path).read(.train) }
        #expect(error.code == broken.code)
        #expect(error.message.contains("body_gyro_y_train.txt"))
        #expect(error.message.contains(broken.expected), "\(error.message)")
    }

    @Test func brokenPackedFilesNameTheOffset() throws {
        let folder = try TemporaryFolder()
        var data = Data(count: 3 * 128 * 4)
        data.replaceSubrange(40..<44, with: [0, 0, 0xC0, 0x7F])
        try Fixture.packed(folder, replacing: ["body_acc_z": data])
        let notFinite = try #require(throws: DatasetError.self) { try UCIHARReader(path: folder.path).read(.train) }
        #expect(notFinite.message.contains("body_acc_z_train.f32: byte 40: nan"))
        try folder.write(Data(count: 100), to: "train/body_acc_z_train.f32")
        let short = try #require(throws: DatasetError.self) { try UCIHARReader(path: folder.path).read(.train) }
        #expect(short.code == .mismatch)
        #expect(short.message.contains("100 bytes, expected 1536"))
    }

    @Test(arguments: ["0\n1\n1\n", "7\n1\n1\n", "1.5\n1\n1\n", "1 2\n1\n1\n", "", "x\n"])
    func brokenLabelsAreRefused(content: String) throws {
        let folder = try TemporaryFolder()
        try Fixture.packed(folder)
        try Fixture.labels(folder, y: content)
        let error = try #require(throws: DatasetError.self) { try UCIHARReader(path: folder.path).read(.train) }
        #expect(error.code == .malformed)
        #expect(error.message.contains("y_train.txt"))
    }

    @Test func limitsComeBeforeMemory() throws {
        let folder = try TemporaryFolder()
        try Fixture.packed(folder)
        var limits = UCIHARReader.Limits()
        limits.maximumWindows = 2
        let windows = try #require(throws: DatasetError.self) {
            try UCIHARReader(path: folder.path, limits: limits).read(.train)
        }
        #expect(windows.code == .tooLarge)
        limits = .init()
        limits.maximumFileBytes = 1000
        let bytes = try #require(throws: DatasetError.self) {
            try UCIHARReader(path: folder.path, limits: limits).read(.train)
        }
        #expect(bytes.code == .tooLarge)
    }

    @Test func missingSignalIsNamed() throws {
        let folder = try TemporaryFolder()
        try Fixture.labels(folder)
        let error = try #require(throws: DatasetError.self) { try UCIHARReader(path: folder.path).read(.train) }
        #expect(error.code == .missing)
        #expect(error.message.contains("body_acc_x_train.f32"))
    }
}

@Suite(.enabled(if: RealData.uciHAR != nil, "TRIBUTARY_DATA does not name a folder that holds uci-har"))
struct RealUCIHARTests {
    @Test func countsAreThePublishers() throws {
        let reader = try UCIHARReader(path: #require(RealData.uciHAR))
        let train = try reader.read(.train)
        let test = try reader.read(.test)
        #expect(train.count == 7352)
        #expect(test.count == 2947)
        #expect(Set(train.subjects ?? []).count == 21)
        #expect(Set(test.subjects ?? []) == SyntheticHAR.testSubjects)
        #expect((0..<6).map { label in train.labels.count { $0 == label } } == [1226, 1073, 986, 1286, 1374, 1407])
        let sites = try SubjectPartition.sites(train, count: 5)
        #expect(sites.map(\.count).reduce(0, +) == 7352)
        #expect(Set(sites[0].subjects ?? []) == [1, 8, 17, 25, 30])
    }
}

enum RealData {
    static var uciHAR: String? {
        guard let root = ProcessInfo.processInfo.environment["TRIBUTARY_DATA"], !root.isEmpty else { return nil }
        return (try? UCIHARReader(path: root)).map(\.root)
    }

    /// The folder of real data if it holds a file.
    static func folder(_ file: String) -> String? {
        guard let root = ProcessInfo.processInfo.environment["TRIBUTARY_DATA"], !root.isEmpty,
            FileManager.default.fileExists(atPath: root + "/" + file)
        else { return nil }
        return root
    }
}
