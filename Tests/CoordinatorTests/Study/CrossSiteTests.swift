import Durability
import Federation
import Foundation
import Jobs
import SwiftProtobuf
import Synchronization
import TestSupport
import Testing
import Weights
import Wire
import WireMessages

@testable import Coordinator

/// Every site's model on every site's examples, after the rounds of a federation.
@Suite(.timeLimit(.minutes(1))) struct CrossSiteTests {
    private let folder: TemporaryFolder

    init() throws {
        folder = try TemporaryFolder()
    }

    /// The losses of the global model and of the sites' own, by computing them here.
    private func expected(columns: [String] = StudyFixtures.sites) throws -> [String: [Double]] {
        let global = try Fixtures.weights(after: 2, clients: StudyFixtures.sites)
        var rows = ["(global)": try columns.map { try StudyFixtures.loss(of: global, on: $0) }]
        for site in StudyFixtures.sites {
            let own = try StudyFixtures.fold(global, round: 2, [site])
            rows[site] = try columns.map { try StudyFixtures.loss(of: own, on: $0) }
        }
        return rows
    }

    private func losses(_ row: CrossSiteMatrix.Row) -> [Double?] { row.metrics.map { $0["loss"] } }

    private func checkWhole(_ matrix: CrossSiteMatrix) throws {
        let expected = try expected()
        #expect(matrix.sites.map(\.name) == StudyFixtures.sites && matrix.rounds == 2)
        #expect(matrix.models.map(\.site) == [nil] + StudyFixtures.sites)
        for row in matrix.models {
            let found = losses(row)
            let wanted = try #require(expected[row.site ?? "(global)"])
            for (found, wanted) in zip(found, wanted) { #expect(abs((found ?? .infinity) - wanted) < 1e-12) }
            #expect(row.failure == nil && row.missing == nil)
        }
        #expect(Set(matrix.models.flatMap { losses($0) }).count == 12, "all of them differ")
    }

    @Test func everySiteEvaluatesEveryModel() async throws {
        let folder = folder.path
        try await TestServer.run(folder: folder) { server in
            let sites = StudyFixtures.sites.map { StudyFixtures.site($0) }
            let job = try await server.submit(StudyFixtures.specification()).job
            let summary = try await server.withSites(sites) { try await server.finished(job) }
            #expect(summary.state == "finished" && summary.roundsCompleted == 2)
            let card = try await server.card(job)
            let matrix = try #require(card.crossSite)
            try checkWhole(matrix)
            #expect(matrix.weights == summary.weightsDigest)
            #expect(matrix.sites.map(\.trained) == StudyFixtures.sites.map { Fixtures.examples(client: $0) })
            #expect(matrix.sites.allSatisfy { $0.evaluated == 4 && $0.isHeldOut })
            #expect(matrix.summary.own != nil && matrix.summary.others != nil && matrix.summary.global != nil)
            #expect(card.markdown().contains("loss of the model of each row"))
            #expect(try matrix.files().map(\.name) == ["cross-site.json", "cross-site.csv", "cross-site.svg"])
            #expect(matrix.csv().split(separator: "\n").count == 1 + 12)
            // Nothing of it is a round: not in the history, not the best, not to be exported, and nothing is kept.
            #expect(try await server.rounds(job).map(\.round) == [0, 1])
            #expect(summary.bestRound < 2 && summary.evaluatedRound == 1)
            await #expect(throws: (any Error).self) { try await server.export(job, round: "3") }
            #expect(try await server.coordinator.core.store.spooledUpdates().isEmpty)
            #expect(try await server.coordinator.core.store.blobDigests().count == 3)
            #expect(card.lineage.map(\.round) == [0, 1])
        }
    }

    /// Ends the coordinator when a site has a task, and takes the job up again.
    @Test(arguments: [
        (Tributary_V1_TaskKind.train, 2), (.evaluate, 2), (.evaluate, 3), (.evaluate, 5),
    ])
    func aRestartInTheMiddleChangesNothing(kind: Tributary_V1_TaskKind, round: Int) async throws {
        let job = try await TestServer.run(folder: folder.path) { server in
            let silent = StudyFixtures.site("site-2") { task in
                task.identity.kind == kind && task.identity.round == round ? .silence : .update
            }
            let job = try await server.submit(StudyFixtures.specification()).job
            return try await server.withSites([StudyFixtures.site("site-1"), silent, StudyFixtures.site("site-3")]) {
                await silent.wait { $0.task.identity.kind == kind && $0.task.identity.round == round }
                return job
            }
        }
        try await TestServer.run(folder: folder.path) { server in
            let sites = StudyFixtures.sites.map { StudyFixtures.site($0) }
            let summary = try await server.withSites(sites) { try await server.finished(job) }
            #expect(summary.state == "finished")
            try checkWhole(try #require(try await server.card(job).crossSite))
        }
    }

    /// The disk loses what was not synchronised while the sites' models are trained or made.
    @Test(
        arguments: ["afterSelectCommit@3", "afterTaskSent@8", "halfFold@4", "afterBlobRename@3", "afterBlobRename@5"],
        LossyFileSystem.Loss.allCases)
    func aCrashInTheMiddleChangesNothing(point: String, loss: LossyFileSystem.Loss) async throws {
        let disk = LossyFileSystem()
        let (crashes, crash) = AsyncStream<Void>.makeStream()
        let points = try CrashPoints.parsing(point) { _ in
            disk.powerOff()
            crash.yield()
            throw DurabilityError(.crashed, "crashed at \(point)")
        }
        let job = Mutex("")
        @Sendable func settings(_ points: CrashPoints) -> CoordinatorSettings {
            Fixtures.settings {
                $0.fileSystem = disk
                $0.crash = points
            }
        }
        try? await TestServer.run(folder: folder.path, settings: settings(points)) { server in
            let id = try await server.submit(StudyFixtures.specification()).job
            job.withLock { $0 = id }
            try await server.withSites(StudyFixtures.sites.map { StudyFixtures.site($0) }) {
                for await _ in crashes { return }
            }
        }
        let id = job.withLock { $0 }
        disk.crash(loss)
        try await TestServer.run(folder: folder.path, settings: settings(.none)) { server in
            #expect(
                try await server.coordinator.core.store.job(id)?.status.state.isFinal == false,
                "it crashed before the end")
            let summary = try await server.withSites(StudyFixtures.sites.map { StudyFixtures.site($0) }) {
                try await server.finished(id)
            }
            #expect(summary.state == "finished")
            try checkWhole(try #require(try await server.card(id).crossSite))
        }
    }

    @Test func aSiteThatDeclinesAndOldSoftwareHaveNoModelButEvaluate() async throws {
        try await TestServer.run(folder: folder.path) { server in
            let sites = [
                StudyFixtures.site("site-1") { $0.identity.round == 2 ? .decline(code: "cross-site") : .update },
                StudyFixtures.site("site-2", features: ["secure-aggregation"]), StudyFixtures.site("site-3"),
                StudyFixtures.site("judge", examples: ["test": 4]),
            ]
            let job = try await server.submit(StudyFixtures.specification()).job
            let summary = try await server.withSites(sites) { try await server.finished(job) }
            #expect(summary.state == "finished")
            let tasks = sites[1].received.withLock { $0.map(\.task.identity) }
            #expect(!tasks.contains { $0.kind == .train && $0.round == 2 })
            let matrix = try #require(try await server.card(job).crossSite)
            let columns = ["judge"] + StudyFixtures.sites
            #expect(matrix.sites.map(\.name) == columns)
            #expect(matrix.sites[0].trained == 0)
            #expect(matrix.models.map(\.site) == [nil] + StudyFixtures.sites)
            #expect(matrix.models[1].failure == "a test declines")
            #expect(matrix.models[2].failure?.contains("software") == true)
            #expect(matrix.models[1].metrics.allSatisfy(\.isEmpty) && matrix.models[2].metrics.allSatisfy(\.isEmpty))
            let expected = try expected(columns: columns)
            for (found, wanted) in zip(losses(matrix.models[3]), try #require(expected["site-3"])) {
                #expect(abs((found ?? .infinity) - wanted) < 1e-12)
            }
        }
    }

    @Test func wrongReportsLeaveTheirPlacesEmptyWithTheReason() async throws {
        try await TestServer.run(folder: folder.path) { server in
            let sites = [
                StudyFixtures.site("site-1"),
                // Of other weights than those of the task.
                StudyFixtures.site(
                    "site-2",
                    change: { report in
                        if report.identity.round == 3 { report.weightsDigest = String(repeating: "a", count: 64) }
                    }),
                // More examples than any site may have.
                StudyFixtures.site(
                    "site-3",
                    change: { report in
                        if report.identity.round == 2 { report.statistics.examples = 1 << 50 }
                    }),
            ]
            let job = try await server.submit(StudyFixtures.specification()).job
            #expect(try await server.withSites(sites) { try await server.finished(job) }.state == "finished")
            let matrix = try #require(try await server.card(job).crossSite)
            #expect(matrix.models[0].missing?.keys.map { $0 } == ["site-3"])
            #expect(matrix.models[0].missing?["site-3"]?.contains("examples") == true)
            #expect(matrix.models[1].missing?["site-2"]?.contains("other weights") == true)
            #expect(matrix.models[0].metrics[2].isEmpty && matrix.models[1].metrics[1].isEmpty)
            #expect(matrix.models.flatMap(\.metrics).count { !$0.isEmpty } == 10)
            #expect(matrix.models[2].missing == nil && matrix.models[3].missing == nil)
        }
    }

    @Test func aSiteThatLeavesIsNotWaitedForBeyondTheDeadline() async throws {
        let time = TestClock()
        let settings = Fixtures.settings { $0.clock = time.clock }
        try await TestServer.run(folder: folder.path, settings: settings) { server in
            let gone = StudyFixtures.site("site-2") { task in
                task.identity.kind == .evaluate && task.identity.round >= 3 ? .silence : .update
            }
            // Asked to evaluate the last model, it is another's turn to move the clock.
            let last = StudyFixtures.site("site-3")
            let job = try await server.submit(StudyFixtures.specification()).job
            try await server.withSites([StudyFixtures.site("site-1"), gone, last]) {
                _ = try await server.wait(for: job) { update in
                    update.summary.reason == "cross-site: 1 of 4 models evaluated, waits for site-2"
                }
                time.advance(by: 100_000_000)
                // Whatever happens next shows the engine that the deadline has passed.
                server.coordinator.core.jobs.runner(job)?.post(.tick)
                #expect(try await server.finished(job).state == "finished")
            }
            let matrix = try #require(try await server.card(job).crossSite)
            for row in matrix.models.dropFirst() {
                #expect(row.missing?.keys.map { $0 } == ["site-2"])
                #expect(row.missing?["site-2"]?.contains("deadline") == true)
                #expect(row.metrics[1].isEmpty && !row.metrics[0].isEmpty && !row.metrics[2].isEmpty)
            }
            #expect(matrix.models[0].missing == nil)
        }
    }

    @Test func stoppingTheJobLetsTheModelsGo() async throws {
        try await TestServer.run(folder: folder.path) { server in
            let silent = StudyFixtures.site("site-2") { task in
                task.identity.kind == .evaluate && task.identity.round > 1 ? .silence : .update
            }
            let first = StudyFixtures.site("site-1")
            let job = try await server.submit(StudyFixtures.specification()).job
            try await server.withSites([first, silent, StudyFixtures.site("site-3")]) {
                // The first model that is not that of a round.
                await first.wait { $0.task.identity.kind == .evaluate && $0.task.identity.round == 3 }
                #expect(try await server.coordinator.core.store.blobDigests().count > 3)
                _ = try await server.operations.controlJob(
                    .with {
                        $0.job = job
                        $0.action = .stop
                    }, metadata: TestServer.operatorMetadata)
            }
            #expect(try await server.coordinator.core.store.blobDigests().count == 3)
            #expect(try await server.coordinator.core.store.spooledUpdates().isEmpty)
            #expect(try await server.card(job).crossSite?.models[0].missing?["site-2"] != nil)
        }
    }

    @Test func strategiesWithTensorsOfTheirOwnShowTheModelsPlainSum() async throws {
        let specification = StudyFixtures.specification(rounds: 1) {
            $0.crossSite = .all
            $0.strategy = ["name": "fedopt"]
        }
        let initial = try specification.auxiliaryTensors.completing(Fixtures.initial)
        let sites = StudyFixtures.sites
        try await TestServer.run(folder: folder.path) { server in
            let job = try await server.submit(specification, weights: Safetensors.encode(initial)).job
            _ = try await server.withSites(sites.map { StudyFixtures.site($0) }) { try await server.finished(job) }
            let matrix = try #require(try await server.card(job).crossSite)
            let global = try Safetensors.decode(try await server.export(job).1)
            for (row, site) in zip(matrix.models.dropFirst(), sites) {
                let own = try StudyFixtures.fold(global, round: 1, [site])
                for (loss, judge) in zip(losses(row), sites) {
                    #expect(abs((loss ?? .infinity) - (try StudyFixtures.loss(of: own, on: judge))) < 1e-12)
                }
            }
        }
    }

    @Test func aJobThatHidesItsUpdatesIsRefusedAtSubmission() async throws {
        try await TestServer.run(folder: folder.path) { server in
            let secure = StudyFixtures.specification {
                $0.crossSite = .all
                $0.secureAggregation = ["range": 1]
            }
            let error = await #expect(throws: (any Error).self) { try await server.submit(secure) }
            #expect("\(error.map { "\($0)" } ?? "")".contains("crossSite: found a job with secureAggregation"))
        }
    }
}
