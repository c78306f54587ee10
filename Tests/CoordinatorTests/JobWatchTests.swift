import GRPCCore
import Jobs
import SwiftProtobuf
import Synchronization
import TestSupport
import Testing
import WireMessages

@testable import Coordinator

@Suite struct JobWatchTests {
    /// The job ends between two looks at the store: the update that says so has to show the rounds as they ended.
    @Test func theLastUpdateShowsTheRoundsAsTheyEnded() async throws {
        let folder = try TemporaryFolder()
        try await TestServer.run(folder: folder.path) { server in
            let core = server.coordinator.core
            let id = try await server.submit(Fixtures.specification(rounds: 2, clients: 1)).job
            try await server.withSites([ScriptedSite("site-1")]) { _ = try await server.finished(id) }
            let job = try #require(try await core.store.job(id))
            let history = EndingHistory(job: job, rounds: try await core.store.rounds(job: id)) {
                core.changes.changed(job: id, round: 1)
            }
            let writer = Collector()
            try await JobWatch(core: core, job: job, history: history).run(from: 0, RPCWriter(wrapping: writer))
            let updates = writer.updates.withLock { $0 }
            #expect(updates.first?.rounds.map(\.phase) == ["completed", "training"])
            #expect(updates.last?.summary.state == "finished")
            #expect(updates.last?.rounds.last?.phase == "completed")
        }
    }
}

/// A job whose last round is open until the rounds were read once; then all is over.
private final class EndingHistory: JobHistory {
    private let record: JobRecord
    private let ended: [RoundHistory]
    private let isOver = Mutex(false)
    private let changed: @Sendable () -> Void

    init(job: JobRecord, rounds: [RoundHistory], changed: @escaping @Sendable () -> Void) {
        record = job
        ended = rounds
        self.changed = changed
    }

    func job(_ reference: String) async throws -> JobRecord? {
        var job = record
        if !isOver.withLock({ $0 }) { job.status = JobStatus(.running) }
        return job
    }

    func rounds(job: String, from first: Int, limit: Int) async throws -> [RoundHistory] {
        var rounds = ended
        let wasOver = isOver.withLock { isOver in
            defer { isOver = true }
            return isOver
        }
        if !wasOver {
            rounds[rounds.count - 1].phase = .training
            changed()
        }
        return rounds
    }

    func rounds(job: String, numbers: [Int]) async throws -> [RoundHistory] {
        ended.filter { numbers.contains($0.round) }
    }
}

private final class Collector: RPCWriterProtocol {
    let updates = Mutex<[Tributary_V1_JobUpdate]>([])

    func write(_ element: Tributary_V1_JobUpdate) async throws { updates.withLock { $0.append(element) } }

    func write(contentsOf elements: some Sequence<Tributary_V1_JobUpdate>) async throws {
        for element in elements { try await write(element) }
    }
}
