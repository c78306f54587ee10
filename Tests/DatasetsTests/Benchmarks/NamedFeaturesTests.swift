import Datasets
import Foundation
import TestSupport
import Testing

/// The lists of Hateful Memes with features that are named by key.
@Suite struct NamedFeaturesTests {
    private func lists() throws -> TemporaryFolder {
        let folder = try TemporaryFolder()
        for (name, keys) in [("train", ["b", "a"]), ("dev_seen", ["c"]), ("test_seen", ["d"])] {
            let lines = keys.map { #"{"img":"\#($0)","label":0,"text":"some words of \#($0)"}"# }
            try folder.write(lines.joined(separator: "\n"), to: "\(name).jsonl")
        }
        return folder
    }

    @Test func wordsAreHashedAndPicturesAbsent() throws {
        let folder = try lists()
        let contents = try BenchmarkDataset.hatefulMemes.read(path: folder.path)
        let train = contents.splits.train
        #expect(train.modalities.map(\.shape) == [[1, 1280], [4, 512]])
        #expect(train.lengths[0] == [0, 0])
        #expect(Array(train.values[1][..<(4 * 512)]) == HashedText.features("some words of a"))
        #expect(contents.notes.contains { $0.hasPrefix("image: absent in train, dev, test") })
    }

    @Test func aFileWithoutKeysIsRefused() throws {
        let folder = try lists()
        try folder.write("", to: "features/all.safetensors")
        let error = try #require(throws: DatasetError.self) {
            try BenchmarkDataset.hatefulMemes.read(path: folder.path)
        }
        #expect(error.code == .missing && error.message.contains("features/all.txt"))
    }
}
