import Foundation
import TestSupport
import Testing

@testable import Datasets

@Suite struct CrisisMMDReaderTests {
    /// One post a class and event in each split; the test split's words begin with `test`.
    private func lists(_ folder: TemporaryFolder, annotation: String = "not_humanitarian") throws {
        var splits: [String: [String]] = [:]
        let header =
            "event_name\ttweet_id\timage_id\ttweet_text\timage\tlabel\tlabel_text\tlabel_image\tlabel_text_image"
        for (number, event) in CrisisMMDReader.events.enumerated() {
            var lines = ["tweet_id\timage_id\timage_human\ttweet_text"]
            for split in ["train", "dev", "test"] {
                let id = "\(split)\(number)_0"
                let label = number == 0 ? annotation : BenchmarkDataset.crisisMMD.classes[number]
                lines.append("1\t\(id)\t\(label)\twhatever")
                splits[split, default: [header]].append(
                    "\(event)\t1\t\(id)\t\(split) \"\(number) RT: see https://t.co/x \(split)\tp.jpg\ta\tb\tc\td")
            }
            try folder.write(lines.joined(separator: "\n"), to: "dataset/fold1/\(event)_final_data.tsv")
        }
        splits["train"]?.append("x\t1\tunknown_0\tno annotation\tp.jpg\ta\tb\tc\td")
        for (split, lines) in splits {
            try folder.write(
                lines.joined(separator: "\n") + "\n", to: "dataset/fold2/task_informative_text_img_\(split).tsv")
        }
    }

    @Test func joinsSplitsWithAnnotations() throws {
        let folder = try TemporaryFolder()
        try lists(folder)
        let contents = try CrisisMMDReader(path: folder.file("")).read()
        let (train, test) = (contents.splits.train, try #require(contents.splits.heldOut["test"]))
        #expect(train.labels == Array(0..<7))
        #expect(contents.splits.groups == nil)
        #expect(train.modalities.map(\.shape) == [[1, 1280], [7, 512]])
        #expect(train.lengths[0] == Array(repeating: 0, count: 7))
        #expect(Array(test.values[1][..<(7 * 512)]) == HashedText.features("test \"0 rt: see test"))
        #expect(contents.notes.contains("train: 1 of 8 posts have no annotation of their picture and are left out"))
        let faithful = try CrisisMMDReader(path: folder.file("")).read(isFaithful: true)
        #expect(faithful.splits.heldOut["test"]?.values[1] == contents.splits.heldOut["dev"]?.values[1])
        #expect(faithful.splits.heldOut["test"]?.labels == test.labels)
    }

    /// The publisher's lists of version 2.0: one a split, with the classes of words and picture apart.
    private func published(_ folder: TemporaryFolder, in place: String, label: String = "vehicle_damage") throws {
        let header =
            "event_name\ttweet_id\timage_id\ttweet_text\timage\tlabel\tlabel_text\tlabel_image\tlabel_text_image"
        for split in ["train", "dev", "test"] {
            let lines = [("b", label), ("a", "not_humanitarian")].map { id, label in
                "e\t1\t\(id)_0\t\(split) \"\(id) https://t.co/x\tp.jpg\tx\tnot_humanitarian\t\(label)\tPos"
            }
            try folder.write(
                ([header] + lines).joined(separator: "\n") + "\n",
                to: "\(place)/task_humanitarian_text_img_\(split).tsv")
        }
    }

    @Test(arguments: ["crisismmd_datasplit_all", "CrisisMMD_v2.0/crisismmd_datasplit_all", "crisismmd"])
    func thePublishersListsAreRead(place: String) throws {
        let folder = try TemporaryFolder()
        try published(folder, in: place)
        let contents = try BenchmarkDataset.crisisMMD.read(path: folder.path)
        // Training rows are in the order of their pictures' names, the others as listed.
        #expect(contents.splits.train.labels == [0, 2])
        let test = try #require(contents.splits.heldOut["test"])
        #expect(test.labels == [2, 0])
        #expect(Array(test.values[1][..<(3 * 512)]) == HashedText.features("test \"b"))
        #expect(contents.notes.count == 2, "hashed words and no pictures")
        let faithful = try BenchmarkDataset.crisisMMD.read(path: folder.path, isFaithful: true)
        #expect(faithful.splits.heldOut["test"]?.values[1] == contents.splits.heldOut["dev"]?.values[1])
    }

    @Test func damageInThePublishersListsIsRefused() throws {
        let folder = try TemporaryFolder()
        try published(folder, in: "crisismmd_datasplit_all", label: "informative")
        let label = try #require(throws: DatasetError.self) { try CrisisMMDReader(path: folder.path).read() }
        #expect(label.message.contains("line 2: column 'label_image': found \"informative\", expected one of the"))
        let nothing = try #require(throws: DatasetError.self) { try CrisisMMDReader(path: folder.path + "/x") }
        #expect(nothing.code == .missing && nothing.message.contains("task_humanitarian_text_img_train.tsv"))
    }

    @Test func addressesAreTakenOut() {
        #expect(CrisisMMDReader.withoutAddresses("a http://t.co/1 b  HTTPS://t.co c") == "a b c")
        #expect(CrisisMMDReader.withoutAddresses("RT (https://t.co/1 https:/x") == "RT ( https:/x")
        #expect(CrisisMMDReader.withoutAddresses("") == "")
    }

    @Test func damageIsRefused() throws {
        let folder = try TemporaryFolder()
        try lists(folder, annotation: "nan")
        let error = try #require(throws: DatasetError.self) { try CrisisMMDReader(path: folder.file("")).read() }
        #expect(error.message.contains("line 2: column 'image_human': found \"nan\", expected one of the eight"))
        try FileManager.default.removeItem(atPath: folder.file("dataset/fold1/srilanka_floods_final_data.tsv"))
        #expect(throws: DatasetError.self) { try CrisisMMDReader(path: folder.file("")).read() }
    }
}

@Suite(
    .enabled(
        if: RealData.folder("crisismmd/crisismmd_tsv.tar.gz") != nil, "TRIBUTARY_DATA holds no crisismmd"))
struct RealCrisisMMDTests {
    @Test func hasThePublishedSplits() throws {
        let root = try #require(RealData.folder("crisismmd/crisismmd_tsv.tar.gz"))
        let folder = try TemporaryFolder()
        let unpack = Process()
        unpack.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        unpack.arguments = ["tar", "-xzf", root + "/crisismmd/crisismmd_tsv.tar.gz", "-C", folder.file("")]
        try unpack.run()
        unpack.waitUntilExit()
        #expect(unpack.terminationStatus == 0)
        let contents = try CrisisMMDReader(path: folder.file("")).read()
        let train = contents.splits.train
        #expect(train.count == 13_607)
        #expect(
            (0..<8).map { label in train.labels.count { $0 == label } } == [6549, 2713, 240, 1715, 1882, 407, 92, 9])
        #expect(contents.splits.heldOut.mapValues(\.count) == ["dev": 2237, "test": 2237])
        let partition = try PartitionScheme.make(
            .init(scheme: .fedMultimodal, alpha: 5), for: .crisisMMD
        ).partition(PartitionInput(train))
        #expect(partition.clients.count == 100)
        #expect(partition.clients.map(\.rows.count).reduce(0, +) == 13_607)
    }
}
