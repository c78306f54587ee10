import Durability
import Federation
import Jobs
import Synchronization
import TestSupport
import Testing
import WireMessages

@testable import Coordinator

/// What is done together for many.
@Suite struct GroupTests {
    @Test("A mailbox hands out everything that waits, in order, then its end")
    func mailbox() async {
        let mailbox = Mailbox<Int>()
        for number in 0..<3 { mailbox.post(number) }
        #expect(await mailbox.take() == [0, 1, 2])
        let reader = Task { await mailbox.take() }
        mailbox.post(3)
        #expect(await reader.value == [3])
        mailbox.post(4)
        mailbox.finish()
        #expect(!mailbox.post(5))
        #expect(await mailbox.take() == [4])
        #expect(await mailbox.take() == nil)
        let other = Mailbox<Int>()
        let waiting = Task { await other.take() }
        waiting.cancel()
        #expect(await waiting.value == nil)
    }

    @Test("Everybody's folder is synchronised after the call, and a failure reaches those who share it")
    func synchroniser() async throws {
        let disk = LossyFileSystem()
        try disk.makeDirectory("folder")
        let group = GroupSynchroniser(fileSystem: disk)
        try await withThrowingTaskGroup(of: Void.self) { tasks in
            for index in 0..<50 {
                tasks.addTask {
                    let file = try disk.open("folder/\(index)", .createNew)
                    try file.append([1])
                    try file.synchronise()
                    file.close()
                    try await group.synchronise("folder")
                }
            }
            try await tasks.waitForAll()
        }
        disk.powerOff()
        await #expect(throws: (any Error).self) { try await group.synchronise("folder") }
        disk.crash(.allCases[0])
        #expect(try disk.list("folder").count == 50)
    }

    @Test("Results that come together are committed and counted together, each once")
    func results() async throws {
        let folder = try TemporaryFolder()
        let clients = (0..<12).map { "site-\($0)" }
        try await TestServer.run(folder: folder.path, settings: Fixtures.settings { $0.transfers = 12 }) { server in
            let job = try await server.submit(Fixtures.specification(rounds: 3, clients: 12)).job
            try await server.withSites(clients.map { ScriptedSite($0) }) {
                let state = try await server.finished(job).state
                #expect(state == "finished")
            }
            let rounds = try await server.rounds(job)
            #expect(rounds.count == 3)
            #expect(rounds.allSatisfy { $0.admitted.count == 12 && $0.attempt == 0 })
        }
    }
}

/// Moments that move.
@Suite struct AlarmTests {
    @Test("An alarm goes off once, at the moment that was set last, however often it moved")
    func moves() async {
        let (rings, ring) = AsyncStream<ContinuousClock.Instant>.makeStream()
        let alarm = Alarm { ring.yield(.now) }
        let start = ContinuousClock.now
        alarm.set(at: start.advanced(by: .milliseconds(20)))
        // Later, off, later still, then earlier than the timer that runs.
        alarm.set(at: start.advanced(by: .seconds(3600)))
        alarm.set(at: nil)
        alarm.set(at: start.advanced(by: .milliseconds(60)))
        var iterator = rings.makeAsyncIterator()
        let first = await iterator.next()
        #expect(first.map { $0 >= start.advanced(by: .milliseconds(60)) } == true)
        alarm.set(at: start.advanced(by: .seconds(3600)))
        let again = ContinuousClock.now.advanced(by: .milliseconds(5))
        alarm.set(at: again)
        let second = await iterator.next()
        #expect(second.map { $0 >= again } == true)
        alarm.set(at: .now)
        alarm.cancel()
        ring.finish()
    }
}
