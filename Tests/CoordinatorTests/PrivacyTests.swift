import Federation
import Foundation
import Jobs
import Privacy
import TestSupport
import Testing
import Weights
import Wire
import WireMessages

@testable import Coordinator

/// Jobs with privacy through the whole coordinator: the budget, the secret, and what a restart keeps of both.
@Suite struct PrivacyTests {
    private let folder: TemporaryFolder

    init() throws { folder = try TemporaryFolder() }

    private static func specification(rounds: Int, epsilon: Double? = nil) -> JobSpecification {
        Fixtures.specification(rounds: rounds) {
            $0.privacy = ["mechanism": "central", "sampling": "fixed", "noiseMultiplier": 20, "delta": 1e-3]
            if let epsilon { $0.privacy["epsilon"] = .double(epsilon) }
        }
    }

    private func epsilon(rounds: Int) throws -> Double {
        let charge = NoiseMechanism.central.charge(noiseMultiplier: 20, rounds: rounds, rate: 1, sampling: .fixed)
        return try PrivacyLedger([charge]).epsilon(delta: 1e-3, by: .rdp)
    }

    @Test("Withheld figures are told as such, updates without them count equally, and who trains does not evaluate")
    func withheld() async throws {
        let job = Fixtures.specification(rounds: 1) {
            $0.privacy = ["mechanism": "local", "noiseMultiplier": 1, "delta": 1e-3]
        }
        try await TestServer.run(folder: folder.path) { server in
            let id = try await server.submit(job).job
            try await server.withSites(["site-1", "site-2"].map { ScriptedSite($0) { _ in .update } }) {
                let summary = try await server.finished(id)
                #expect(summary.state == "finished", "\(summary.reason)")
                let round = try #require(try await server.rounds(id).first)
                #expect(round.admitted == ["site-1", "site-2"])
                #expect(round.figuresWithheld && round.trainingExamples == 0)
                #expect(Set(round.training.keys) == ["clipNorm", "epsilon"])
                #expect(round.evaluation.isEmpty && round.evaluationExamples == 0)
                let (header, bytes) = try await server.export(id)
                let card = try JSONDecoder().decode(ModelCard.self, from: header.card)
                #expect(card.lineage.map(\.figures) == ["withheld"])
                #expect(card.lineage[0].admitted.map(\.examples) == [nil, nil])
                #expect(card.clients.map(\.examples) == [nil, nil])
                // What these sites send is neither clipped nor noised, so the step is the plain mean.
                let updates = try ["site-1", "site-2"].map {
                    try Fixtures.update(client: $0, round: 0).floats("layer.weight").map(Double.init)
                }
                let after = try Safetensors.decode(bytes).floats("layer.weight")
                let before = try Fixtures.initial.floats("layer.weight")
                for index in after.indices {
                    let step = (updates[0][index] + updates[1][index]) / 2
                    #expect(abs(Double(after[index] - before[index]) - step) < 1e-5)
                }
            }
        }
    }

    @Test("The budget survives a restart: the round that would exceed it is refused with the reason")
    func budget() async throws {
        let specification = Self.specification(rounds: 10, epsilon: try (epsilon(rounds: 4) + epsilon(rounds: 5)) / 2)
        let job = try await TestServer.run(folder: folder.path) { server in
            let job = try await server.submit(specification).job
            let second = ScriptedSite("site-2") { $0.identity.round >= 2 ? .silence : .update }
            try await server.withSites([ScriptedSite("site-1") { _ in .update }, second]) {
                let summary = try await server.wait(for: job) { update in
                    update.rounds.contains { $0.round == 2 && $0.admitted == ["site-1"] }
                }
                #expect(summary.state == "running", "\(summary.reason)")
            }
            return job
        }
        let path = folder.file("secrets/\(job).key")
        let secret = try #require(FileManager.default.contents(atPath: path))
        #expect(secret.count == 32)
        let mode = try FileManager.default.attributesOfItem(atPath: path)[.posixPermissions] as? NSNumber
        #expect(mode?.intValue == 0o600)
        let expected = try epsilon(rounds: 4)
        try await TestServer.run(folder: folder.path) { server in
            let sites = [ScriptedSite("site-1") { _ in .update }, ScriptedSite("site-2") { _ in .update }]
            let summary = try await server.withSites(sites) { try await server.finished(job) }
            #expect(summary.state == "finished")
            #expect(summary.roundsCompleted == 4)
            #expect(summary.reason.contains("privacy budget"), "\(summary.reason)")
            #expect(abs((summary.metrics["epsilon"] ?? 0) - expected) < 1e-9)
            let rounds = try await server.rounds(job)
            let spent = rounds.compactMap { $0.training["epsilon"] }
            #expect(spent.count == 4 && spent == spent.sorted())
            let (header, _) = try await server.export(job)
            let card = try ModelCard(json: header.card)
            #expect(card.privacy?.epsilon == spent.last)
            #expect(card.privacy?.delta == 1e-3)
            #expect(
                !String(decoding: header.card, as: UTF8.self).contains(
                    secret.map { String(format: "%02x", $0) }.joined()))
        }
        // A job that is over has no secret any more.
        #expect(!FileManager.default.fileExists(atPath: path))
    }

    @Test("Without its secret a begun job does not go on")
    func missingSecret() async throws {
        let job = try await TestServer.run(folder: folder.path) { server in
            let job = try await server.submit(Self.specification(rounds: 3)).job
            let sites = [
                ScriptedSite("site-1") { _ in .update },
                ScriptedSite("site-2") { $0.identity.round >= 1 ? .silence : .update },
            ]
            try await server.withSites(sites) {
                _ = try await server.wait(for: job) { $0.summary.roundsCompleted == 1 }
            }
            return job
        }
        try FileManager.default.removeItem(atPath: folder.file("secrets/\(job).key"))
        try await TestServer.run(folder: folder.path) { server in
            let summary = try await server.finished(job)
            #expect(summary.state == "failed")
            #expect(summary.reason.contains("secret"), "\(summary.reason)")
        }
    }

    @Test("What does not go with privacy is refused at submission")
    func composition() async throws {
        try await TestServer.run(folder: folder.path) { server in
            var specification = Self.specification(rounds: 3)
            specification.latest = ["steps"]
            let refused = specification
            await #expect(throws: (any Error).self) { try await server.submit(refused) }
        }
    }
}
