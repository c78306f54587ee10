import Datasets
import Federation
import Foundation
import Jobs
import Synchronization
import TestSupport
import Testing
import Weights

@testable import Simulation

/// Whole runs under a virtual clock.
@Suite struct SimulationClockTests {
    /// What a run is asked to go through.
    struct Scenario: Sendable, CustomTestStringConvertible {
        var name: String
        var clients: JobSpecification.Clients
        var deadline = 60.0
        var adaptiveDeadline: Settings?
        var asynchronous: Settings?
        var strategy: Settings = ["name": "fedavg"]
        var clock: Settings
        /// Whether the figures of the whole run show that it happened.
        var isSeen: @Sendable (ClockFigures) -> Bool

        var testDescription: String { name }
    }

    static let scenarios = [
        Scenario(
            name: "stragglers", clients: .init(minimum: 6, minimumUpdates: 1), deadline: 6,
            clock: ["secondsPerExample": 1, "speedLaw": "pareto", "speedSpread": 0.7, "taskSpread": 0.5]
        ) { $0.late > 0 && $0.trained < $0.tasks && $0.wastedSeconds > 0 },
        Scenario(
            name: "silent drop-outs", clients: .init(minimum: 6, minimumUpdates: 2),
            clock: ["secondsPerExample": 1, "dropOut": 0.4, "dropOutLaw": "uniform", "dropOutSpread": 0.2]
        ) { $0.dropped > 0 && $0.late == 0 && $0.trained + $0.dropped == $0.tasks },
        Scenario(
            name: "reported drop-outs", clients: .init(minimum: 6, minimumUpdates: 5),
            strategy: ["name": "scaffold", "clients": 12],
            clock: ["secondsPerExample": 1, "speedLaw": "uniform", "dropOut": 0.3, "dropOutReported": true]
        ) { $0.dropped > 0 && $0.failedAttempts > 0 && $0.cancelled > 0 },
        Scenario(
            name: "over-selection", clients: .init(minimum: 8, minimumUpdates: 2, targetUpdates: 4),
            strategy: ["name": "ditto"],
            clock: [
                "secondsPerExample": 1, "speedLaw": "log-normal", "downMegabitsPerSecond": 1, "latencySeconds": 0.2,
            ]
        ) { $0.cancelled == 4 * 4 && $0.trained == 4 * 4 && $0.failedAttempts == 0 },
        Scenario(
            name: "a deadline that fails attempts", clients: .init(minimum: 6, minimumUpdates: 5), deadline: 3,
            clock: ["secondsPerExample": 1, "speedLaw": "exponential", "taskSpread": 1]
        ) { $0.failedAttempts > 0 && $0.late > 0 },
        Scenario(
            name: "a deadline that is learnt", clients: .init(minimum: 6, minimumUpdates: 2), deadline: 1000,
            adaptiveDeadline: ["quantile": 0.5, "slack": 1, "minimum": 2],
            clock: ["secondsPerExample": 1, "speedLaw": "log-normal", "taskSpread": 0.3]
        ) { $0.late > 0 && $0.time < 1000 },
        Scenario(
            name: "asynchronous", clients: .init(minimum: 6), asynchronous: ["buffer": 4, "concurrency": 8],
            strategy: ["name": "fedopt", "serverOptimizer": "adam", "serverLearningRate": 0.02],
            clock: ["secondsPerExample": 1, "speedLaw": "log-normal", "taskSpread": 0.3]
        ) { $0.trained >= 16 && $0.late == 0 && $0.cancelled > 0 },
        Scenario(
            name: "asynchronous with losses", clients: .init(minimum: 4), deadline: 25,
            asynchronous: ["buffer": 4, "concurrency": 9, "maximumStaleness": 1],
            clock: [
                "secondsPerExample": 1, "speedLaw": "log-normal", "speedSpread": 1, "dropOut": 0.2, "period": 40,
                "onShare": 0.7,
            ]
        ) { $0.dropped > 0 && $0.cancelled > 0 && $0.wastedSeconds > 0 },
        Scenario(
            name: "windows", clients: .init(minimum: 6, minimumUpdates: 3), deadline: 12,
            clock: [
                "secondsPerExample": 1, "period": 30, "onShare": 0.4, "onShareLaw": "beta", "onShareSpread": 0.2,
            ]
        ) { $0.late > 0 && $0.dropped == 0 && $0.cancelled == 0 },
        Scenario(
            name: "all of it", clients: .init(minimum: 4, perRound: 6, minimumUpdates: 2, targetUpdates: 3),
            deadline: 15,
            clock: [
                "secondsPerExample": [0.5, 2], "speedLaw": "log-normal", "upMegabitsPerSecond": 0.1, "upLaw": "pareto",
                "taskSpread": 0.3, "dropOut": 0.2, "period": 60, "onShare": 0.7, "phaseSpread": 0.5, "seed": 5,
            ]
        ) { $0.cancelled > 0 && $0.dropped > 0 },
    ]

    static func data() throws -> SimulationData {
        let generator = try SyntheticHAR(.init(seed: 8, subjects: 6, windowsPerActivity: 2))
        let people = generator.splitSubjects
        let train = try generator.dataset(subjects: people.train)
        let test = try generator.dataset(subjects: people.test)
        let clients = (0..<12).map { client in
            VirtualClient(
                name: "client-\(client)", rows: (0..<train.count).filter { $0 % 12 == client }, position: client)
        }
        return try SimulationData(train: train, clients: clients, heldOut: ["test": test.all])
    }

    static func job(_ scenario: Scenario) -> JobSpecification {
        SimulationRunTests.job(rounds: 4) {
            $0.clients = scenario.clients
            $0.deadline = scenario.deadline
            $0.adaptiveDeadline = scenario.adaptiveDeadline
            $0.asynchronous = scenario.asynchronous
            $0.attempts = 30
            $0.strategy = scenario.strategy
            $0.clock = scenario.clock
        }
    }

    private func run(
        _ job: JobSpecification, _ folder: TemporaryFolder, _ name: String, workers: Int = 1, resumes: Bool = false,
        stop: @escaping @Sendable () -> Bool = { false }
    ) throws -> SimulationRun.Outcome {
        try FileManager.default.createDirectory(atPath: folder.file(name), withIntermediateDirectories: true)
        return try SimulationRun(
            job, data: Self.data(),
            options: .init(output: folder.file(name), workers: workers, resumes: resumes, checkpointSeconds: 0),
            stop: stop
        ).run()
    }

    @Test("An asynchronous job whose buffer takes everybody is the same as one with rounds")
    func asynchronousRounds() throws {
        let folder = try TemporaryFolder()
        let clock: Settings = ["secondsPerExample": 1, "speedLaw": "log-normal", "taskSpread": 0.3]
        var job = Self.job(.init(name: "", clients: .init(minimum: 12), clock: clock) { _ in true })
        let rounds = try run(job, folder, "rounds")
        job.asynchronous = ["buffer": 12, "concurrency": 12]
        let versions = try run(job, folder, "versions")
        #expect(versions.digest == rounds.digest)
        // With fewer in the buffer others are stale, and discounted.
        job.asynchronous = ["buffer": 4, "concurrency": 12]
        let stale = try run(job, folder, "stale")
        job.asynchronous?["staleness"] = "constant"
        let constant = try run(job, folder, "constant")
        #expect(constant.digest != stale.digest)
        let lines = try SimulationStudy.lines(of: folder.file("stale/metrics.jsonl"))
        #expect(lines.compactMap(\.staleness?.values).joined().contains { $0 > 0 })
        job.clock = [:]
        let error = #expect(throws: SimulationError.self) { try run(job, folder, "no clock") }
        #expect(error?.message.hasPrefix("asynchronous: found an asynchronous job without a clock") == true)
    }

    private func figures(_ folder: TemporaryFolder, _ name: String) throws -> [ClockFigures] {
        try SimulationStudy.lines(of: folder.file(name + "/metrics.jsonl")).compactMap(\.clock)
    }

    @Test("One and two workers give the same bits, and so does a run that is interrupted", arguments: scenarios)
    func sameBits(scenario: Scenario) throws {
        let folder = try TemporaryFolder()
        let job = Self.job(scenario)
        let whole = try run(job, folder, "whole")
        let total = try #require(try ClockFigures.total(figures(folder, "whole")))
        #expect(scenario.isSeen(total), "\(total)")
        let two = try run(job, folder, "two", workers: 2)
        #expect(two.digest == whole.digest)
        #expect(try folder.read("two/metrics.jsonl") == folder.read("whole/metrics.jsonl"))
        for events in [3, 9, 14] {
            let name = "after \(events)"
            let seen = Mutex(0)
            let first = try run(job, folder, name, workers: 2) {
                seen.withLock {
                    $0 += 1
                    return $0 > events
                }
            }
            #expect(!first.isComplete)
            let second = try run(job, folder, name, resumes: true)
            #expect(second.digest == whole.digest, "interrupted after \(events) events")
            #expect(try folder.read(name + "/metrics.jsonl") == folder.read("whole/metrics.jsonl"))
        }
    }

    @Test("A clock under which nobody is late gives the weights and metrics of a job without one")
    func nobodyIsLate() throws {
        let folder = try TemporaryFolder()
        var job = Self.job(Self.scenarios[0])
        (job.deadline, job.clients.minimumUpdates) = (3600, 6)
        let timed = try run(job, folder, "timed", workers: 2)
        let lines = try SimulationStudy.lines(of: folder.file("timed/metrics.jsonl"))
        #expect(lines.compactMap(\.clock).count == 4)
        job.clock = [:]
        let plain = try run(job, folder, "plain")
        #expect(timed.digest == plain.digest)
        let untimed = lines.map { line in
            var line = line
            line.clock = nil
            return line
        }
        #expect(try SimulationStudy.lines(of: folder.file("plain/metrics.jsonl")) == untimed)
    }

    @Test("Each round lasts until the last result that it waits for, as computed from the draws alone")
    func roundsLastAsLongAsTheirTasks() throws {
        let folder = try TemporaryFolder()
        let scenario = try #require(Self.scenarios.first { $0.name == "over-selection" })
        let job = Self.job(scenario)
        let outcome = try run(job, folder, "run")
        let (data, lines) = (try Self.data(), try SimulationStudy.lines(of: folder.file("run/metrics.jsonl")))
        let size = Safetensors.canonicalSize(outcome.weights.schema)
        // Ditto trains twice.
        let clock = VirtualClock(
            try ClockSettings(job.clock), seed: job.seed, epochs: 2, bytesDown: size, bytesUp: size)
        var now: Int64 = 0
        for line in lines.filter({ $0.split == "train" }) {
            let cohort = CohortSelection.draw(
                seed: job.seed, round: line.round, attempt: 0, candidates: data.clients.map(\.name), count: 8)
            let ends = cohort.compactMap { name in
                data.clients.first { $0.name == name }.flatMap { client in
                    clock.task(
                        client: name, examples: client.rows.count, round: line.round, attempt: 0, start: now,
                        deadline: now + 60_000
                    ).finish.map { (name: name, time: $0) }
                }
            }.sorted { $0.time < $1.time }
            now = ends[3].time
            #expect(line.clock?.time == Double(now) / 1000)
            #expect(line.clients == 4)
            #expect(Set(line.refusals?.keys.map(\.self) ?? []) == Set(ends.dropFirst(4).map(\.name)))
            #expect(line.refusals?.values.allSatisfy { $0 == "surplus" } == true)
        }
    }

    @Test("Who comes at the same instant has the same chance")
    func everybodyComesAtOnce() throws {
        let folder = try TemporaryFolder()
        var job = Self.job(Self.scenarios[0])
        job.rounds = 10
        job.clients = .init(minimum: 3, perRound: 3, minimumUpdates: 1)
        // Rounds end at their deadline, when all are away.
        job.deadline = 6
        job.clock = [
            "secondsPerExample": 0.1, "dropOut": 0.5, "period": 10, "onShare": 0.5, "phaseSpread": 0, "seed": 2,
        ]
        _ = try run(job, folder, "run")
        let lines = try SimulationStudy.lines(of: folder.file("run/metrics.jsonl")).filter { $0.split == "train" }
        // Rounds that began with everybody's coming, and in which somebody dropped out.
        let waited = lines.filter { line in
            line.round > 0 && line.clock?.failedAttempts == 0 && line.refusals != nil
                && (line.clock?.seconds ?? 0) > 6
        }
        #expect(waited.count > 2)
        let names = try Self.data().clients.map(\.name)
        for line in waited {
            let cohort = CohortSelection.draw(
                seed: job.seed, round: line.round, attempt: 0, candidates: names, count: 3)
            let without = line.refusals?.keys.map(\.self) ?? []
            #expect(without.allSatisfy(cohort.contains), "round \(line.round)")
        }
    }

    @Test("A job whose clients never make a quorum, or never answer in time, fails with its reason")
    func failures() throws {
        let folder = try TemporaryFolder()
        var job = Self.job(Self.scenarios[0])
        job.clock = ["period": 10, "onShare": 0]
        let absent = #expect(throws: SimulationError.self) { try run(job, folder, "absent") }
        #expect(absent?.message.contains("waits for 6 more clients, 0 of 6 ready") == true)
        job.clock = ["secondsPerExample": 1000]
        job.attempts = 2
        let late = #expect(throws: SimulationError.self) { try run(job, folder, "late") }
        #expect(late?.message.contains("round 0 failed 2 times") == true, "\(late?.message ?? "")")
        job.clock = ["secondPerExample": 1]
        #expect(throws: SimulationError.self) { try run(job, folder, "misspelt") }
        job.clock = [:]
        job.clients.targetUpdates = 3
        let target = #expect(throws: SimulationError.self) { try run(job, folder, "target") }
        #expect(target?.message.hasPrefix("clients.targetUpdates: found 3 of 6 without a clock") == true)
    }

    @Test("The report has the clock's totals, its table and a chart over simulated time")
    func report() throws {
        let folder = try TemporaryFolder()
        let job = Self.job(Self.scenarios[0])
        let study = SimulationStudy(
            job: job, seeds: [1, 2], output: folder.file("study"), workers: 1, resumes: false, isGenerated: true)
        let report = try #require(try study.run(data: { _ in try Self.data() }, stop: { false }) { _, _ in })
        let totals = try #require(report.runs.first?.clock)
        #expect(try totals == ClockFigures.total(figures(folder, "study/seed-1")))
        #expect(totals.time > 0)
        #expect(totals.summary(rounds: 4).hasPrefix(String(format: "%.1f simulated seconds", totals.time)))
        let page = String(decoding: try folder.read("study/report.html"), as: UTF8.self)
        #expect(page.contains("macroF1 on test over simulated time, in milliseconds"))
        #expect(page.contains("<td>\(totals.tasks)</td><td>\(totals.late)</td>"))
        #expect(page.components(separatedBy: ">seed 2</text>").count == 2)
        let plain = SimulationStudy(
            job: SimulationRunTests.job(rounds: 1), seeds: [1], output: folder.file("plain"), workers: 1,
            resumes: false, isGenerated: true)
        let without = try #require(try plain.run(data: { _ in try Self.data() }, stop: { false }) { _, _ in })
        #expect(without.runs.allSatisfy { $0.clock == nil })
        #expect(try !String(decoding: folder.read("plain/report.html"), as: UTF8.self).contains("Virtual clock"))
    }
}
