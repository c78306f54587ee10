import Datasets
import Foundation
import TestSupport
import Testing

@Suite struct SitePartitionTests {
    static let synthetic = SyntheticHAR.Configuration(seed: 3, subjects: 6, windowsPerActivity: 1)

    private func write(_ folder: TemporaryFolder, sites: Int = 3, permute: UInt64? = nil) throws -> [SitePartition.Site]
    {
        try SitePartition.write(
            .init(
                source: .syntheticHAR, sites: sites, output: folder.file("out"), permuteLabels: permute,
                synthetic: Self.synthetic))
    }

    @Test func writesSitesAndEvaluator() throws {
        let folder = try TemporaryFolder()
        let sites = try write(folder)
        #expect(sites.map(\.name) == ["site-1", "site-2", "site-3", "evaluator"])
        #expect(sites.map(\.subjects) == [[1, 4], [2], [3], [5, 6]])
        #expect(sites.map(\.split) == ["train", "train", "train", "test"])
        #expect(sites.map(\.examples) == [12, 6, 6, 12])
        #expect(sites[0].classes == [2, 2, 2, 2, 2, 2])
        let read = try SiteFolder(path: folder.file("out/site-1")).read(split: "train")
        let expected = try SyntheticHAR(Self.synthetic).dataset(subjects: [1, 4])
        #expect(read.values == expected.values)
        #expect(read.labels == expected.labels)
        #expect(try SiteFolder(path: folder.file("out/evaluator")).manifest.counts == ["test": 12])
    }

    @Test func nothingIsOverwritten() throws {
        let folder = try TemporaryFolder()
        try folder.write("mine", to: "out/site-2")
        let error = try #require(throws: DatasetError.self) { try write(folder) }
        #expect(error.code == .exists)
        #expect(try FileManager.default.contentsOfDirectory(atPath: folder.file("out")) == ["site-2"])
    }

    @Test func permutedLabelsKeepTheirCountsAndTheTestSplit() throws {
        let plain = try TemporaryFolder()
        let permuted = try TemporaryFolder()
        let first = try write(plain)
        let second = try write(permuted, permute: 1)
        func total(_ sites: [SitePartition.Site]) -> [Int] {
            sites.prefix(3).reduce(Array(repeating: 0, count: 6)) { zip($0, $1.classes).map(+) }
        }
        #expect(total(first) == total(second))
        #expect(first.last?.classes == second.last?.classes)
        let labels = try SiteFolder(path: plain.file("out/site-1")).read(split: "train").labels
        let shuffled = try SiteFolder(path: permuted.file("out/site-1")).read(split: "train").labels
        #expect(labels != shuffled)
    }

    @Test func wrongRequestsAreRefused() throws {
        let folder = try TemporaryFolder()
        #expect(throws: DatasetError.self) { try write(folder, sites: 5) }
        #expect(throws: DatasetError.self) {
            try SitePartition.write(.init(source: .uciHAR, sites: 2, output: folder.file("out")))
        }
        #expect(!FileManager.default.fileExists(atPath: folder.file("out")))
    }
}
