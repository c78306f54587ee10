import Datasets
import Foundation
import TestSupport
import Testing
import Weights

@Suite struct MELDReaderTests {
    private static let header =
        "Sr No.,Utterance,Speaker,Emotion,Sentiment,Dialogue_ID,Utterance_ID,Season,Episode,StartTime,EndTime"

    /// Eleven lines of a speaker and ten of another, lines of other emotions between them.
    private func lists(_ folder: TemporaryFolder, change: (String) -> String = { $0 }) throws {
        var lines = [Self.header]
        func add(_ text: String, _ speaker: String, _ emotion: String) {
            lines.append(
                "\(lines.count),\(text),\(speaker),\(emotion),neutral,0,0,8,21,\"00:16:16,059\",\"00:16:21,731\"")
        }
        for number in 0..<11 {
            add("\"Well, \"\"number\"\" \(number)\"", "Dr. Green", ["neutral", "sadness", "joy", "anger"][number % 4])
            add("Oh!", "Dr. Green", "surprise")
            if number > 0 { add("Hi \(number)", "Ross", "joy") }
        }
        for split in ["train", "dev", "test"] {
            try folder.write(change(lines.joined(separator: "\n") + "\n"), to: "meld/\(split)_sent_emo.csv")
        }
    }

    @Test func keepsFourEmotionsOfSpeakersWithElevenUtterances() throws {
        let folder = try TemporaryFolder()
        try lists(folder)
        let contents = try MELDReader(path: folder.file("")).read()
        let train = contents.splits.train
        #expect(contents.splits.groups == Array(repeating: "8-dr-green", count: 11))
        #expect(train.labels == [0, 1, 2, 3, 0, 1, 2, 3, 0, 1, 2])
        #expect(train.modalities.map(\.shape) == [[8, 80], [6, 512]])
        #expect(train.lengths[0] == Array(repeating: 0, count: 11))
        #expect(train.lengths[1] == Array(repeating: 6, count: 11))
        #expect(Array(train.values[1][..<(6 * 512)]) == HashedText.features("well, \"number\" 0"))
        #expect(contents.splits.heldOut.keys.sorted() == ["dev", "test"])
        #expect(contents.notes.count == 2)
        #expect(contents.notes[1].contains("audio: absent in train, dev, test"))
    }

    /// The benchmark numbers clients in the order of `seasonN_uttSpeaker`, and draws cohorts from the numbers as texts.
    @Test func clientsAreTheBenchmarksNumbers() throws {
        let folder = try TemporaryFolder()
        let speakers = [("2", "Al"), ("1", "adam"), ("1", "Zoe"), ("1", "Bob")]
        let lines = (0..<11).flatMap { number in
            speakers.map { "1,Hi \(number),\($1),joy,neutral,0,0,\($0),1,x,y" }
        }
        for split in ["train", "dev", "test"] {
            try folder.write(([Self.header] + lines).joined(separator: "\n"), to: "\(split)_sent_emo.csv")
        }
        #expect(try MELDReader(path: folder.path).read().splits.roll == ["1-bob", "1-zoe", "1-adam", "2-al"])
        func clients(_ scheme: PartitionScheme) throws -> [Partition.Client] {
            try SitePartition.prepare(
                .init(
                    source: .init(benchmark: .meld, isGenerated: false), data: folder.path,
                    partition: .init(scheme: scheme))
            ).partition.clients
        }
        let own = try clients(.fedMultimodal)
        #expect(own.map(\.id) == ["0", "1", "2", "3"])
        #expect(own.map { $0.rows[0] } == [3, 2, 1, 0])
        #expect(try clients(.natural).map(\.id) == ["1-adam", "1-bob", "1-zoe", "2-al"])
    }

    @Test func soundComesFromAFeatureFile() throws {
        let folder = try TemporaryFolder()
        try lists(folder)
        // Lines 1, 3, 6, … of 32 are kept.
        func write(
            _ shape: [Int], _ lengths: Int64 = 3, name: String = "audio", splits: [String] = ["train", "dev", "test"]
        ) throws {
            let values = (0..<shape.reduce(1, *)).map { Float($0 / (shape[1] * shape[2])) }
            var weights = Weights(
                zeros: try WeightsSchema([
                    TensorSpec(name: name, dtype: .f32, shape: shape),
                    TensorSpec(name: "audio.lengths", dtype: .i64, shape: [shape[0]]),
                ]))
            try weights.setFloats(name, values)
            let valid = Array(repeating: lengths.littleEndian, count: shape[0])
            try weights.withUnsafeMutableBytes(of: "audio.lengths") { target in
                valid.withUnsafeBytes { target.copyMemory(from: $0) }
            }
            try FileManager.default.createDirectory(
                atPath: folder.file("meld/features"), withIntermediateDirectories: true)
            for split in splits {
                try Safetensors.write(weights, to: folder.file("meld/features/\(split).safetensors"))
            }
        }
        try write([32, 9, 80])
        let contents = try MELDReader(path: folder.file("meld")).read()
        let train = contents.splits.train
        #expect(train.modalities[0].shape == [9, 80])
        #expect(train.lengths[0] == Array(repeating: 3, count: 11))
        #expect((0..<11).map { train.values[0][$0 * 720] } == [0, 2, 5, 8, 11, 14, 17, 20, 23, 26, 29])
        #expect(contents.notes.count == 1)
        // Splits whose features are of other lengths get one form, and can be written together.
        try write([32, 12, 80], 11, splits: ["test"])
        let mixed = try SitePartition.prepare(
            .init(
                source: .init(benchmark: .meld, isGenerated: false), data: folder.path,
                partition: .init(scheme: .fedMultimodal)))
        #expect(mixed.train.modalities[0] == Modality(name: "audio", shape: [12, 80], hasLengths: true))
        #expect(mixed.train.lengths[0] == train.lengths[0])
        #expect(mixed.heldOut["test"]?.lengths[0] == Array(repeating: 11, count: 11))
        for row in 0..<11 {
            #expect(mixed.train.values[0][row * 960..<row * 960 + 720] == train.values[0][row * 720..<(row + 1) * 720])
            #expect(mixed.train.values[0][row * 960 + 720..<(row + 1) * 960].allSatisfy { $0 == 0 })
        }
        let sites = try SitePartition.write(mixed, to: folder.file("sites"))
        #expect(sites.map(\.name) == ["0", "evaluator", "evaluator"])
        #expect(try SiteFolder(path: folder.file("sites/evaluator")).read(split: "dev").lengths[0]?.first == 3)
        for (shape, lengths, found) in [
            ([31, 9, 80], 3, "F32 [31, 9, 80], expected F32 [32, 1 to 1000, 80]"), ([32, 9, 40], 3, "expected F32"),
            ([32, 9, 80], 10, "row 0 is 10, expected 0...9"),
        ] {
            try write(shape, Int64(lengths))
            let error = try #require(throws: DatasetError.self) { try MELDReader(path: folder.file("meld")).read() }
            #expect(error.message.contains(found))
        }
    }

    @Test(arguments: [
        ("Emotion", "Feeling", "no column 'Emotion'"), (",joy,", ",glee,", "found \"glee\", expected one of MELD's"),
        (",8,21,", ",x,21,", "column 'Season'"), ("Dr. Green", "Ross,", "fields, expected"),
    ])
    func damageIsRefused(_ from: String, _ to: String, _ found: String) throws {
        let folder = try TemporaryFolder()
        try lists(folder) { $0.replacingOccurrences(of: from, with: to) }
        let error = try #require(throws: DatasetError.self) { try MELDReader(path: folder.file("")).read() }
        #expect(error.message.contains(found), "\(error.message)")
        #expect(error.message.contains("train_sent_emo.csv"))
    }
}

@Suite(.enabled(if: RealData.folder("meld/train_sent_emo.csv") != nil, "TRIBUTARY_DATA holds no meld"))
struct RealMELDTests {
    /// The benchmark's 86 clients.
    @Test func hasThePublishedClients() throws {
        let root = try #require(RealData.folder("meld/train_sent_emo.csv"))
        let prepared = try SitePartition.prepare(
            .init(
                source: .init(benchmark: .meld, isGenerated: false), data: root,
                partition: .init(scheme: .fedMultimodal)))
        #expect(prepared.partition.clients.count == 86)
        let sizes = prepared.partition.clients.map(\.rows.count)
        #expect(sizes.reduce(0, +) == 7318)
        #expect(sizes.min() == 11)
        #expect(sizes.max() == 223)
        #expect((0..<4).map { label in prepared.train.labels.count { $0 == label } } == [4122, 628, 1554, 1014])
        #expect(prepared.heldOut["dev"]?.count == 628)
        #expect(prepared.heldOut["test"]?.count == 1774)
        #expect(prepared.partition.clients.map(\.id) == (0..<86).map(String.init))
        // As printed by pandas for the benchmark's grouping.
        let splits = try MELDReader(path: root).read().splits
        let roll = try #require(splits.roll)
        #expect(Array(roll.prefix(5)) == ["1-barry", "1-carol", "1-chandler", "1-joey", "1-monica"])
        #expect(roll.last == "9-ross")
        for (client, name) in zip(prepared.partition.clients, roll) {
            #expect(client.rows.allSatisfy { splits.groups?[$0] == name })
        }
    }
}
