import Datasets
import Foundation
import Jobs
import TestSupport
import Testing

@testable import Simulation

/// The job files of the FedMultimodal benchmark: they say what the declarations say, and run on generated data.
@Suite struct BenchmarkConfigurationTests {
    static let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent().appendingPathComponent("Configs/fedmultimodal")

    static func job(_ benchmark: BenchmarkDataset, _ overrides: [String: String] = [:]) throws -> JobSpecification {
        let name = benchmark == .cremaD ? "cremad" : benchmark.name
        return try JobSpecification.load(
            path: folder.appendingPathComponent("\(name).yaml").path, overrides: overrides)
    }

    @Test func everyDataSetHasOneFile() throws {
        let files = try FileManager.default.contentsOfDirectory(atPath: Self.folder.path)
        #expect(files.count == BenchmarkDataset.all.count)
    }

    @Test(arguments: BenchmarkDataset.all)
    func jobsAreTheDeclarations(_ benchmark: BenchmarkDataset) throws {
        let job = try Self.job(benchmark).validated()
        let training = benchmark.training
        #expect(job.data == benchmark.name)
        #expect(job.modelName == benchmark.model)
        #expect((job.model["classes"]?.intValue ?? benchmark.classes.count) == benchmark.classes.count)
        #expect(job.model["faithful"] == true)
        #expect(job.partition["scheme"] == "fedmultimodal")
        #expect(job.partition["alpha"]?.doubleValue == benchmark.alphas.first)
        #expect(job.clients.perRound == benchmark.clientsPerRound)
        #expect(job.clients.sampling == .fedmultimodal)
        #expect(job.rounds == training.rounds)
        #expect(job.training["learningRate"]?.doubleValue == training.learningRate)
        #expect(job.training["batchSize"]?.intValue == training.batchSize)
        #expect(job.evaluation.every == training.evaluatesEvery)
        #expect(job.evaluation.split == "dev")
        #expect(job.selectBy.metric == benchmark.metric)
        #expect(job.seed == 8)
    }

    /// What `tributary benchmark simulate` measures is what the files say.
    @Test func measuredJobsAreTheFiles() throws {
        func file(_ name: String) throws -> JobSpecification {
            let path = Self.folder.deletingLastPathComponent().appendingPathComponent("benchmarks/\(name).yaml").path
            return try JobSpecification.load(path: path)
        }
        #expect(try BenchmarkJobs.digits().validated() == file("mnist-softmax"))
        var pictures = try file("cifar10-cnn")
        pictures.rounds = 6
        pictures.partition = ["scheme": "sampled", "clients": 1000, "rowsPerClient": 50]
        pictures.evaluation = .init(every: 0)
        #expect(try BenchmarkJobs.pictures(rounds: 6).validated() == pictures.validated())
        #expect(try BenchmarkJobs.activity(rounds: 6, isGenerated: true).data == "synthetic-uci-har")
    }

    /// Jobs on pictures run on generated ones, and what they give does not depend on the workers.
    @Test(arguments: ["mnist-softmax", "cifar10-cnn"])
    func picturesRunOnGeneratedData(name: String) throws {
        let path = Self.folder.deletingLastPathComponent().appendingPathComponent("benchmarks/\(name).yaml").path
        var overrides = [
            "rounds": "2", "clients.minimum": "4", "clients.perRound": "3", "partition.clients": "4",
            "evaluation.every": "1", "evaluation.batchSize": "7",
        ]
        if name == "cifar10-cnn" {
            overrides["model.filters"] = "[2, 3]"
            overrides["model.hidden"] = "4"
        }
        var job = try JobSpecification.load(path: path, overrides: overrides)
        job.data = "synthetic-\(job.data)"
        let source = try SimulationSource(job, path: nil, scale: 1e-6)
        var digests: [String] = []
        for workers in [1, 3] {
            let folder = try TemporaryFolder()
            let run = try SimulationRun(
                job, data: source.data(for: job), options: .init(output: folder.path, workers: workers))
            digests.append(try run.run().digest)
            digests.append(String(decoding: try folder.read("metrics.jsonl"), as: UTF8.self))
        }
        #expect(digests[0] == digests[2])
        #expect(digests[1] == digests[3] && digests[1].contains("accuracy"))
    }

    /// One round of few clients, with a small model.
    @Test(arguments: BenchmarkDataset.all)
    func runsOnGeneratedData(_ benchmark: BenchmarkDataset) throws {
        let overrides = [
            "data": "synthetic-\(benchmark.name)", "rounds": "1", "clients.minimum": "2", "clients.perRound": "2",
            "model.hidden": "8",
        ]
        let job = try Self.job(benchmark, overrides)
        let source = try SimulationSource(job, path: nil, scale: 1e-6)
        #expect(source.isGenerated)
        let folder = try TemporaryFolder()
        let run = try SimulationRun(
            job, data: source.data(for: job), options: .init(output: folder.path, workers: 2))
        #expect(try run.run().isComplete)
        let lines = try SimulationStudy.lines(of: folder.file("metrics.jsonl"))
        #expect(Set(lines.map(\.split)) == ["train", "dev", "test"])
        #expect(lines.allSatisfy { $0.split == "train" || $0.metrics[benchmark.metric] != nil })
    }
}
