import Datasets
import Foundation
import TestSupport
import Testing

@Suite struct CREMADReaderTests {
    private static let header = "\"\",FileName,VoiceVote,VoiceLevel,FaceVote,FaceLevel,MultiModalVote,MultiModalLevel\n"

    private func table(_ folder: TemporaryFolder, _ rows: [(String, String)]) throws {
        var text = Self.header
        for (index, row) in rows.enumerated() { text += "\(index),\(row.0),N,1,N,1,\(row.1),60\n" }
        try folder.write(text, to: "CREMA-D/processedResults/summaryTable.csv")
    }

    /// Ten actors of three clips, from 995 on so that text and number order differ.
    private func fixture(sound: Bool) throws -> TemporaryFolder {
        let folder = try TemporaryFolder()
        var rows: [(String, String)] = []
        for actor in 995...1004 {
            for (sentence, vote) in [
                ("IWW_SAD_XX", "S"), ("DFA_ANG_XX", "A"), ("IEO_HAP_HI", "A:H"), ("TAI_NEU_XX", "N"),
            ] {
                rows.append(("\(actor)_\(sentence)", vote))
            }
        }
        rows.append(("1076_MTI_SAD_XX", "S"))
        try table(folder, rows)
        if sound {
            for (index, row) in rows.enumerated() where row.0 != "999_TAI_NEU_XX" {
                try folder.write(
                    WAVBytes().file(AudioGolden.signal(1200 + 10 * index, seed: UInt32(index))),
                    to: "CREMA-D/AudioWAV/\(row.0).wav")
            }
        }
        return folder
    }

    @Test func votesActorsAndFolds() throws {
        let folder = try fixture(sound: false)
        let reader = try CREMADReader(path: folder.path)
        let splits = try reader.rows(fold: 1)
        #expect(splits.classes == ["anger", "sadness", "happiness", "neutral"])
        #expect(
            splits.heldOut["test"]?.map(\.key) == [
                "995_DFA_ANG_XX", "995_IWW_SAD_XX", "995_TAI_NEU_XX", "996_DFA_ANG_XX", "996_IWW_SAD_XX",
                "996_TAI_NEU_XX",
            ])
        #expect(splits.heldOut["test"]?.map(\.label) == [0, 1, 3, 0, 1, 3])
        #expect(splits.train.count == 8 * 3)
        #expect(splits.train.first?.group == "997" && splits.train.last?.group == "1004")
        #expect(
            try reader.rows(fold: 5).heldOut["test"]?.map(\.group) == Array(repeating: "1003", count: 3)
                + Array(repeating: "1004", count: 3))
        let missing = try #require(throws: DatasetError.self) { try reader.audio(splits.train) }
        #expect(missing.code == .missing)
    }

    @Test func soundIsNormalisedPerActor() throws {
        let folder = try fixture(sound: true)
        let reader = try CREMADReader(path: folder.path)
        let splits = try reader.rows(fold: 2)
        // The clip without a file is left out: only what is there counts.
        #expect(splits.train.filter { $0.group == "999" }.count == 2)
        let joined = try splits.joined(name: CREMADReader.datasetName) { (_, rows) throws(DatasetError) in
            [try reader.audio(rows)]
        }
        let test = try #require(joined.heldOut["test"])
        #expect(test.modalities[0].shape == [600, 80])
        let lengths = try #require(test.lengths[0])
        #expect(lengths.allSatisfy { $0 >= 6 })
        for rows in [0..<3, 3..<6] {
            var sum = 0.0
            for row in rows {
                for frame in 0..<lengths[row] { sum += Double(test.values[0][(row * 600 + frame) * 80 + 20]) }
            }
            #expect(abs(sum) < 1e-3)
        }
        #expect(joined.train.subjects?.first == 995)
    }

    @Test func brokenTablesAreRefused() throws {
        let folder = try fixture(sound: true)
        let reader = try CREMADReader(path: folder.path + "/CREMA-D")
        try table(folder, [("995_IWW_SAD_XX", "S")])
        let absent = try #require(throws: DatasetError.self) { try reader.rows(fold: 1) }
        #expect(absent.code == .mismatch && absent.message.contains("_DFA_ANG_XX.wav"))
        try table(folder, [("a_b", "S"), ("a_b", "S")])
        #expect(throws: DatasetError.self) { try reader.rows(fold: 1) }
        try FileManager.default.removeItem(atPath: folder.file("CREMA-D/AudioWAV"))
        try table(folder, [("x_IWW", "S")])
        let name = try #require(throws: DatasetError.self) { try reader.rows(fold: 1) }
        #expect(name.message.contains("clip \"x_IWW\""))
        try folder.write("a,b\n", to: "CREMA-D/processedResults/summaryTable.csv")
        #expect(throws: DatasetError.self) { try reader.rows(fold: 1) }
        #expect(throws: DatasetError.self) { try CREMADReader(path: folder.path + "/none") }
    }
}

@Suite struct UCF101ReaderTests {
    @Test func theClassesAreFiftyOneInOrder() {
        #expect(UCF101Reader.classNames.count == 51)
        #expect(UCF101Reader.classNames == UCF101Reader.classNames.sorted(by: BenchmarkRules.precedes))
    }

    @Test func bothFormsOfListsGiveTheSameRows() throws {
        let official = try TemporaryFolder()
        try official.write(
            "Surfing/v_Surfing_g09_c01.avi 88\r\nArchery/v_Archery_g08_c02.avi 3\r\nArchery/v_Archery_g08_c01.avi 3\r\n"
                + "Basketball/v_Basketball_g08_c01.avi 8\r\n", to: "ucfTrainTestlist/trainlist02.txt")
        try official.write("Archery/v_Archery_g01_c01.avi\n", to: "ucfTrainTestlist/testlist02.txt")
        let frames = try TemporaryFolder()
        try frames.write(
            "Archery/v_Archery_g08_c01 120 2\nSurfing/v_Surfing_g09_c01 80 87\nArchery/v_Archery_g08_c02 99 2\n"
                + "Basketball/v_Basketball_g08_c01 9 7\n", to: "ucf101_train_split_2_rawframes.txt")
        try frames.write("Archery/v_Archery_g01_c01 77 2\n", to: "ucf101_val_split_2_rawframes.txt")
        let first = try UCF101Reader(path: official.path).rows(fold: 2)
        let second = try UCF101Reader(path: frames.path).rows(fold: 2)
        #expect(first.train == second.train && first.heldOut == second.heldOut)
        #expect(
            first.train.map(\.key) == [
                "Archery/v_Archery_g08_c01", "Archery/v_Archery_g08_c02", "Surfing/v_Surfing_g09_c01",
            ])
        let surfing = try #require(UCF101Reader.classNames.firstIndex(of: "Surfing"))
        #expect(first.train.map(\.label) == [2, 2, surfing])
        let missing = try #require(throws: DatasetError.self) { try UCF101Reader(path: frames.path).rows(fold: 1) }
        #expect(missing.code == .missing && missing.message.contains("trainlist01.txt"))
        #expect(throws: DatasetError.self) { try UCF101Reader(path: frames.path).rows(fold: 4) }
    }

    @Test func soundSaysWhichVideosCount() throws {
        let folder = try TemporaryFolder()
        try folder.write("B/v1.avi 2\nA/v1.avi 1\nA/v2.avi 1\nC/v1.avi 3\n", to: "trainlist01.txt")
        try folder.write("A/v3.avi\n", to: "testlist01.txt")
        for name in ["A/v1", "A/v3", "B/v1"] {
            try folder.write(WAVBytes(rate: 8000).file(AudioGolden.signal(900)), to: "audios/\(name).wav")
        }
        let reader = try UCF101Reader(path: folder.path)
        let splits = try reader.rows(fold: 1)
        #expect(splits.classes == ["A", "B"])
        #expect(splits.train.map(\.key) == ["A/v1", "B/v1"])
        let block = try reader.audio(splits.train)
        // 1800 samples at 16 kHz: frames of 640 every 320.
        #expect(block.lengths == [4, 4] && block.values.count == 2 * 500 * 80)
    }

    @Test(arguments: ["Archery\n", "a/b/c.avi 1\n", "Archery/.. 1\n", "/x 1\n"])
    func brokenLinesAreNamed(line: String) throws {
        let folder = try TemporaryFolder()
        try folder.write("Archery/v_a 1 2\n" + line, to: "trainlist01.txt")
        let error = try #require(throws: DatasetError.self) { try UCF101Reader(path: folder.path).rows(fold: 1) }
        #expect(error.code == .malformed)
        #expect(error.message.contains("trainlist01.txt: line 2"), "\(error.message)")
    }
}

@Suite struct MomentsInTimeReaderTests {
    private func lists(_ folder: TemporaryFolder) throws {
        var train = ""
        for (action, count) in [("zipping", 4), ("barking", 3), ("adult+female", 3), ("adult", 3), ("rare", 1)] {
            for index in 0..<count { train += "\(action)/v-\(index).mp4,\(action),5,0\n" }
        }
        try folder.write(train, to: "trainingSet.csv")
        try folder.write("zipping/v-0.mp4,zipping,3,1\nrare/v-9.mp4,rare,3,0\n", to: "validationSet.csv")
    }

    @Test func theMostFrequentActionsAreKept() throws {
        let folder = try TemporaryFolder()
        try lists(folder)
        let reader = try MomentsInTimeReader(path: folder.path)
        // Of three actions with three videos a listing shows `adult+female/` first, then `adult/`.
        #expect(try reader.rows(actions: 2).classes == ["adult+female", "zipping"])
        let splits = try reader.rows(actions: 3)
        #expect(splits.classes == ["adult", "adult+female", "zipping"])
        #expect(splits.train.count == 10)
        #expect(splits.train.first == ListedRow(key: "adult+female/v-0", label: 1))
        #expect(splits.heldOut["test"]?.map(\.key) == ["zipping/v-0"])
        #expect(try reader.rows(actions: 3, keys: ["zipping/v-1", "rare/v-0"]).train.map(\.key) == ["zipping/v-1"])
        let few = try #require(throws: DatasetError.self) { try reader.rows(actions: 6) }
        #expect(few.message.contains("5 actions, expected at least 6"))
    }

    @Test func soundReplacesTheLists() throws {
        let folder = try TemporaryFolder()
        try lists(folder)
        for name in ["training/a/v.1", "training/a/v2", "training/b/v3", "validation/a/v4"] {
            try folder.write(WAVBytes().file(AudioGolden.signal(700)), to: "audios/\(name).wav")
        }
        let reader = try MomentsInTimeReader(path: folder.path)
        let splits = try reader.rows(actions: 1)
        #expect(splits.train.map(\.key) == ["a/v.1", "a/v2"])
        #expect(splits.heldOut["test"]?.map(\.key) == ["a/v4"])
        #expect(try reader.audio(splits.train).lengths == [1, 1])
    }

    @Test(arguments: ["a\n", "a/v.mp4\n", "a/v.mp4,b,1,0\n", "a/v,a,1,0\n", "a/.mp4,a,1,0\n", "v.mp4,a,1,0\n"])
    func brokenLinesAreNamed(text: String) throws {
        let folder = try TemporaryFolder()
        try folder.write(text, to: "trainingSet.csv")
        let error = try #require(throws: DatasetError.self) {
            try MomentsInTimeReader(path: folder.path).rows(actions: 1)
        }
        #expect(error.message.contains("trainingSet.csv: line 1"), "\(error.message)")
    }
}

@Suite struct HatefulMemesReaderTests {
    @Test func readsTheThreeLists() throws {
        let folder = try TemporaryFolder()
        try folder.write(
            #"{"id": 2, "img": "img/2.png", "label": 1, "text": "two \"lines\"\nhere"}"# + "\n"
                + #"{"id":10,"img":"img\/10.png","label":0,"text":"ten"}"# + "\n\n", to: "train.jsonl")
        try folder.write(#"{"id":4,"img":"img/4.png","label":0,"text":""}"#, to: "dev_seen.jsonl")
        try folder.write(#"{"id":3,"img":"img/3.png","label":1,"text":"x"}"# + "\r\n", to: "test_seen.jsonl")
        let splits = try HatefulMemesReader(path: folder.path).rows()
        #expect(
            splits.train == [
                ListedRow(key: "img/10.png", label: 0, text: "ten"),
                ListedRow(key: "img/2.png", label: 1, text: "two \"lines\"\nhere"),
            ])
        #expect(splits.heldOut["dev"]?.map(\.label) == [0])
        #expect(splits.heldOut["test"]?.map(\.key) == ["img/3.png"])
    }

    @Test(arguments: [
        "x", "{}", #"{"img":"a","text":"no label"}"#, #"{"img":"a","label":2,"text":""}"#,
        #"{"img":"","label":1,"text":""}"#, #"{"img":"a","label":0.5,"text":""}"#,
    ])
    func brokenLinesAreNamed(line: String) throws {
        let folder = try TemporaryFolder()
        try folder.write(#"{"img":"b","label":1,"text":""}"# + "\n" + line, to: "train.jsonl")
        let error = try #require(throws: DatasetError.self) { try HatefulMemesReader(path: folder.path).rows() }
        #expect(error.code == .malformed)
        #expect(error.message.contains("train.jsonl: line 2"), "\(error.message)")
    }

    @Test func limitsAndMissingFiles() throws {
        let folder = try TemporaryFolder()
        #expect(throws: DatasetError.self) { try HatefulMemesReader(path: folder.path) }
        try folder.write(#"{"img":"b","label":1,"text":""}"#, to: "train.jsonl")
        let missing = try #require(throws: DatasetError.self) { try HatefulMemesReader(path: folder.path).rows() }
        #expect(missing.code == .missing && missing.message.contains("dev_seen.jsonl"))
        var limits = HatefulMemesReader.Limits()
        limits.maximumLineBytes = 10
        let long = try #require(throws: DatasetError.self) {
            try HatefulMemesReader(path: folder.path, limits: limits).rows()
        }
        #expect(long.code == .tooLarge)
    }
}
