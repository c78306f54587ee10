import Datasets
import Foundation
import TestSupport
import Testing

/// A benchmark's data as a folder of features: a site folder with its splits.
@Suite struct FeatureFolderTests {
    /// Thirty examples of sound and frames by three actors.
    private func examples(
        _ benchmark: BenchmarkDataset = .cremaD, modalities: [Modality]? = nil, subjects: Bool = true,
        classes: [String]? = nil, name: String? = nil
    ) throws -> MultimodalDataset {
        let modalities =
            modalities ?? [
                Modality(name: "video", shape: [4, 1280], hasLengths: true),
                Modality(name: "audio", shape: [16, 80], hasLengths: true),
            ]
        return try MultimodalDataset(
            name: name ?? benchmark.name, classes: classes ?? benchmark.classes, modalities: modalities,
            values: modalities.enumerated().map { Array(repeating: Float($0 + 1), count: 30 * $1.elements) },
            labels: (0..<30).map { $0 % 4 }, subjects: subjects ? (0..<30).map { 1001 + $0 % 3 } : nil,
            lengths: modalities.map { $0.hasLengths ? Array(repeating: $0.shape[0], count: 30) : nil })
    }

    private func read(
        _ folder: TemporaryFolder, _ benchmark: BenchmarkDataset = .cremaD, splits: [String: MultimodalDataset]
    ) throws -> BenchmarkContents {
        try SiteFolder.write(to: folder.file(benchmark.name), splits: splits.mapValues(\.all))
        return try benchmark.read(path: folder.path)
    }

    @Test func isDealtByItsSubjects() throws {
        let folder = try TemporaryFolder()
        try SiteFolder.write(
            to: folder.file("crema-d"), splits: ["train": examples().all, "test": examples(subjects: false).all])
        let prepared = try SitePartition.prepare(
            .init(
                source: .init(benchmark: .cremaD, isGenerated: false), data: folder.path,
                partition: .init(scheme: .fedMultimodal)))
        #expect(prepared.partition.clients.map(\.id) == ["1001", "1002", "1003"])
        #expect(prepared.partition.clients.map(\.rows.count) == [8, 8, 8])
        #expect(prepared.partition.heldOut.map(\.rows.count) == [6])
        #expect(prepared.heldOut["test"]?.count == 30)
        // In the declaration's order whatever the folder's is.
        #expect(prepared.train.modalities.map(\.name) == ["audio", "video"])
        #expect(prepared.train.values.map { $0[0] } == [2, 1])
        #expect(prepared.notes == [])
    }

    @Test func aModalityThatIsNotThereIsAbsent() throws {
        let folder = try TemporaryFolder()
        let sound = [Modality(name: "audio", shape: [16, 80])]
        let contents = try read(
            folder, splits: ["train": examples(modalities: sound), "test": examples(modalities: sound)])
        let train = contents.splits.train
        #expect(train.modalities.map(\.shape) == [[16, 80], [8, 1280]])
        #expect(train.lengths == [nil, Array(repeating: 0, count: 30)])
        #expect(contents.notes.count == 1 && contents.notes[0].hasPrefix("video: not in "))
        #expect(train.subjects?.first == 1001)
    }

    @Test func whatDoesNotFitTheDeclarationIsRefused() throws {
        let wrong: [(MultimodalDataset, [String], BenchmarkDataset, String)] = [
            (try examples(name: "mit10"), ["train", "test"], .cremaD, "data set 'mit10', expected 'crema-d'"),
            (try examples(classes: ["a", "b", "c", "d"]), ["train", "test"], .cremaD, "expected 4: anger, sadness"),
            (try examples(), ["train"], .cremaD, "splits train, expected test, train"),
            (try examples(), ["train", "test", "dev"], .cremaD, "'dev' is drawn from 'train'"),
            (try examples(.meld), ["train", "test"], .meld, "expected dev, test, train"),
            (try examples(subjects: false), ["train", "test"], .cremaD, "no tensor 'subjects'"),
            (
                try examples(modalities: [Modality(name: "smell", shape: [1, 2])]), ["train", "test"], .cremaD,
                "modality 'smell', expected only audio, video"
            ),
            (
                try examples(modalities: [Modality(name: "audio", shape: [16, 40])]), ["train", "test"], .cremaD,
                "shape [16, 40], expected [steps, 80]"
            ),
        ]
        for (data, splits, benchmark, found) in wrong {
            let folder = try TemporaryFolder()
            let error = try #require(throws: DatasetError.self) {
                try read(
                    folder, benchmark, splits: Dictionary(uniqueKeysWithValues: splits.map { ($0, data) }))
            }
            #expect(error.message.contains(found), "\(error.message)")
        }
    }
}
