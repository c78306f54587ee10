import Foundation
import GRPCCore
import Jobs
import SwiftProtobuf
import Synchronization
import TestSupport
import Testing
import Wire
import WireMessages

@testable import Coordinator

/// A restarted coordinator that serves calls before its jobs have begun again: nothing that a client holds is lost.
@Suite(.timeLimit(.minutes(10))) struct RestartTests {
    private let folder: TemporaryFolder

    init() throws {
        folder = try TemporaryFolder()
    }

    @Test func aReportOfAnOpenEvaluationCountsBeforeTheJobHasBegun() async throws {
        let task = try await taskLeftOpen(.evaluate)
        let (gate, open) = AsyncStream<Void>.makeStream()
        try await TestServer.run(folder: folder.path, jobsMayBegin: { for await _ in gate { return } }) { server in
            let identity = try TaskIdentity(task.identity)
            let messages = try await server.federation.connect(
                metadata: TestServer.metadata(client: "site-1")
            ) { writer in
                let hello = ClientHello(
                    software: "scripted 1", datasets: [DatasetCard(name: "toy", examples: ["train": 10, "test": 4])],
                    holding: [identity])
                try await writer.write(.with { $0.hello = hello.message })
                try await writer.write(
                    .with {
                        $0.evaluation = .with {
                            $0.identity = task.identity
                            $0.weightsDigest = task.weightsDigest
                            $0.statistics = TaskStatistics(examples: 4, sums: ["loss": 2]).message
                        }
                    })
                await server.waitsForTheRunner(of: identity.job)
                open.yield()
                _ = try await server.finished(identity.job)
            } onResponse: { response in
                var all: [Tributary_V1_CoordinatorMessage] = []
                for try await message in response.messages { all.append(message) }
                return all
            }
            #expect(messages.contains { $0.evaluationAcknowledged.accepted })
            #expect(!messages.contains { if case .cancel? = $0.message { true } else { false } })
            #expect(try await server.rounds(identity.job).last?.evaluationExamples == 4)
        }
    }

    @Test func anUpdateOfAnOpenRoundIsWantedBeforeTheJobHasBegun() async throws {
        let task = try await taskLeftOpen(.train)
        let (gate, open) = AsyncStream<Void>.makeStream()
        try await TestServer.run(folder: folder.path, jobsMayBegin: { for await _ in gate { return } }) { server in
            async let point = server.federation.resumePoint(
                .with {
                    $0.identity = task.identity
                    $0.digest = String(repeating: "a", count: 64)
                }, metadata: TestServer.metadata(client: "site-1"))
            await server.waitsForTheRunner(of: task.identity.job)
            open.yield()
            let answer = try await point
            #expect(!answer.hasReceipt)
            #expect(answer.offset == 0)
        }
    }

    /// Runs a job of one round on one site until its task of a kind is out, and stops the coordinator.
    private func taskLeftOpen(_ kind: Tributary_V1_TaskKind) async throws -> Tributary_V1_Task {
        let site = ScriptedSite("site-1") { task in
            task.identity.kind == kind ? .silence : .update
        }
        return try await TestServer.run(folder: folder.path) { server in
            _ = try await server.submit(Fixtures.specification(rounds: 1, clients: 1, evaluation: 1))
            return try await server.withSites([site]) {
                await site.wait { $0.task.identity.kind == kind }
                return try #require(
                    site.received.withLock { $0.last { $0.task.identity.kind == kind }?.task })
            }
        }
    }
}

extension TestServer {
    /// Returns when a call waits for a job to begin, or got its answer without.
    fileprivate func waitsForTheRunner(of job: String) async {
        for _ in 0..<10_000 where coordinator.core.changes.subscribers(job: job) == 0 { await Task.yield() }
    }
}
