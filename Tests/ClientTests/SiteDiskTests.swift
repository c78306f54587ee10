import Durability
import Logging
import Synchronization
import Testing
import Wire

@testable import Client

@Suite struct SiteDiskTests {
    private let task = TaskIdentity(job: "a", round: 3, attempt: 0, kind: .train)

    /// A disk that has these bytes free, one after the other; the last for ever.
    private func disk(_ free: [Int64?]) -> SiteDisk {
        let left = Mutex(free)
        return SiteDisk(folder: "state", pause: .zero, logger: Logger(label: "test")) {
            left.withLock { $0.count > 1 ? $0.removeFirst() : $0[0] }
        }
    }

    private let full = DurabilityError(.noSpace, "cannot write cache/a.part: No space left on device")

    @Test("A task that failed for want of space begins anew when there is enough for it")
    func heldAndDone() async throws {
        let asked = Mutex(0)
        let disk = SiteDisk(folder: "state", pause: .zero, logger: Logger(label: "test")) {
            asked.withLock { count in
                count += 1
                return count < 5 ? 2 << 20 : 1 << 30
            }
        }
        var runs = 0
        try await disk.holding(task, weightsBytes: 10 << 20) {
            runs += 1
            if runs == 1 { throw full }
        }
        #expect(runs == 2)
        #expect(asked.withLock { $0 } == 5)
    }

    @Test("What a trainer says is not understood: with a full disk its failure is one for want of space")
    func trainer() async throws {
        var runs = 0
        try await disk([100, 1 << 30]).holding(task, weightsBytes: 1000) {
            runs += 1
            if runs == 1 { throw ClientError(.trainer, "the trainer failed (output)") }
        }
        #expect(runs == 2)
    }

    @Test("Other failures are the task's own", arguments: [1 << 30, nil] as [Int64?])
    func others(free: Int64?) async throws {
        var runs = 0
        await #expect(throws: ClientError.self) {
            try await disk([free]).holding(task, weightsBytes: 1000) {
                runs += 1
                throw ClientError(.trainer, "the trainer failed")
            }
        }
        #expect(runs == 1)
    }

    @Test("A refusal and an end are not held, however full the disk is")
    func refusals() async throws {
        await #expect(throws: SiteRules.Refusal.self) {
            try await disk([0]).holding(task, weightsBytes: .max) {
                throw SiteRules.Refusal(code: "schema", reason: "other weights")
            }
        }
        await #expect(throws: CancellationError.self) {
            try await disk([0]).holding(task, weightsBytes: .max) { throw CancellationError() }
        }
    }

    @Test("A held task that nobody wants any more ends")
    func cancelled() async throws {
        let disk = disk([0])
        let (task, full) = (task, full)
        let (started, signal) = AsyncStream.makeStream(of: Void.self)
        await withThrowingTaskGroup { group in
            group.addTask {
                try await disk.holding(task, weightsBytes: 1) {
                    signal.yield()
                    throw full
                }
            }
            for await _ in started { break }
            group.cancelAll()
            let result = await group.nextResult()
            #expect(throws: CancellationError.self) { try result?.get() }
        }
    }
}
