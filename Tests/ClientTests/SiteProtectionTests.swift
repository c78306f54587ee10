import Foundation
import Identity
import Jobs
import SwiftProtobuf
import Synchronization
import TestSupport
import Testing
import Wire
import WireMessages

@testable import Client

/// A daemon and a coordinator that asks for less than a site demands, or than the job said before.
@Suite(.enabled(if: ScriptedTrainer.isAvailable, "python3 is not installed"), .timeLimit(.minutes(2)))
struct SiteProtectionTests {
    private let federation: TestFederation
    private let identity: IdentityMaterial
    private let site: TestSite

    init() throws {
        federation = try TestFederation()
        identity = try federation.material("site-1")
        site = try TestSite()
    }

    private static var masked: JobSpecification {
        var job = TestSite.specification
        job.clients = .init(minimum: 3)
        job.secureAggregation = ["threshold": 2]
        return job
    }

    private static func local(_ change: (inout JobSpecification) -> Void = { _ in }) -> JobSpecification {
        var job = TestSite.specification
        job.privacy = ["mechanism": "local", "noiseMultiplier": 1, "delta": 1e-5]
        change(&job)
        return job
    }

    private func daemon(_ rules: SiteRules = SiteRules(), mode: String = "ok") throws -> ClientDaemon {
        try site.daemon(mode, rules: rules, identity: identity)
    }

    private var declined: [Tributary_V1_TaskDeclined] {
        site.coordinator.received { if case .declined(let task) = $0 { task } else { nil } }
    }

    private var failed: [Tributary_V1_TaskFailed] {
        site.coordinator.received { if case .failed(let task) = $0 { task } else { nil } }
    }

    /// What would be an upload, or be about to become one.
    private var attempts: Int {
        site.coordinator.state.withLock { $0.headers.count }
            + site.coordinator.received { message in
                if case .transferRequest(let request) = message, request.direction == .upload { request } else { nil }
            }.count
    }

    @Test(
        "A site that demands masks declines a job without them, and fetches, trains and sends nothing",
        arguments: [SecureAggregationRule(), .init(minimum: 2)])
    func required(rule: SecureAggregationRule) async throws {
        site.coordinator.state.withLock { $0.tasks = [try! site.task(0)] }
        try await site.running(try daemon(SiteRules(secureAggregation: rule))) {
            try await eventually("not declined") { !declined.isEmpty }
        }
        let answer = try #require(declined.first)
        #expect(answer.code == "secure-aggregation")
        #expect(answer.reason == "this site takes part only in jobs with secureAggregation, and the job has none")
        #expect(site.coordinator.state.withLock { $0.fetchOffsets }.isEmpty)
        #expect(site.trainings.isEmpty && attempts == 0)
    }

    @Test(
        "Who names masks in a job and asks for a plain update of it afterwards gets none: the same task, the next round, a new daemon",
        arguments: [SiteRules(), SiteRules(secureAggregation: .init())])
    func hostile(rules: SiteRules) async throws {
        site.coordinator.state.withLock { $0.tasks = [try! site.task(0, specification: Self.masked)] }
        try await site.running(try daemon(rules)) {
            // The training is done in any case; what comes of it waits for masks that nobody makes.
            try await eventually("no training") { site.trainings == ["0"] }
            let first = try site.task(0)
            // While the masked task is open its name stands for it.
            site.coordinator.send(.task(first))
            site.coordinator.send(.cancel(.with { $0.identity = first.identity }))
            site.coordinator.send(.task(first))
            site.coordinator.send(.task(try site.task(1)))
            try await eventually("not declined") { declined.count == 2 }
        }
        site.coordinator.state.withLock { $0.tasks = [try! site.task(2)] }
        try await site.running(try daemon(rules)) {
            try await eventually("not declined") { declined.count == 3 }
        }
        let code = rules.secureAggregation == nil ? "protection" : "secure-aggregation"
        #expect(declined.map(\.code) == [code, code, code])
        #expect(declined.allSatisfy { $0.reason.contains("secureAggregation") })
        #expect(site.trainings == ["0"])
        #expect(attempts == 0 && site.outboxFiles == 0)
    }

    @Test(
        "Steps without an invitation, and a round that is smaller than the job's sums, end the task without an upload",
        arguments: [
            (SecureRequest.boxes([]), "without an invitation"), (.survivors(["site-1"]), "without an invitation"),
            (.invitation(cohort: 2), "at least 3 updates have to be in the sum"),
        ])
    func wrongSteps(request: SecureRequest, reason: String) async throws {
        let task = try site.task(0, specification: Self.masked)
        site.coordinator.state.withLock { $0.tasks = [task] }
        try await site.running(try daemon()) {
            try await eventually("no training") { site.trainings == ["0"] }
            site.coordinator.send(.secure(request.message(try TaskIdentity(task.identity))))
            try await eventually("the client stays") { !failed.isEmpty }
        }
        #expect(failed.map(\.code) == ["secure-aggregation"])
        #expect(failed.first?.reason.contains(reason) == true, "\(failed)")
        #expect(attempts == 0 && site.outboxFiles == 0)
    }

    @Test("A model of few elements is not trained where random sums of its update would tell it whole")
    func projections() async throws {
        var job = Self.masked
        job.secureAggregation = ["threshold": 2, "clipNorm": 1, "projections": 128]
        site.coordinator.state.withLock { $0.tasks = [try! site.task(0, specification: job)] }
        try await site.running(try daemon(SiteRules(secureAggregation: .init()))) {
            try await eventually("not declined") { !declined.isEmpty }
        }
        let answer = try #require(declined.first)
        #expect(answer.code == "secure-aggregation" && answer.reason.contains("would tell too much"), "\(answer)")
        #expect(site.trainings.isEmpty && attempts == 0)
    }

    @Test("A plain update that waits to be sent is removed when the site demands masks from now on")
    func changedRules() async throws {
        site.coordinator.state.withLock {
            $0.tasks = [try! site.task(0)]
            $0.brokenUploads = .max
        }
        try await site.running(try daemon()) {
            try await eventually("no update") { site.coordinator.state.withLock { !$0.headers.isEmpty } }
        }
        #expect(site.outboxFiles == 2)
        let before = site.coordinator.state.withLock { state in
            state.brokenUploads = 0
            return state.headers.count
        }
        try await site.running(try daemon(SiteRules(secureAggregation: .init()))) {
            try await eventually("not declined") { !declined.isEmpty }
        }
        #expect(site.coordinator.state.withLock { $0.headers.count } == before)
        #expect(site.outboxFiles == 0)
    }

    static let figureCases: [(JobSpecification, SiteRules, UInt64, [String: Double])] = [
        (local(), SiteRules(figures: .clear), 0, [:]),
        (local { $0.reportFigures = .clear }, SiteRules(), 0, [:]),
        (local { $0.reportFigures = .clear }, SiteRules(figures: .clear), 10, ["loss": 12.5]),
        (local { $0.privacy["mechanism"] = "central" }, SiteRules(), 10, ["loss": 12.5]),
        (local { $0.privacy["mechanism"] = "record" }, SiteRules(), 0, [:]),
    ]

    @Test(
        "Figures leave the site when the job asks for them and the site allows it, and else not at all",
        arguments: figureCases)
    func figures(job: JobSpecification, rules: SiteRules, examples: UInt64, sums: [String: Double]) async throws {
        site.coordinator.state.withLock { $0.tasks = [try! site.task(0, specification: job)] }
        try await site.running(try daemon(rules)) { try await site.uploaded() }
        let found = try #require(site.coordinator.state.withLock { $0.uploads.first?.key.statistics })
        #expect(found.examples == examples)
        #expect(found.sums == sums)
        #expect(found.withheld == sums.isEmpty)
    }

    @Test("Figures of a running task are withheld like those of its end", arguments: [false, true])
    func progress(isClear: Bool) async throws {
        let job = Self.local { if isClear { $0.reportFigures = .clear } }
        site.coordinator.state.withLock { $0.tasks = [try! site.task(0, specification: job)] }
        try await site.running(try daemon(SiteRules(figures: .clear), mode: "steady")) {
            func figures() -> [[String: Double]] {
                site.coordinator.received { message in
                    if case .progress(let progress) = message, progress.stage == "training" {
                        progress.metrics
                    } else {
                        nil
                    }
                }
            }
            try await eventually("no progress") { !figures().isEmpty }
            #expect(figures().allSatisfy { $0 == (isClear ? ["loss": 1.5] : [:]) })
            try site.folder.write([], to: "state/jobs/job-1/state/go")
            try await site.uploaded()
        }
    }

    @Test("A site that trains in a job which hides it does not evaluate for it either, unless both say so")
    func evaluation() async throws {
        let clear = Self.local { $0.reportFigures = .clear }
        site.coordinator.state.withLock { $0.tasks = [try! site.task(0, kind: .evaluate, specification: clear)] }
        try await site.running(try daemon()) {
            try await eventually("not declined") { declined.map(\.code) == ["figures"] }
        }
        var reports: [Tributary_V1_EvaluationReport] {
            site.coordinator.received { if case .evaluation(let report) = $0 { report } else { nil } }
        }
        #expect(reports.isEmpty)
        try await site.running(try daemon(SiteRules(figures: .clear))) {
            try await eventually("no report") { !reports.isEmpty }
        }
        #expect(reports.first?.statistics.examples == 4)
    }
}
