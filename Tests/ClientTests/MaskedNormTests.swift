import Foundation
import Identity
import Jobs
import Privacy
import TestSupport
import Testing
import Weights
import Wire

@testable import Client

/// A daemon's part in a round whose norms are checked.
@Suite struct MaskedNormTests {
    private static func participant(_ secure: Settings) throws -> SecureParticipant {
        let federation = try TestFederation()
        var specification = JobSpecification(name: "test", model: ["name": "any"], data: "any", rounds: 1)
        specification.clients = .init(minimum: 3, minimumUpdates: 2)
        specification.secureAggregation = secure
        let settings = try #require(try SecureAggregationSettings.reading(secure))
        let material = try federation.material("a")
        let terms = RoundTerms(specification: try specification.canonicalJSON(), weightsDigest: "")
        return SecureParticipant(
            TaskIdentity(job: "job-1", round: 0, attempt: 0, kind: .train), of: "a", specification, settings,
            terms: terms
        ) { try CertificateIdentity(material) }
    }

    @Test("Random sums are given where the job says so and asked for as it says, and nowhere else")
    func asked() async throws {
        let seed = [UInt8](repeating: 1, count: 32)
        for (secure, request, reason) in [
            (["threshold": 2], .signatures([], seed: seed), "which the job does not say"),
            (["threshold": 2, "clipNorm": 1, "projections": 32], .signatures([]), "which the job says"),
            (["threshold": 2, "clipNorm": 1, "projections": 32], .signatures([], seed: seed), "that was not made"),
        ] as [(Settings, SecureRequest, String)] {
            var own = try Self.participant(secure)
            _ = try await own.take(.invitation(cohort: 3))
            let error = await #expect(throws: PrivacyError.self) { try await own.take(request) }
            #expect(error?.message.contains(reason) == true, "\(error?.message ?? "")")
        }
    }

    @Test("A site says how many random sums of its updates it shows")
    func rule() {
        var job = JobSpecification(name: "test", model: ["name": "any"], data: "any", rounds: 1)
        job.clients = .init(minimum: 3)
        job.secureAggregation = ["threshold": 2, "clipNorm": 1, "projections": 64]
        for (most, isDeclined) in [(0, true), (32, true), (64, false), (nil, false)] as [(Int?, Bool)] {
            let rules = SiteRules(secureAggregation: .init(projections: most))
            let refusal = rules.refusal(of: job, operator: "any", isTraining: true, offered: ["train": 10])
            #expect((refusal?.code == "secure-aggregation") == isDeclined, "\(refusal?.reason ?? "")")
        }
        job.secureAggregation["projections"] = nil
        let rules = SiteRules(secureAggregation: .init(projections: 0))
        #expect(rules.refusal(of: job, operator: "any", isTraining: true, offered: ["train": 10]) == nil)
    }

    @Test("A masked file holds the words of the clipped update", arguments: [0.5, 1e9])
    func clippedFile(norm: Double) throws {
        let folder = try TemporaryFolder()
        let update = try Weights([
            (name: "w", shape: [3001], values: (0..<3001).map { Float($0 % 977) / 300 - 1.5 }),
            (name: "b", shape: [2], values: [3, -3]),
        ])
        try Safetensors.write(update, to: folder.file("update"))
        let masking = UpdateMasking(
            encoding: try LatticeEncoding(range: 4, bits: 16, clients: 3),
            masks: [PairwiseMask(key: [UInt8](repeating: 5, count: 32), isAdded: true)], clipNorm: norm)
        _ = try MaskedFile.finish(
            folder.file("update"), plain: update.schema, global: update.schema, masking: masking, protection: nil,
            to: folder.file("out"))
        let clipped = try FlatClipping.clipped(update, to: norm)
        #expect(clipped.norm <= norm * (1 + 1e-6) && (clipped == update) == (norm > 1000))
        let expected = try MaskedUpdate.masked(clipped, as: masking.encoding, with: masking.masks)
        #expect(try folder.read("out") == Safetensors.encode(expected.words))
    }
}
