import Federation
import Foundation
import GRDB
import Identity
import Jobs
import TestSupport
import Testing
import Wire

@testable import Coordinator

@Suite struct StoreTests {
    private let folder: TemporaryFolder
    private let store: Store

    init() throws {
        folder = try TemporaryFolder()
        store = try Store(path: folder.file("state.sqlite"))
    }

    private func job(_ id: String, token: String? = nil, change: (inout JobSpecification) -> Void = { _ in })
        -> JobRecord
    {
        JobRecord(
            id: id, operator: "alice", token: token, specification: Fixtures.specification(change: change),
            submittedAt: 1, initialDigest: "initial-\(id)", weightsBytes: 10, schemaDigest: "schema", trainer: [:])
    }

    private func result(_ round: Int, job: String = "a", evaluated: Bool = false) -> RoundResult {
        let totals = TaskStatistics(examples: 5, sums: ["loss": 1])
        return RoundResult(
            round: round, attempt: 0, cohort: ["one", "two"],
            admitted: [AdmittedUpdate(client: "one", statistics: totals)],
            refusals: [TaskRefusal(client: "two", code: "deadline", reason: "late")], totals: totals,
            baseDigest: "base", weightsDigest: "\(job)-weights-\(round)", startedAt: 10, completedAt: 20,
            evaluation: evaluated
                ? EvaluationRecord(
                    round: round, attempt: 0, weightsDigest: "\(job)-weights-\(round)", evaluators: ["one"],
                    deadline: 99)
                : nil)
    }

    private func complete(_ round: Int, of job: JobRecord, evaluated: Bool = false) async throws -> [String] {
        try await store.commitCohort(
            job: job.id, CohortRecord(round: round, attempt: 0, cohort: ["one", "two"], startedAt: 10, deadline: 50))
        return try await store.commitRound(job: job, result(round, job: job.id, evaluated: evaluated))
    }

    @Test func commitsAreFull() throws {
        #expect(try store.synchronousLevel() == 2)
        let mode = try store.pool.read { db in try String.fetchOne(db, sql: "PRAGMA journal_mode") }
        #expect(mode == "wal")
    }

    @Test func staysFullAfterReopening() throws {
        try store.close()
        #expect(try Store(path: folder.file("state.sqlite")).synchronousLevel() == 2)
    }

    @Test func refusesAFileThatIsNoStore() throws {
        let path = try folder.write(Array("this is not a database, and long enough to be none".utf8), to: "other")
        #expect(throws: CoordinatorError.self) { try Store(path: path) }
    }

    @Test func aTokenGivesTheSameJob() async throws {
        guard case .inserted = try await store.insertJob(job("a", token: "t")) else {
            Issue.record("the first submission must be new")
            return
        }
        var again = job("b", token: "t")
        again.initialDigest = "initial-a"
        guard case .existed(let known) = try await store.insertJob(again) else {
            Issue.record("the second submission must be the first")
            return
        }
        #expect(known.id == "a")
        #expect(known.specification == again.specification)
        await #expect(throws: CoordinatorError.self) { try await store.insertJob(job("c", token: "t")) }
    }

    @Test func keepsTheLastThreeTheBestAndTheCheckpoints() async throws {
        let job = job("a") {
            $0.checkpointEvery = 5
            $0.rounds = 20
        }
        _ = try await store.insertJob(job)
        var dropped: [String] = []
        for round in 0..<10 {
            dropped += try await complete(round, of: job, evaluated: true)
            let accuracy = round == 1 ? 0.9 : 0.1
            dropped += try await store.commitEvaluation(
                job: job,
                EvaluationResult(
                    round: round, reported: ["one"], refusals: [], totals: TaskStatistics(examples: 1),
                    metrics: ["accuracy": accuracy]))
        }
        // 4 and 9 are checkpoints, 1 is the best, 7 to 9 are the last.
        #expect(Set(dropped) == Set([0, 2, 3, 5, 6].map { "a-weights-\($0)" }))
        #expect(
            try await store.blobDigests() == Set([1, 4, 7, 8, 9].map { "a-weights-\($0)" } + ["initial-a"]))
        let stored = try await store.job("a")
        #expect(stored?.bestRound == 1)
        #expect(stored?.completedRounds == 10)
        #expect(stored?.weightsDigest == "a-weights-9")
    }

    @Test(arguments: [false, true])
    func selectionKnowsWhatCommittedRoundsAndDrawsHaveShown(learnsDeadline: Bool) async throws {
        let job = job("a") {
            if learnsDeadline {
                $0.adaptiveDeadline = [:]
            } else {
                $0.clients.sampling = .init(["name": "availability"])
            }
        }
        _ = try await store.insertJob(job)
        for round in 0..<2 {
            let cohort = CohortRecord(
                round: round, attempt: 0, cohort: ["one", "two"], startedAt: 10, deadline: 50,
                present: round == 0 ? ["one", "two"] : ["one", "three"])
            // Doing it twice changes nothing.
            for _ in 0..<2 { try await store.commitCohort(job: "a", cohort) }
            let statistics = TaskStatistics(examples: 4, sums: ["loss": Double(2 + round)])
            try await store.commitUpdate(
                job: "a", task: RoundTask(.train, round: round, attempt: 0), client: "one",
                UpdateRecord(digest: "d\(round)", bytes: 1, statistics: statistics, trainer: [:]), at: Int64(15 + round)
            )
            if round == 0 { _ = try await store.commitRound(job: job, result(0)) }
        }
        let snapshot = try await store.snapshot(job: "a", seenSince: 0, lastAlive: nil) { _ in true }.snapshot
        var expected = SelectionHistory()
        expected.entries["one", default: .init()].take(
            TaskStatistics(examples: 4, sums: ["loss": 2]), round: 0, milliseconds: 5)
        for client in ["one", "two", "one", "three"] { expected.notePresent([client]) }
        #expect(snapshot.history == expected)
        #expect(snapshot.current?.arrivals == ["one": 16])
    }

    @Test func weightsUnderEvaluationStay() async throws {
        let job = job("a") { $0.rounds = 20 }
        _ = try await store.insertJob(job)
        for round in 0..<6 { _ = try await complete(round, of: job, evaluated: true) }
        #expect(try await store.blobDigests().count == 7)
    }

    @Test func aBlobOfTwoJobsStaysUntilTheLast() async throws {
        var first = job("a") { $0.rounds = 20 }
        var second = job("b") { $0.rounds = 20 }
        first.initialDigest = "shared"
        second.initialDigest = "shared"
        _ = try await store.insertJob(first)
        _ = try await store.insertJob(second)
        for round in 0..<5 { _ = try await complete(round, of: first) }
        #expect(try await store.blobDigests().contains("shared"))
    }

    @Test func aRoundLetsItsUpdatesGo() async throws {
        let job = job("a")
        _ = try await store.insertJob(job)
        try await store.commitCohort(
            job: "a", CohortRecord(round: 0, attempt: 0, cohort: ["one"], startedAt: 1, deadline: 2))
        let update = UpdateRecord(digest: "d", bytes: 3, statistics: TaskStatistics(examples: 1), trainer: ["x": "y"])
        try await store.commitUpdate(
            job: "a", task: RoundTask(.train, round: 0, attempt: 0), client: "one", update, at: 5)
        #expect(try await store.spooledUpdates().count == 1)
        _ = try await store.commitRound(job: job, result(0))
        #expect(try await store.spooledUpdates().isEmpty)
        #expect(
            try await store.update(job: "a", task: RoundTask(.train, round: 0, attempt: 0), client: "one") == update)
    }

    @Test func theSnapshotHoldsTheOpenRound() async throws {
        let job = job("a")
        _ = try await store.insertJob(job)
        _ = try await complete(0, of: job, evaluated: true)
        let cohort = CohortRecord(round: 1, attempt: 0, cohort: ["one", "two"], startedAt: 30, deadline: 60)
        try await store.commitCohort(job: "a", cohort)
        try await store.commitDeadline(job: "a", task: RoundTask(.train, round: 1, attempt: 0), deadline: 70)
        let task = RoundTask(.train, round: 1, attempt: 0)
        let statistics = TaskStatistics(examples: 7, sums: ["loss": 0.1 + 0.2])
        try await store.commitUpdate(
            job: "a", task: task, client: "one",
            UpdateRecord(digest: "d", bytes: 3, statistics: statistics, trainer: [:]),
            at: 5)
        let refusal = TaskRefusal(client: "two", code: "operator", reason: "no")
        try await store.commitRefusal(job: "a", task: task, refusal, isDeclined: true, at: 6)
        let evaluation = RoundTask(.evaluate, round: 0, attempt: 0)
        try await store.commitReport(job: "a", task: evaluation, client: "one", statistics, at: 7)
        try await store.commitClient(
            ClientRecord(
                name: "one", software: "s", datasets: [.init(name: "toy", examples: ["train": 3])], certificateEnds: 1,
                lastSeen: 40))
        let (_, snapshot) = try await store.snapshot(job: "a", seenSince: 39, lastAlive: 41) { _ in true }
        #expect(snapshot.completedRounds == 1)
        #expect(snapshot.current?.cohort.deadline == 70)
        #expect(snapshot.current?.updates == ["one": statistics])
        #expect(snapshot.current?.refused == [refusal])
        #expect(snapshot.declined == ["two"])
        #expect(snapshot.evaluations.first?.reports == ["one": statistics])
        #expect(snapshot.known == [EngineSnapshot.Known(client: "one", examples: ["train": 3])])
        #expect(snapshot.lastAlive == 41)
        let (_, later) = try await store.snapshot(job: "a", seenSince: 41, lastAlive: nil) { _ in true }
        #expect(later.known.isEmpty)
        let (_, revoked) = try await store.snapshot(job: "a", seenSince: 0, lastAlive: nil) { _ in false }
        #expect(revoked.known.isEmpty)
    }

    @Test func aFailedAttemptIsRemembered() async throws {
        _ = try await store.insertJob(job("a"))
        try await store.commitCohort(
            job: "a", CohortRecord(round: 0, attempt: 0, cohort: ["one", "two"], startedAt: 1, deadline: 2))
        try await store.commitFailure(
            job: "a",
            FailedAttempt(
                round: 0, attempt: 0, reason: "nobody came",
                refusals: [TaskRefusal(client: "two", code: "deadline", reason: "late")], failedAt: 3))
        let (_, snapshot) = try await store.snapshot(job: "a", seenSince: 0, lastAlive: nil) { _ in true }
        #expect(snapshot.current == nil)
        #expect(snapshot.failedAttempts == 1)
        #expect(snapshot.failedInRound == ["two"])
        #expect(snapshot.lastFailure == "nobody came")
    }

    @Test func clientsThatWereConnectedAtTheEndWereSeenThen() async throws {
        _ = try await store.insertJob(job("a"))
        try await store.commitClient(
            ClientRecord(name: "one", software: "s", datasets: [], certificateEnds: 1, lastSeen: 40))
        try store.finish(at: 500)
        let again = try Store(path: folder.file("state.sqlite"))
        #expect(try await again.commitStart() == 500)
        #expect(try await again.clients().first?.lastSeen == 500)
    }

    @Test func revocationsSurvive() async throws {
        let book = try await RevocationBook(store: store)
        let peer = try Fixtures.peer(.client, "one")
        try await book.note(peer)
        #expect(try await book.revoke(peer.identity, at: Date(), reason: "lost"))
        #expect(try await !book.revoke(peer.identity, at: Date(), reason: "again"))
        let again = try await RevocationBook(store: store)
        #expect(again.isRevoked(peer.identity))
        #expect(
            again.refusalReason(identity: peer.identity, serial: peer.serial, notBefore: peer.notBefore) != nil)
        #expect(try await again.reinstate(peer.identity, at: Date()))
        // The certificate that was in use before stays out.
        #expect(
            again.refusalReason(identity: peer.identity, serial: peer.serial, notBefore: peer.notBefore) != nil)
    }

    @Test func theNewestOfManyChangesOfARevocationSurvives() async throws {
        let book = try await RevocationBook(store: store)
        for round in 0..<40 {
            let identity = try ParticipantIdentity(federation: "test", role: .client, name: "site-\(round)")
            try await withThrowingTaskGroup(of: Void.self) { group in
                for number in 0..<8 {
                    group.addTask {
                        if number == 4 {
                            _ = try await book.revoke(identity, at: Date(), reason: "lost")
                        } else {
                            try await book.note(
                                PeerIdentity(
                                    identity: identity, serial: "\(number)", notBefore: .distantPast,
                                    notAfter: .distantFuture))
                        }
                    }
                }
                try await group.waitForAll()
            }
        }
        let again = try await RevocationBook(store: store)
        #expect(again.entries.count == 40)
        for (identity, entry) in book.entries {
            #expect(again.entries[identity]?.isRevoked == true)
            #expect(again.entries[identity]?.seenSerials == entry.seenSerials)
            #expect(again.entries[identity]?.deniedSerials == entry.deniedSerials)
        }
    }
}
