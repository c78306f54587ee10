import Foundation
import Jobs
import Synchronization
import TestSupport
import Testing
import Weights

@testable import Simulation

/// Jobs with privacy in the simulator: the same noise after an interruption, charges in the figures and the card.
@Suite struct PrivateSimulationTests {
    private static let central: Settings = [
        "mechanism": "central", "sampling": "fixed", "noiseMultiplier": 4, "delta": 1e-3, "clipNorm": 0.5,
    ]

    private func run(
        _ folder: TemporaryFolder, _ name: String, _ privacy: Settings, workers: Int = 1, resumes: Bool = false,
        rounds: Int = 3, strategy: Settings = ["name": "fedavg"], stop: @escaping @Sendable () -> Bool = { false }
    ) throws -> SimulationRun.Outcome {
        try FileManager.default.createDirectory(atPath: folder.file(name), withIntermediateDirectories: true)
        let job = SimulationRunTests.job(rounds: rounds) {
            $0.privacy = privacy
            $0.strategy = strategy
        }
        let run = try SimulationRun(
            job, data: SimulationRunTests.data(),
            options: .init(output: folder.file(name), workers: workers, resumes: resumes), stop: stop)
        return try run.run()
    }

    @Test(
        "An interrupted run goes on with the same noise and the same charges",
        arguments: [
            central, ["mechanism": "central", "noiseMultiplier": 4, "delta": 1e-3, "accountant": "rdp"],
            ["mechanism": "local", "noiseMultiplier": 4, "delta": 1e-3, "accountant": "rdp"],
            ["mechanism": "ftrl", "noiseMultiplier": 4, "delta": 1e-3, "separation": 1, "accountant": "rdp"],
            [
                "mechanism": "central", "sampling": "fixed", "noiseMultiplier": 4, "delta": 1e-3, "clip": "adaptive",
                "countNoise": 20, "noise": "discrete",
            ],
        ] as [Settings])
    func interruption(privacy: Settings) throws {
        let folder = try TemporaryFolder()
        let seen = Mutex(0)
        let first = try run(folder, "parts", privacy) {
            seen.withLock {
                $0 += 1
                return $0 > 4
            }
        }
        // Another folder with the same secret is the same run without an interruption.
        try FileManager.default.createDirectory(atPath: folder.file("whole"), withIntermediateDirectories: true)
        try FileManager.default.copyItem(
            atPath: folder.file("parts/checkpoint"), toPath: folder.file("whole/checkpoint"))
        for file in ["privacy.key", "metrics.jsonl", "timings.jsonl"] {
            try FileManager.default.copyItem(atPath: folder.file("parts/\(file)"), toPath: folder.file("whole/\(file)"))
        }
        let second = try run(folder, "parts", privacy, workers: 2, resumes: true)
        let third = try run(folder, "whole", privacy, resumes: true)
        // A run whose Poisson cohorts are small may have been complete before it was stopped.
        #expect(second.isComplete && (!first.isComplete || first.digest == second.digest))
        #expect(second.digest == third.digest)
        #expect(try folder.read("parts/metrics.jsonl") == folder.read("whole/metrics.jsonl"))
        let lines = try SimulationStudy.lines(of: folder.file("parts/metrics.jsonl")).filter { $0.split == "train" }
        let epsilons = lines.compactMap(\.epsilon)
        #expect(epsilons.count == 3 && epsilons == epsilons.sorted() && epsilons[0] > 0)
        #expect(second.epsilon == epsilons.last)
        let key = try FileManager.default.attributesOfItem(atPath: folder.file("parts/privacy.key"))
        #expect((key[.posixPermissions] as? NSNumber)?.intValue == 0o600)
        try FileManager.default.removeItem(atPath: folder.file("parts/privacy.key"))
        #expect(throws: SimulationError.self) { try run(folder, "parts", privacy, resumes: true, rounds: 3) }
    }

    @Test("A budget ends the run; the card and the figures say what was spent")
    func budget() throws {
        let folder = try TemporaryFolder()
        var privacy = Self.central
        privacy["epsilon"] = 4
        let job = SimulationRunTests.job(rounds: 50) { $0.privacy = privacy }
        let data = try SimulationRunTests.data()
        let study = SimulationStudy(
            job: job, seeds: [8], output: folder.file("run"), workers: 1, resumes: false, isGenerated: true)
        let report = try #require(try study.run(data: { _ in data }, stop: { false }, progress: { _, _ in }))
        #expect(report.runs.count == 1)
        let lines = try SimulationStudy.lines(of: folder.file("run/metrics.jsonl")).filter { $0.split == "train" }
        #expect(lines.count > 0 && lines.count < 50)
        let epsilon = try #require(lines.last?.epsilon)
        #expect(epsilon <= 4)
        let card = try String(contentsOfFile: folder.file("run/model-card.md"), encoding: .utf8)
        #expect(card.contains("differential privacy") && card.contains("privacy budget"))
        // The secret is nowhere but in its file.
        let secret = try folder.read("run/privacy.key")
        let hexadecimal = secret.map { String(format: "%02x", $0) }.joined()
        for name in try FileManager.default.subpathsOfDirectory(atPath: folder.file("run")) where name != "privacy.key"
        {
            guard let content = FileManager.default.contents(atPath: folder.file("run/\(name)")) else { continue }
            #expect(content.range(of: Data(secret)) == nil, "\(name)")
            #expect(content.range(of: Data(hexadecimal.utf8)) == nil, "\(name)")
        }
    }

    @Test("A server optimiser spends nothing", arguments: ["adam", "sgd"])
    func serverOptimiser(name: String) throws {
        let folder = try TemporaryFolder()
        let plain = try run(folder, "plain", Self.central)
        let strategy: Settings = ["name": "fedopt", "serverOptimizer": .string(name)]
        let optimised = try run(folder, "optimised", Self.central, strategy: strategy)
        #expect(optimised.isComplete && optimised.epsilon == plain.epsilon && (plain.epsilon ?? 0) > 0)
        #expect(optimised.weights.allFinite && optimised.digest != optimised.initialDigest)
    }
}
