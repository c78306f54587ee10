import TestSupport
import Testing

@testable import Datasets

/// The declarations against the benchmark's tables.
@Suite struct BenchmarkDatasetTests {
    @Test func theTenAreDeclared() {
        #expect(
            BenchmarkDataset.all.map(\.name) == [
                "meld", "crema-d", "ucf101", "mit10", "mit51", "uci-har", "ku-har", "ptb-xl", "hateful-memes",
                "crisismmd",
            ])
        #expect(BenchmarkDataset.all.map(\.classes.count) == [4, 4, 51, 10, 51, 6, 8, 5, 2, 8])
        #expect(BenchmarkDataset.all.allSatisfy { Set($0.classes).count == $0.classes.count })
        #expect(BenchmarkDataset.all.map(\.clientsPerRound) == [8, 7, 10, 10, 50, 10, 6, 8, 10, 10])
        #expect(
            BenchmarkDataset.all.map(\.publishedClients) == [86, 72, 100, 200, 2000, 105, 66, 34, 50, 100])
        #expect(BenchmarkDataset.all.map(\.firstCorruptionIndex) == [0, 2, 0, 0, 0, 2, 2, 2, 0, 0])
        #expect(BenchmarkDataset.all.filter(\.isMultilabel).map(\.name) == ["ptb-xl"])
        #expect(BenchmarkDataset.all.filter { $0.alphas.isEmpty }.count == 4)
        #expect(BenchmarkDataset.all.filter { !$0.namesClasses }.map(\.name) == ["mit10", "mit51"])
    }

    @Test func sourcesAreFoundByName() throws {
        #expect(try SitePartition.Source(named: "meld") == .init(benchmark: .meld, isGenerated: false))
        #expect(try SitePartition.Source(named: "synthetic-mit51") == .init(benchmark: .mit51, isGenerated: true))
        #expect(try SitePartition.Source(named: "synthetic-har") == .syntheticHAR)
        #expect(BenchmarkDataset.images.map(\.name) == ["mnist", "cifar10"])
        #expect(SitePartition.Source.names.count == 25)
        for name in SitePartition.Source.names { #expect(try SitePartition.Source(named: name).name == name) }
        for name in ["", "svhn", "synthetic-", "synthetic-svhn", "synthetic-synthetic-har"] {
            let error = try #require(throws: DatasetError.self) { try SitePartition.Source(named: name) }
            #expect(error.message.contains("expected one of meld, crema-d"))
        }
    }

    /// What has no reader says what it needs and where it can be had.
    @Test(arguments: BenchmarkDataset.all + BenchmarkDataset.images)
    func whatIsMissingIsNamed(_ benchmark: BenchmarkDataset) throws {
        let folder = try TemporaryFolder()
        let error = try #require(throws: DatasetError.self) { try benchmark.read(path: folder.file("")) }
        #expect(error.code == .missing)
        if benchmark != .uciHAR {
            #expect(error.message.contains("site.json"))
            #expect(error.message.contains(benchmark.origin))
        }
        let none = try #require(throws: DatasetError.self) { try benchmark.read(path: nil) }
        #expect(none.message.contains("--data") && none.message.contains("synthetic-\(benchmark.name)"))
    }
}
