import Durability
import Foundation
import GRPCCore
import Jobs
import SwiftProtobuf
import Synchronization
import TestSupport
import Testing
import Wire
import WireMessages

@testable import Client

@Suite(.enabled(if: ScriptedTrainer.isAvailable, "python3 is not installed"), .timeLimit(.minutes(10)))
struct ClientDaemonTests {
    @Test("A training task: accepted, fetched, trained, uploaded, acknowledged")
    func training() async throws {
        let site = try TestSite()
        site.coordinator.state.withLock { $0.tasks = [try! site.task(0, grant: 7)] }
        try await site.running(try site.daemon()) {
            try await site.uploaded()
            let (header, bytes) = try #require(site.coordinator.state.withLock { $0.uploads.first })
            #expect(bytes == site.blob)
            #expect(header.digest == site.digest)
            #expect(header.weightsDigest == site.digest)
            #expect(header.statistics.examples == 10)
            #expect(header.trainer["trainer"] == "scripted")
            #expect(header.identity.job == "job-1")
            #expect(site.coordinator.state.withLock { $0.resumeQuestions } == 0)
            let hello = try #require(site.coordinator.state.withLock { $0.hellos.first })
            #expect(hello.datasets.map(\.name) == ["blobs"])
            #expect(hello.datasets[0].examples == ["train": 10, "test": 4])
            #expect(hello.holding.isEmpty)
            // The next round runs in the same trainer.
            site.coordinator.send(.task(try site.task(1)))
            try await site.uploaded(2)
            #expect(site.trainings == ["0", "1"])
        }
        #expect(site.coordinator.received { if case .goodbye = $0 { true } else { nil } }.count == 1)
        let accepted = site.coordinator.received {
            if case .accepted(let task) = $0 { task.identity.round } else { nil }
        }
        #expect(accepted == [UInt32(0), 1])
        #expect(try FileManager.default.contentsOfDirectory(atPath: site.folder.file("state/trainers")).isEmpty)
    }

    @Test("An interrupted fetch goes on where it stopped")
    func resumedFetch() async throws {
        let site = try TestSite()
        site.coordinator.state.withLock { state in
            state.tasks = [try! site.task(0)]
            state.brokenFetches = 1
        }
        try await site.running(try site.daemon()) { try await site.uploaded() }
        let offsets = site.coordinator.state.withLock { $0.fetchOffsets }
        #expect(offsets.count == 2)
        #expect(offsets[0] == 0)
        #expect(offsets[1] >= UInt64(site.blob.count / 2))
    }

    @Test("An interrupted upload goes on where it stopped")
    func resumedUpload() async throws {
        let site = try TestSite()
        site.coordinator.state.withLock { state in
            state.tasks = [try! site.task(0)]
            state.brokenUploads = 1
        }
        try await site.running(try site.daemon()) { try await site.uploaded() }
        let (headers, uploads, questions) = site.coordinator.state.withLock {
            ($0.headers, $0.uploads, $0.resumeQuestions)
        }
        #expect(headers.map(\.offset) == [0, UInt64((site.blob.count + 1) / 2)])
        #expect(uploads.values.map { $0 } == [site.blob])
        #expect(questions == 1)
        #expect(site.trainings == ["0"])
    }

    @Test("A session that breaks during the training does not stop it")
    func brokenSession() async throws {
        let site = try TestSite()
        site.coordinator.state.withLock { $0.tasks = [try! site.task(0)] }
        try await site.running(try site.daemon("lingers")) {
            try await eventually("no training") { site.trainings == ["0"] }
            site.coordinator.endSession()
            try await eventually("no second session") { site.coordinator.state.withLock { $0.hellos.count } >= 2 }
            #expect(site.coordinator.state.withLock { $0.hellos[1].holding.map(\.round) } == [0])
            try site.folder.write([], to: "state/jobs/job-1/state/go")
            try await site.uploaded()
        }
        #expect(site.trainings == ["0"])
    }

    @Test("A failure between the hello and the welcome of a new session is told")
    func failureBetweenSessions() async throws {
        let site = try TestSite()
        site.coordinator.state.withLock { $0.tasks = [try! site.task(0)] }
        func failures() -> [String] {
            site.coordinator.received { if case .failed(let task) = $0 { task.reason } else { nil } }
        }
        try await site.running(try site.daemon("lingers-fails")) {
            try await eventually("no training") { site.trainings == ["0"] }
            site.coordinator.state.withLock { $0.withheldWelcomes = 1 }
            site.coordinator.endSession()
            try await eventually("no second hello") { site.coordinator.state.withLock { $0.unwelcomed.count } == 1 }
            #expect(site.coordinator.state.withLock { $0.hellos[1].holding.map(\.round) } == [0])
            try site.folder.write([], to: "state/jobs/job-1/state/go")
            // The trainer has taken the file: it fails now, with no session to say so.
            try await eventually("no failure") {
                !FileManager.default.fileExists(atPath: site.folder.file("state/jobs/job-1/state/go"))
            }
            site.coordinator.welcome()
            try await eventually("the coordinator never hears of it") { !failures().isEmpty }
        }
    }

    @Test("A task that was cancelled and comes again is carried out")
    func cancelledAndBack() async throws {
        let site = try TestSite()
        let task = try site.task(0)
        site.coordinator.state.withLock { $0.tasks = [task] }
        try await site.running(try site.daemon("lingers")) {
            try await eventually("no training") { site.trainings == ["0"] }
            site.coordinator.send(.cancel(.with { $0.identity = task.identity }))
            site.coordinator.send(.task(task))
            try await eventually("no second training") { site.trainings == ["0", "0"] }
            try site.folder.write([], to: "state/jobs/job-1/state/go")
            try await site.uploaded()
        }
    }

    struct Crash: Error {}

    @Test(
        "After a crash the update in the outbox is uploaded and not trained again",
        arguments: [CrashPoint.afterUpdateWritten, .halfClientUpload, .afterAcknowledgement])
    func restart(point: CrashPoint) async throws {
        let site = try TestSite()
        site.coordinator.state.withLock { $0.tasks = [try! site.task(0)] }
        let (crashes, crashed) = AsyncStream.makeStream(of: Void.self)
        let crashing = CrashPoints { reached in
            guard reached == point else { return }
            crashed.yield()
            throw Crash()
        }
        try await site.running(try site.daemon(crashPoints: crashing)) { for await _ in crashes { break } }
        #expect(site.outboxFiles == 2)
        let before = site.coordinator.state.withLock { $0.hellos.count }
        try await site.running(try site.daemon()) {
            try await eventually("the outbox stays full") { site.outboxFiles == 0 }
        }
        let hello = site.coordinator.state.withLock { $0.hellos[before] }
        #expect(hello.holding.map(\.round) == [0])
        #expect(site.coordinator.state.withLock { $0.uploads.values.allSatisfy { $0 == site.blob } })
        #expect(site.trainings == ["0"])
    }

    @Test(
        "A task interrupted before its update was written is trained again",
        arguments: [CrashPoint.afterFetch, .inTraining])
    func restartBefore(point: CrashPoint) async throws {
        let site = try TestSite()
        site.coordinator.state.withLock { $0.tasks = [try! site.task(0)] }
        let crashing = CrashPoints { if $0 == point { throw Crash() } }
        try await site.running(try site.daemon(crashPoints: crashing)) {
            try await eventually("no failure") {
                !site.coordinator.received { if case .failed(let task) = $0 { task.code } else { nil } }.isEmpty
            }
        }
        #expect(site.outboxFiles == 0)
        try await site.running(try site.daemon()) { try await site.uploaded() }
        // The weights are still in the cache.
        #expect(site.coordinator.state.withLock { $0.fetchOffsets.count } == 1)
    }

    @Test("An evaluation is reported, and reported again on the next session until it is acknowledged")
    func evaluation() async throws {
        let site = try TestSite()
        site.coordinator.state.withLock { state in
            state.tasks = [try! site.task(0, kind: .evaluate)]
            state.unansweredReports = 1
        }
        func reports() -> [Tributary_V1_EvaluationReport] {
            site.coordinator.received { if case .evaluation(let report) = $0 { report } else { nil } }
        }
        try await site.running(try site.daemon()) {
            try await eventually("no report") { reports().count == 1 }
            #expect(site.outboxFiles == 1)
            site.coordinator.endSession()
            try await eventually("no second report") { reports().count == 2 }
            try await eventually("the outbox stays full") { site.outboxFiles == 0 }
        }
        #expect(reports()[1].statistics.confusion == [1, 1, 0, 2])
        #expect(reports()[1].weightsDigest == site.digest)
    }

    @Test("The site's rules decline with a code, and nothing is trained")
    func declined() async throws {
        let site = try TestSite()
        site.coordinator.state.withLock { $0.tasks = [try! site.task(0, grant: 9)] }
        try await site.running(try site.daemon(rules: SiteRules(operators: ["bob"]))) {
            try await eventually("not declined") {
                site.coordinator.received { if case .declined(let task) = $0 { task.code } else { nil } } == [
                    "operator"
                ]
            }
        }
        let released = site.coordinator.received {
            if case .transferReleased(let slot) = $0 { slot.grant } else { nil }
        }
        #expect(released == [9])
        #expect(site.trainings.isEmpty)
    }

    @Test("A trainer of another model declines the task")
    func anotherSchema() async throws {
        let site = try TestSite()
        var task = try site.task(0)
        task.schemaDigest = String(repeating: "1", count: 64)
        let wrong = task
        site.coordinator.state.withLock { $0.tasks = [wrong] }
        try await site.running(try site.daemon()) {
            try await eventually("not declined") {
                site.coordinator.received { if case .declined(let task) = $0 { task.code } else { nil } } == ["schema"]
            }
        }
    }

    @Test(
        "A refused update leaves the outbox",
        arguments: [Tributary_V1_UpdateStatus.refused, .roundOver, .alreadyCommitted])
    func finalAnswers(status: Tributary_V1_UpdateStatus) async throws {
        let site = try TestSite()
        site.coordinator.state.withLock { state in
            state.tasks = [try! site.task(0)]
            state.receipt = status
        }
        try await site.running(try site.daemon()) { try await site.uploaded() }
    }

    @Test("A failed training is told, and told again instead of tried again")
    func failure() async throws {
        let site = try TestSite()
        site.coordinator.state.withLock { $0.tasks = [try! site.task(0)] }
        func failures() -> [String] {
            site.coordinator.received { if case .failed(let task) = $0 { task.code } else { nil } }
        }
        try await site.running(try site.daemon("fails")) {
            try await eventually("no failure") { failures() == ["trainer"] }
            site.coordinator.endSession()
            try await eventually("no second answer") { failures() == ["trainer", "trainer"] }
        }
        #expect(site.trainings == ["0"])
    }

    @Test("A cancelled task ends and the next one runs")
    func cancel() async throws {
        let site = try TestSite()
        site.coordinator.state.withLock { $0.tasks = [try! site.task(0)] }
        try await site.running(try site.daemon("cancellable")) {
            try await eventually("no training") { site.trainings == ["0"] }
            site.coordinator.send(.task(try site.task(1, kind: .evaluate)))
            site.coordinator.send(.cancel(.with { $0.identity = try! site.task(0).identity }))
            try await eventually("no evaluation") {
                !site.coordinator.received { if case .evaluation(let task) = $0 { task.identity } else { nil } }.isEmpty
            }
        }
        #expect(site.outboxFiles == 0)
    }

    @Test("Outages and refusals are tried again; a drained session comes back")
    func reconnect() async throws {
        let site = try TestSite()
        site.coordinator.state.withLock {
            $0.sessionErrors = [
                RPCError(code: .unavailable, message: "down"), RPCError(code: .permissionDenied, message: "revoked"),
                RPCError(code: .aborted, message: "another session"),
            ]
        }
        try await site.running(try site.daemon()) {
            try await eventually("no session") { site.coordinator.state.withLock { $0.hellos.count } == 1 }
            site.coordinator.send(.drain(.with { $0.reconnectMilliseconds = 1 }))
            try await eventually("no second session") { site.coordinator.state.withLock { $0.hellos.count } == 2 }
        }
    }

    @Test("Heartbeats are sent, and a silent coordinator loses the session")
    func silence() async throws {
        let site = try TestSite(heartbeat: 50)
        func beats() -> [UInt64] {
            site.coordinator.received { if case .heartbeat(let beat) = $0 { beat.sequence } else { nil } }
        }
        try await site.running(try site.daemon()) {
            // The scripted coordinator answers no heartbeat.
            try await eventually("no second session") { site.coordinator.state.withLock { $0.hellos.count } >= 2 }
            try await eventually("no heartbeat") { !beats().isEmpty }
        }
        #expect(beats().first == UInt64(1))
    }

    @Test("Two daemons do not share a state folder")
    func lock() async throws {
        let site = try TestSite()
        let first = try site.daemon()
        #expect(throws: DurabilityError.self) { try site.daemon() }
        try await site.running(first) {}
        _ = try site.daemon()
    }

    @Test("Folders of jobs that ended long ago go, and private state of recent ones stays")
    func oldJobs() throws {
        let folder = try TemporaryFolder()
        let state = try StateFolder(folder.file("state"))
        for job in 0..<12 {
            let work = try state.work("job-\(job)")
            try FileManager.default.setAttributes(
                [.modificationDate: Date(timeIntervalSince1970: Double(job) * 1000)], ofItemAtPath: work)
        }
        state.removeOldJobs(keeping: ["job-1"])
        let left = try FileManager.default.contentsOfDirectory(atPath: state.jobs)
        #expect(Set(left) == Set((4..<12).map { "job-\($0)" } + ["job-1"]))
        let mode = try FileManager.default.attributesOfItem(atPath: state.jobs + "/job-11")[.posixPermissions] as? Int
        #expect(mode == 0o700)
    }
}
