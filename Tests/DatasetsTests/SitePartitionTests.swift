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

    private func request(_ parameters: PartitionScheme.Parameters, output: String? = nil) -> SitePartition.Request {
        .init(
            source: .syntheticHAR, partition: parameters, output: output,
            synthetic: .init(seed: 3, subjects: 6, windowsPerActivity: 10))
    }

    @Test func schemesGetAFolderAClientAndTheirHeldOutRows() throws {
        let folder = try TemporaryFolder()
        var parameters = PartitionScheme.Parameters(scheme: .fedMultimodal, alpha: 5)
        parameters.clientsPerSubject = 2
        let request = request(parameters, output: folder.file("out"))
        let prepared = try SitePartition.prepare(request)
        let sites = try SitePartition.write(request)
        #expect(sites.map(\.name) == prepared.partition.clients.map(\.id) + ["evaluator", "evaluator"])
        #expect(sites.suffix(2).map(\.split) == ["test", "dev"])
        #expect(
            try SiteFolder(path: folder.file("out/evaluator")).manifest.counts
                == ["test": 120, "dev": prepared.partition.heldOut[0].rows.count])
        let client = prepared.partition.clients[3]
        #expect(client.id == "2-1")
        let read = try SiteFolder(path: folder.file("out/2-1")).read(split: "train")
        let expected = DatasetView(prepared.train, indices: client.rows)
        #expect(read.labels == expected.labels)
        #expect(read.values[1] == expected.gather(modality: 1))
        #expect(Set(read.subjects ?? []) == [2])
    }

    @Test func traitsAreWrittenAsTheClientWouldRecord() throws {
        let folder = try TemporaryFolder()
        let sites = try SitePartition.write(
            request(.init(scheme: .vertical, clients: 2), output: folder.file("out")))
        #expect(sites.map(\.traits?.modalities) == [[0], [1], nil])
        let first = try SiteFolder(path: folder.file("out/client-1")).read(split: "train")
        #expect(first.values[0].contains { $0 != 0 })
        #expect(first.values[1].allSatisfy { $0 == 0 })
    }

    @Test func rowsCanBeSortedByAStatistic() throws {
        var request = request(.init(scheme: .continuousSkew, clients: 3))
        let prepared = try SitePartition.prepare(request)
        let values = try RowStatistic.roughness.values(of: prepared.train)
        let means = prepared.partition.clients.map { client in
            client.rows.map { values[$0] }.reduce(0, +) / Double(client.rows.count)
        }
        #expect(means == means.sorted())
        #expect(means[2] > 1.5 * means[0])
        request.partition.modality = 2
        let error = try #require(throws: DatasetError.self) { try SitePartition.prepare(request) }
        #expect(error.message == "modality is 2, expected 0...1")
        request.partition.modality = 0
        #expect(throws: DatasetError.self) { try SitePartition.write(request) }
    }

    @Test func whatNobodyReadsIsRefused() throws {
        var strays: [(stray: String, partition: PartitionScheme.Parameters)] = []
        for scheme in PartitionScheme.allCases where !scheme.parameterKeys.contains("by") {
            var parameters = PartitionScheme.Parameters(scheme: scheme)
            parameters.by = .mean
            strays.append(("by", parameters))
            parameters.by = nil
            parameters.modality = 1
            strays.append(("modality", parameters))
        }
        #expect(strays.count == 2 * (PartitionScheme.allCases.count - 1))
        for (stray, parameters) in strays {
            let error = try #require(throws: DatasetError.self) { try SitePartition.prepare(request(parameters)) }
            #expect(
                error.message.hasPrefix("scheme '\(parameters.scheme.rawValue)' does not use \(stray), expected "))
        }
        // The scheme under a scheme of traits reads them.
        let under = try PartitionScheme.Parameters([
            "scheme": "feature-skew", "base": "continuous-skew", "clients": "2", "by": "mean", "modality": "1",
        ])
        #expect(under.by == .mean && under.modality == 1)
        let plain = try PartitionScheme.Parameters([
            "scheme": "feature-skew", "base": "continuous-skew", "clients": "2",
        ])
        let dealt = try [under, plain].map { parameters in
            try SitePartition.prepare(request(parameters)).partition.clients.map(\.rows)
        }
        #expect(dealt[0] != dealt[1])
        let error = try #require(throws: DatasetError.self) {
            try PartitionScheme.Parameters(["scheme": "continuous-skew", "by": "size"])
        }
        #expect(error.message == "by is 'size', expected one of mean, rms, roughness, label, subject")

        try SitePartition.Source.uciHAR.check(given: ["data"])
        try SitePartition.Source.syntheticHAR.check(given: ["seed", "subjects", "windows"])
        for (source, stray, expected) in [
            (SitePartition.Source.uciHAR, "seed", "data set 'uci-har' does not use seed, expected only data"),
            (.uciHAR, "windows", "data set 'uci-har' does not use windows, expected only data"),
            (
                .syntheticHAR, "data",
                "data set 'synthetic-har' does not use data, expected only scale, seed, subjects, windows"
            ),
        ] {
            let error = try #require(throws: DatasetError.self) { try source.check(given: [stray]) }
            #expect(error.message == expected)
        }
    }

    @Test func statisticsAreThoseOfTheRows() throws {
        let data = try MultimodalDataset(
            name: "tiny", classes: ["a", "b"], modalities: [Modality(name: "x", shape: [2, 2])],
            values: [[1, 2, 4, 6, 3, 3, 3, 3]], labels: [1, 0], subjects: [7, 9])
        #expect(try RowStatistic.mean.values(of: data) == [3.25, 3])
        #expect(try RowStatistic.rms.values(of: data) == [(57.0 / 4).squareRoot(), 3])
        #expect(try RowStatistic.roughness.values(of: data) == [(25.0 / 2).squareRoot(), 0])
        #expect(try RowStatistic.label.values(of: data) == [1, 0])
        #expect(try RowStatistic.subject.values(of: data) == [7, 9])
    }
}
