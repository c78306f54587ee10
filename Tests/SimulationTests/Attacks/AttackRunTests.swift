import Foundation
import Jobs
import Synchronization
import TestSupport
import Testing
import Weights

@testable import Simulation

/// Whole runs with hostile clients.
@Suite struct AttackRunTests {
    private func job(_ attack: Settings, change: (inout JobSpecification) -> Void = { _ in }) -> JobSpecification {
        SimulationRunTests.job {
            $0.clients = .init(minimum: 6, minimumUpdates: 2)
            $0.attack = attack.merging(["share": 0.4]) { own, _ in own }
            change(&$0)
        }
    }

    private func run(
        _ job: JobSpecification, _ folder: TemporaryFolder, _ name: String, workers: Int = 1, memory: Int = 1 << 30,
        resumes: Bool = false, stop: @escaping @Sendable () -> Bool = { false }
    ) throws -> (outcome: SimulationRun.Outcome, hostile: [String]) {
        try FileManager.default.createDirectory(atPath: folder.file(name), withIntermediateDirectories: true)
        let run = try SimulationRun(
            job, data: SimulationClockTests.data(),
            options: .init(
                output: folder.file(name), workers: workers, resumes: resumes, checkpointSeconds: 0,
                memoryBytes: memory),
            stop: stop)
        return (try run.run(), run.hostileClients)
    }

    private func lines(_ folder: TemporaryFolder, _ name: String) throws -> [MetricsLine] {
        try SimulationStudy.lines(of: folder.file(name) + "/metrics.jsonl")
    }

    static let attacks: [Settings] =
        AttackSettings.Kind.allCases.map { ["kind": .string($0.rawValue)] } + [
            ["kind": "free-rider", "behaviour": "noise"], ["kind": "free-rider", "behaviour": "stale"],
            ["kind": "backdoor", "scale": 3], ["kind": "alie", "z": 2],
        ]

    @Test(
        "every attack gives the same bits for one and two workers, on disk, and after an interruption",
        arguments: attacks)
    func reproducible(attack: Settings) throws {
        let folder = try TemporaryFolder()
        let job = job(attack)
        let whole = try run(job, folder, "whole")
        #expect(whole.hostile.count == 5)
        let seen = Mutex(0)
        let first = try run(job, folder, "parts", workers: 2, memory: 0) {
            seen.withLock {
                $0 += 1
                return $0 > 9
            }
        }
        #expect(!first.outcome.isComplete)
        let second = try run(job, folder, "parts", workers: 2, memory: 0, resumes: true)
        #expect(second.outcome.digest == whole.outcome.digest)
        #expect(second.hostile == whole.hostile)
        #expect(try folder.read("parts/metrics.jsonl") == folder.read("whole/metrics.jsonl"))
        let clean = try run(SimulationRunTests.job { $0.clients = job.clients }, folder, "clean")
        #expect(clean.outcome.digest != whole.outcome.digest)
    }

    @Test("admission refuses NaN and giant weights, and the rounds go on", arguments: ["nan", "giant-weight"])
    func refused(kind: String) throws {
        let folder = try TemporaryFolder()
        let (outcome, hostile) = try run(job(["kind": .string(kind)]), folder, "run")
        #expect(outcome.isComplete)
        let codes = try lines(folder, "run").compactMap(\.refusals)
        #expect(codes.count == 3)
        for refusals in codes {
            #expect(Set(refusals.keys).isSubset(of: hostile))
            #expect(Set(refusals.values) == [kind == "nan" ? "non-finite" : "examples"])
        }
    }

    @Test("a giant weight that the job allows is the whole mean")
    func giantWeight() throws {
        let folder = try TemporaryFolder()
        let job = job(["kind": "giant-weight", "share": 0.1]) {
            $0.limits.maximumExamples = 1 << 40
            $0.clients = .init(minimum: 12, minimumUpdates: 2)
            $0.rounds = 1
        }
        let (outcome, hostile) = try run(job, folder, "all")
        #expect(hostile.count == 1)
        let alone = try run(
            SimulationRunTests.job(rounds: 1) { $0.clients = .init(minimum: 1, participants: hostile) }, folder, "alone"
        )
        let (all, own) = (outcome.weights, alone.outcome.weights)
        for spec in all.schema.tensors {
            for (left, right) in zip(try all.floats(spec.name), try own.floats(spec.name)) {
                #expect(abs(left - right) < 1e-6)
            }
        }
    }

    @Test("a backdoor is measured on triggered examples, and works")
    func backdoor() throws {
        let folder = try TemporaryFolder()
        let job = job(["kind": "backdoor", "target": 2, "trigger": 5, "poison": 0.5]) {
            $0.clients = .init(minimum: 12)
            $0.rounds = 10
            $0.training["learningRate"] = 0.05
        }
        _ = try run(job, folder, "run")
        let success = try lines(folder, "run").filter { $0.split == "backdoor" }.compactMap {
            $0.metrics["attackSuccess"]
        }
        #expect(success.count == 10)
        #expect((success.last ?? 0) > 0.8)
    }

    @Test("the report lists the hostile clients")
    func report() throws {
        let folder = try TemporaryFolder()
        let data = try SimulationClockTests.data()
        var study = SimulationStudy(
            job: job(["kind": "ipm"]), seeds: [8, 16], output: folder.path, workers: 2, resumes: false,
            isGenerated: true)
        study.notes = []
        let report = try #require(try study.run(data: { _ in data }, stop: { false }, progress: { _, _ in }))
        #expect(report.runs.map { $0.hostile?.count } == [5, 5])
        #expect(report.runs[0].hostile != report.runs[1].hostile)
        #expect(try String(decoding: folder.read("report.html"), as: UTF8.self).contains("ipm by 5 of 12 clients"))
    }

    @Test("with a clock, those of the colluders collude whose results arrive in time")
    func clock() throws {
        let folder = try TemporaryFolder()
        let job = job(["kind": "ipm", "share": 0.5]) {
            $0.clients = .init(minimum: 8, minimumUpdates: 2, targetUpdates: 4)
            $0.clock = ["secondsPerExample": 1, "speedLaw": "log-normal", "dropOut": 0.2]
        }
        let one = try run(job, folder, "one")
        let two = try run(job, folder, "two", workers: 2, memory: 0)
        #expect(one.outcome.digest == two.outcome.digest)
        #expect(try folder.read("one/metrics.jsonl") == folder.read("two/metrics.jsonl"))
    }

    @Test("attacks that the data do not allow are refused before the run")
    func impossible() throws {
        let folder = try TemporaryFolder()
        #expect(throws: SimulationError.self) { try run(job(["kind": "backdoor", "target": 6]), folder, "run") }
        #expect(throws: JobsError.self) { try run(job(["kind": "none"]), folder, "run") }
    }

    @Test(
        "selection from history gives the same cohorts after an interruption",
        arguments: ["power-of-choice", "oort", "availability"])
    func selection(name: String) throws {
        let folder = try TemporaryFolder()
        let job = SimulationRunTests.job(rounds: 5) {
            $0.clients = .init(minimum: 4, minimumUpdates: 2, sampling: .init(["name": .string(name)]))
            $0.deadline = 600
            $0.clock = ["secondsPerExample": 1, "speedLaw": "log-normal", "period": 60, "onShare": 0.6]
        }
        let whole = try run(job, folder, "whole")
        for stop in [3, 8, 14] {
            let seen = Mutex(0)
            let first = try run(job, folder, "parts-\(stop)") {
                seen.withLock {
                    $0 += 1
                    return $0 > stop
                }
            }
            #expect(!first.outcome.isComplete)
            let second = try run(job, folder, "parts-\(stop)", workers: 2, resumes: true)
            #expect(second.outcome.digest == whole.outcome.digest)
        }
    }
}
