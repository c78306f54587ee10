import Datasets
import Foundation
import Jobs
import TestSupport
import Testing

/// A small KU-HAR: people 1001 to 1012 with some activities, and the participant who is left out.
private struct Fixture {
    let folder: TemporaryFolder

    /// The value of a column at a row: no two files or columns are alike.
    static func value(_ seed: Int, row: Int, column: Int) -> Double {
        let number = (row * 37 + seed * 101 + column * 53) % 211
        return Double(number) / 16 - 6
    }

    static func csv(seed: Int, rows: Int) -> String {
        (0..<rows).map { row in
            (0..<8).map { column in
                column % 4 == 0 ? "\(row * 10).5" : "\(value(seed, row: row, column: column))"
            }.joined(separator: ",")
        }.joined(separator: "\r\n")
    }

    init(people: ClosedRange<Int> = 1001...1012) throws {
        folder = try TemporaryFolder()
        for name in KUHARReader.folders { try folder.write("", to: "Trimmed_interpolated_data/\(name)/.keep") }
        for person in people {
            // 12 windows of walking, then a file of one window (a second lacks one row at 50 Hz), then one of none.
            try write("11.Walk/\(person)_L_1.csv", seed: person, rows: 256 * 12 + 3)
            try write("0.Stand/\(person)_A_2.csv", seed: person + 1, rows: 509)
            try write("16.Stair-down/\(person)_Q_1.csv", seed: person + 2, rows: 254)
        }
        try write("1.Sit/1101_B_1.csv", seed: 3, rows: 600)
        try write("1.Sit/1013_B_1.csv", seed: 3, rows: 255)
    }

    func write(_ name: String, seed: Int, rows: Int) throws {
        try folder.write(Self.csv(seed: seed, rows: rows), to: "Trimmed_interpolated_data/\(name)")
    }

    /// The expected input: rows 256 · index, stride 2, normalised in Float64.
    static func window(seed: Int, index: Int, sensor: Int, steps: Int) -> [Double] {
        var axes: [[Double]] = []
        for axis in 1...3 {
            let raw = (0..<steps).map { value(seed, row: 256 * index + 2 * $0, column: sensor * 4 + axis) }
            let mean = raw.reduce(0, +) / Double(steps)
            let deviation = (raw.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(steps)).squareRoot()
            axes.append(raw.map { ($0 - mean) / (deviation + 1e-5) })
        }
        return (0..<steps).flatMap { step in axes.map { $0[step] } }
    }
}

@Suite struct KUHARReaderTests {
    @Test(arguments: [false, true])
    func foldsWindowsAndValues(isFaithful: Bool) throws {
        let fixture = try Fixture()
        let reader = try KUHARReader(path: fixture.folder.path, isFaithful: isFaithful)
        let steps = isFaithful ? 64 : 128
        // 13 people: three in each of the first three folds, two in the others. Person 1013 has one window.
        let splits = try reader.read(fold: 2)
        let test = try #require(splits.heldOut["test"])
        #expect(splits.heldOut.keys.sorted() == ["test"])
        #expect(Set(test.subjects ?? []) == [1004, 1005, 1006])
        #expect(splits.train.modalities == ["acc", "gyro"].map { Modality(name: $0, shape: [steps, 3]) })
        #expect(test.count == 3 * 13)
        // Keys as text: 0.Stand before 11.Walk, and there 0, 1, 10, 11, 2, ….
        #expect(Array(test.labels[..<13]) == [0] + [Int](repeating: 2, count: 12))
        let order = [0, 1, 10, 11, 2, 3, 4, 5, 6, 7, 8, 9]
        for (position, index) in order.enumerated() {
            for sensor in 0..<2 {
                let start = (1 + position) * steps * 3
                let found = test.values[sensor][start..<start + steps * 3]
                let expected = Fixture.window(seed: 1004, index: index, sensor: sensor, steps: steps)
                #expect(zip(found, expected).allSatisfy { abs(Double($0) - $1) < 2e-5 })
            }
        }
        let people = Set(splits.groups ?? [])
        #expect(people.contains("1013") == !isFaithful)
        #expect(!people.contains("1101") && !people.contains("1004") && people.contains("1012"))
    }

    @Test func devIsAFifthOfEachPerson() throws {
        let fixture = try Fixture()
        let reader = try KUHARReader(path: fixture.folder.path)
        let whole = try reader.read(fold: 1)
        let splits = try reader.read(fold: 1, holdsOutDev: true)
        let dev = try #require(splits.heldOut["dev"])
        // Of 13 windows 2 are held out, of one none; three people are tested on.
        #expect(dev.count == 9 * 2)
        #expect(splits.train.count == 9 * 11 + 1)
        let drawn = BenchmarkRules.trainDev(count: 13)
        let size = 128 * 3
        func window(_ data: MultimodalDataset, _ row: Int) -> [Float] {
            Array(data.values[1][row * size..<(row + 1) * size])
        }
        #expect(window(dev, 0) == window(whole.train, drawn.dev[0]))
        #expect(window(dev, 3) == window(whole.train, 13 + drawn.dev[1]))
        #expect(window(splits.train, 12) == window(whole.train, 13 + drawn.train[1]))
    }

    @Test func isReadByNameAndFold() throws {
        let fixture = try Fixture()
        var parameters = PartitionScheme.Parameters(scheme: .fedMultimodal)
        parameters.fold = 2
        func prepared() throws -> SitePartition.Prepared {
            try SitePartition.prepare(
                .init(
                    source: .init(benchmark: .kuHAR, isGenerated: false), data: fixture.folder.path,
                    partition: parameters))
        }
        let found = try prepared()
        #expect(found.train.modalities == BenchmarkDataset.kuHAR.modalities)
        #expect(Set(found.heldOut["test"]?.subjects ?? []) == [1004, 1005, 1006])
        #expect(found.partition.heldOut.map(\.name) == ["dev"])
        #expect(found.partition.clients.count == 10)
        parameters.faithful = true
        #expect(try prepared().train.modalities[0].shape == [64, 3])
        parameters.fold = 6
        let error = try #require(throws: DatasetError.self) { try prepared() }
        #expect(error.message.contains("fold is 6, expected 1...5 for KU-HAR"))
        let none = try #require(throws: DatasetError.self) {
            try BenchmarkDataset.ptbXL.read(path: fixture.folder.path, fold: 1)
        }
        #expect(none.message.contains("PTB-XL has no folds"))
    }

    /// Somebody with too few windows to train on is no client and counts in the numbers that corruption is drawn by.
    @Test(arguments: [true, false])
    func whoIsLostStillHasAPlace(isFaithful: Bool) throws {
        let fixture = try Fixture()
        try fixture.write("1.Sit/1000_B_1.csv", seed: 3, rows: 256)
        let job = JobSpecification(
            name: "ku-har", model: ["name": "har"], data: "ku-har", rounds: 1,
            corruption: ["mode": "faithful", "missingModality": 0.3],
            partition: ["scheme": "fedmultimodal", "fold": 2, "faithful": .bool(isFaithful)])
        let prepared = try SitePartition.prepare(.init(job, data: fixture.folder.path))
        // Of 14 people 1003, 1004 and 1005 are tested on; 1000 and 1013 have one window.
        let people = [1000, 1001, 1002, 1006, 1007, 1008, 1009, 1010, 1011, 1012, 1013]
        let expected = isFaithful ? Array(people.dropFirst().dropLast()) : people
        #expect(prepared.partition.clients.map(\.id) == expected.map(String.init))
        #expect(prepared.partition.clients.map(\.place) == expected.map { people.firstIndex(of: $0) })
        let summary = try CorruptionSummary.describe(job, prepared)
        #expect(summary.clients.map { Int($0.index) } == expected.map { (people.firstIndex(of: $0) ?? 0) + 2 })
    }

    @Test func theArchivesFolderIsFound() throws {
        let folder = try TemporaryFolder()
        try folder.write("", to: "2.Trimmed_interpolated_data/0.Stand/.keep")
        #expect(try KUHARReader(path: folder.path).root.hasSuffix("2.Trimmed_interpolated_data"))
        #expect(
            try KUHARReader(path: folder.path + "/2.Trimmed_interpolated_data").root == folder.path
                + "/2.Trimmed_interpolated_data")
        let error = try #require(throws: DatasetError.self) { try KUHARReader(path: folder.path + "/x") }
        #expect(error.code == .missing)
    }

    @Test(arguments: [
        ("8.Jump/1001_J_1.csv", "1,2,3,4,5,6,7\n", "line 1: 7 numbers, expected 8"),
        ("8.Jump/1001_J_1.csv", "1,2,3,4,5,6,7,8\n1,2,3,,5,6,7,8\n", "line 2: 7 numbers, expected 8"),
        ("8.Jump/1001_J_1.csv", "1,2,3,4,5,6,7,nan\n", "line 1: found \"nan\""),
        ("8.Jump/1001_J_1.csv", "1,2,3,4,5,6,7,1e300\n", "line 1: 1e+300 does not fit Float32"),
        ("8.Jump/readme.csv", "1\n", "expected the participant's number"),
        ("8.Jump/1001.csv", "1\n", "expected the participant's number"),
    ])
    func brokenFilesNameTheLine(name: String, content: String, expected: String) throws {
        let fixture = try Fixture(people: 1001...1005)
        try fixture.folder.write(content, to: "Trimmed_interpolated_data/\(name)")
        let reader = try KUHARReader(path: fixture.folder.path)
        let error = try #require(throws: DatasetError.self) { try reader.read(fold: 1) }
        #expect(error.code == .malformed)
        #expect(error.message.contains(name) && error.message.contains(expected), "\(error.message)")
    }

    @Test func limitsComeBeforeMemory() throws {
        let fixture = try Fixture(people: 1001...1005)
        var limits = KUHARReader.Limits()
        limits.maximumWindows = 20
        let windows = try #require(throws: DatasetError.self) {
            try KUHARReader(path: fixture.folder.path, limits: limits).read(fold: 1)
        }
        #expect(windows.code == .tooLarge)
        limits = .init()
        limits.maximumFileBytes = 1000
        let bytes = try #require(throws: DatasetError.self) {
            try KUHARReader(path: fixture.folder.path, limits: limits).read(fold: 1)
        }
        #expect(bytes.code == .tooLarge)
    }
}
