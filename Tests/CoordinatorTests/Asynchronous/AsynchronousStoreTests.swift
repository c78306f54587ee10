import Federation
import Foundation
import GRDB
import Jobs
import TestSupport
import Testing

@testable import Coordinator

/// What the store keeps of an asynchronous job is what its engine knew.
@Suite(.serialized) struct AsynchronousStoreTests {
    private let folder: TemporaryFolder

    init() throws {
        folder = try TemporaryFolder()
    }

    private static func record(_ id: String, _ specification: JobSpecification) -> JobRecord {
        JobRecord(
            id: id, operator: "alice", token: nil, specification: specification, submittedAt: 1,
            initialDigest: "initial", weightsBytes: 10, schemaDigest: "schema", trainer: [:])
    }

    /// Carries an engine's actions out on a store.
    private struct Driver {
        let store: Store
        let job: JobRecord
        var engine: RoundEngine

        /// Hands an event in; `folds` says whether folds are answered at once.
        mutating func handle(_ event: RoundEvent, at time: Int64) async throws {
            var events = [event]
            while !events.isEmpty {
                for action in engine.handle(events.removeFirst(), at: time) {
                    switch action {
                    case .commitCohort(let record):
                        try await store.commitDraw(job: job.id, record)
                        events.append(.cohortCommitted(round: record.round, attempt: record.attempt))
                    case .commitDeadline(let task, let deadline):
                        try await store.commitDeadline(job: job.id, task: task, deadline: deadline)
                    case .commitRefusal(let task, let refusal, let isDeclined):
                        try await store.commitRefusal(
                            job: job.id, task: task, refusal, isDeclined: isDeclined, at: time)
                    case .aggregate(let order):
                        let names = order.updates.map { "\($0.client)\($0.startedFrom ?? -1)" }
                        events.append(
                            .aggregated(
                                round: order.round, attempt: order.attempt,
                                weightsDigest: "\(order.round) \(names)"))
                    case .commitRound(let result):
                        _ = try await store.commitRound(job: job, result)
                        events.append(.roundCommitted(round: result.round))
                    case .commitStatus(let status):
                        try await store.commitStatus(job: job.id, status, at: time)
                        events.append(.statusCommitted(status))
                    case .commitEvaluation, .commitAttemptFailure, .commitOwnModels, .makeModel, .commitStudy, .offer,
                        .cancel:
                        break
                    }
                }
            }
        }

        mutating func update(_ task: RoundTask, _ client: String, at time: Int64) async throws {
            let statistics = TaskStatistics(examples: Int(time % 7) + 1)
            let record = UpdateRecord(digest: "digest", bytes: 1, statistics: statistics, trainer: [:])
            try await store.commitUpdate(job: job.id, task: task, client: client, record, at: time)
            try await handle(
                .updateCommitted(client: client, round: task.round, attempt: task.attempt, statistics: statistics),
                at: time)
        }

        func stored() async throws -> EngineSnapshot {
            try await store.snapshot(job: job.id, seenSince: 0, lastAlive: nil) { _ in true }.snapshot
        }
    }

    @Test(
        "After any events the store gives back the tasks, updates and refusals that the engine knows", arguments: 1...6
    )
    func snapshots(seed: UInt64) async throws {
        var random = SplitMix(state: seed)
        let clients = ["a", "b", "c", "d", "e", "f"]
        var settings: Settings = ["buffer": 2, "concurrency": 4]
        if seed.isMultiple(of: 2) { settings["maximumStaleness"] = 1 }
        let specification = AsynchronousJobTests.job(rounds: 12, minimum: 4, settings) { $0.deadline = 100 }
        let store = try Store(path: folder.file("state.sqlite"))
        let job = Self.record("a", specification)
        _ = try await store.insertJob(job)
        var driver = Driver(
            store: store, job: job,
            engine: RoundEngine(
                resuming: EngineSnapshot(specification: specification, weightsDigest: "initial"),
                policy: RoundPolicy(settleMilliseconds: 0)))
        var time: Int64 = 1000
        for client in clients {
            try await driver.handle(.clientReady(client: client, examples: ["train": 10], holding: []), at: time)
        }
        try await driver.handle(.start, at: time)
        var versions = 0
        for _ in 0..<120 where !driver.engine.isEnded {
            time += Int64(random.next() % 400)
            let asked = driver.engine.buffer?.inOrder ?? []
            switch (random.next() % 8, asked.isEmpty) {
            case (0...4, false):
                let task = asked[Int(random.next() % UInt64(asked.count))]
                try await driver.update(task.task, task.client, at: time)
            case (5, false):
                let task = asked[Int(random.next() % UInt64(asked.count))]
                try await driver.handle(
                    .taskRefused(
                        task: task.task, refusal: TaskRefusal(client: task.client, code: "trainer", reason: "x"),
                        isDeclined: random.next() % 8 == 0), at: time)
            case (6, _):
                time += 40_000
                try await driver.handle(.tick, at: time)
            default:
                try await driver.handle(.pause(reason: "x"), at: time)
                time += 500
                try await driver.handle(.resume, at: time)
            }
            guard !driver.engine.isEnded else { break }
            let stored = try await driver.stored()
            #expect(stored.buffer == driver.engine.buffer, "at \(time)")
            #expect(stored.completedRounds == driver.engine.completedRounds)
            #expect(stored.weightsDigest == driver.engine.weightsDigest)
            #expect(stored.current == nil)
            // Every version that somebody trains from is there.
            for task in stored.buffer?.inOrder ?? [] {
                #expect(try await store.checkpoint(job: "a", round: task.round - 1) == task.weightsDigest)
            }
            versions = driver.engine.completedRounds
        }
        #expect(versions > 2)
    }

    @Test("An update that is in a version cannot be put into another one")
    func foldedOnce() async throws {
        let store = try Store(path: folder.file("state.sqlite"))
        let job = Self.record("a", AsynchronousJobTests.job())
        _ = try await store.insertJob(job)
        try await store.commitDraw(
            job: "a", CohortRecord(round: 0, attempt: 0, cohort: ["one"], startedAt: 10, deadline: 50))
        let totals = TaskStatistics(examples: 5)
        try await store.commitUpdate(
            job: "a", task: .init(.train, round: 0, attempt: 0), client: "one",
            UpdateRecord(digest: "d", bytes: 1, statistics: totals, trainer: [:]), at: 20)
        func result(_ round: Int) -> RoundResult {
            RoundResult(
                round: round, attempt: 0, cohort: ["one"],
                admitted: [AdmittedUpdate(client: "one", statistics: totals, weight: 1, startedFrom: 0, draw: 0)],
                refusals: [], totals: totals, baseDigest: "base", weightsDigest: "w\(round)", startedAt: 10,
                completedAt: 30, evaluation: nil)
        }
        #expect(try await store.spooledUpdates().count == 1)
        _ = try await store.commitRound(job: job, result(0))
        #expect(try await store.spooledUpdates().isEmpty)
        await #expect(throws: CoordinatorError.self) { try await store.commitRound(job: job, result(1)) }
        let completed = try await store.job("a")?.completedRounds
        #expect(completed == 1)
        #expect(try await store.closedDraws(job: "a", version: 0) == [RoundTask(.train, round: 0, attempt: 0)])
    }

    @Test("A store from before asynchronous jobs is opened, with what it holds")
    func migration() async throws {
        let path = folder.file("state.sqlite")
        do {
            let pool = try DatabasePool(path: path)
            try StoreSchema.migrator.migrate(pool, upTo: "presence")
            try await pool.write { db in
                try db.execute(
                    sql: """
                        INSERT INTO jobs (id, name, operator, specification, state, reason, submitted, initial_digest,
                            weights_digest, weights_bytes, schema_digest, trainer, completed)
                        VALUES ('old', 'job', 'alice', ?, 'running', '', 1, 'i', 'i', 1, 's', '{}', 0)
                        """,
                    arguments: [String(decoding: try Fixtures.specification().canonicalJSON(), as: UTF8.self)])
                try db.execute(
                    sql: """
                        INSERT INTO rounds (job, round, attempt, phase, cohort, started, deadline)
                        VALUES ('old', 0, 0, 'training', '["one","two"]', 5, 50);
                        INSERT INTO refusals (job, round, attempt, kind, client, code, reason, declined, at)
                        VALUES ('old', 0, 0, 'train', 'two', 'trainer', 'x', 0, 7);
                        """)
            }
            try pool.close()
        }
        let store = try Store(path: path)
        let snapshot = try await store.snapshot(job: "old", seenSince: 0, lastAlive: nil) { _ in true }.snapshot
        #expect(snapshot.buffer == nil)
        #expect(snapshot.current?.cohort.cohort == ["one", "two"])
        #expect(snapshot.current?.refused.map(\.code) == ["trainer"])
        #expect(try await store.openDraws().isEmpty)
    }
}

/// Numbers from a seed.
private struct SplitMix {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var z = state
        z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
        return z ^ (z >> 31)
    }
}
