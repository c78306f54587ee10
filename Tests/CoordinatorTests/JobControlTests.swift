import Foundation
import Jobs
import Logging
import Synchronization
import TestSupport
import Testing
import WireMessages

@testable import Coordinator

/// What operators ask of jobs at the moment at which these change by themselves.
@Suite(.timeLimit(.minutes(10))) struct JobControlTests {
    private let folder: TemporaryFolder

    init() throws {
        folder = try TemporaryFolder()
    }

    @Test func aJobThatEndedMeanwhileIsNotStopped() async throws {
        try await TestServer.run(folder: folder.path) { server in
            let core = server.coordinator.core
            let id = try await server.submit(Fixtures.specification(rounds: 1, clients: 1)).job
            let before = try #require(try await core.store.job(id))
            try await server.withSites([ScriptedSite("site-1")]) { _ = try await server.finished(id) }
            while core.jobs.runner(id) != nil { await Task.yield() }
            try await core.jobs.control(before, .stop, reason: "too late")
            #expect(try await core.store.job(id)?.status.state == .finished)
        }
    }

    /// The pause is durable, and its runner has not come to give the job's place up.
    @Test func aJobIsResumedAtTheMomentOfItsPause() async throws {
        let log = HeldLog(message: "job paused")
        try await TestServer.run(folder: folder.path, logger: Logger(label: "test") { _ in log }) { server in
            let core = server.coordinator.core
            let id = try await server.submit(Fixtures.specification(rounds: 1, clients: 1)).job
            let running = try #require(try await core.store.job(id))
            async let pause: Void = core.jobs.control(running, .pause, reason: "a test pauses")
            while !log.state.withLock({ $0.isHeld }) { await Task.yield() }
            let paused = try #require(try await core.store.job(id))
            #expect(paused.status.state == .paused)
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask {
                    try await core.jobs.control(paused, .resume, reason: "a test resumes")
                    log.state.withLock { $0.isResumed = true }
                }
                // It waits beside the one that pauses, or is done too early.
                while core.changes.subscribers(job: id) < 2, !log.state.withLock({ $0.isResumed }) {
                    await Task.yield()
                }
                log.state.withLock { $0.isReleased = true }
                try await group.waitForAll()
            }
            try await pause
            let summary = try await server.withSites([ScriptedSite("site-1")]) { try await server.finished(id) }
            #expect(summary.state == "finished")
        }
    }
}

/// Holds whoever logs a message until it is released.
private final class HeldLog: LogHandler {
    struct State {
        var isHeld = false
        var isReleased = false
        var isResumed = false
    }

    let message: String
    let state = Mutex(State())

    init(message: String) { self.message = message }

    var metadata: Logger.Metadata {
        get { [:] }
        set {}
    }

    var logLevel: Logger.Level {
        get { .info }
        set {}
    }

    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { nil }
        set {}
    }

    func log(event: LogEvent) {
        guard "\(event.message)" == message else { return }
        state.withLock { $0.isHeld = true }
        // Where this is the only thread there is, nobody else would ever get to release it.
        let end = ContinuousClock.now + .seconds(20)
        while !state.withLock({ $0.isReleased }), ContinuousClock.now < end { usleep(1000) }
    }
}
