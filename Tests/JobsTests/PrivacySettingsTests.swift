import Jobs
import Testing

@Suite("The privacy map of a job")
struct PrivacySettingsTests {
    private static let central: Settings = ["mechanism": "central", "noiseMultiplier": 1.1, "delta": 1e-5]

    private func problems(_ change: (inout JobSpecification) -> Void) -> String {
        var job = JobSpecification(
            name: "job", model: ["name": "softmax"], data: "d", rounds: 3, clients: .init(minimum: 10))
        job.privacy = Self.central
        change(&job)
        return job.problems.joined(separator: "\n")
    }

    @Test func defaults() throws {
        #expect(try PrivacySettings.reading([:]) == nil)
        let settings = try #require(try PrivacySettings.reading(Self.central))
        #expect(settings.sampling == .poisson && settings.accountant == "pld" && settings.clipNorm == 1)
        var fixed = Self.central
        fixed["sampling"] = "fixed"
        #expect(try PrivacySettings.reading(fixed)?.accountant == "rdp")
        #expect(problems { _ in } == "")
    }

    @Test(
        "What is wrong is named with what was expected",
        arguments: [
            (["mechanism": "centrl", "noiseMultiplier": 1, "delta": 1e-5], "did you mean \"central\""),
            (["mechanism": "central", "delta": 1e-5], "privacy.noiseMultiplier: found nothing"),
            (["mechanism": "central", "noiseMultiplier": 1], "privacy.delta: found nothing"),
            (["noiseMultiplier": 1, "delta": 1e-5], "privacy.mechanism: found nothing"),
            (["mechanism": "local", "noiseMultiplier": 1, "delta": 1e-5, "sampling": "fixed"], "unknown key"),
            (["mechanism": "central", "noiseMultiplier": 0, "delta": 1e-5], "privacy.noiseMultiplier: found 0"),
            (
                [
                    "mechanism": "central", "noiseMultiplier": 1, "delta": 1e-5, "sampling": "fixed",
                    "accountant": "pld",
                ], "privacy.accountant: found pld"
            ),
        ] as [(Settings, String)])
    func wrong(settings: Settings, message: String) {
        #expect(PrivacySettings.problems(of: settings).joined(separator: "\n").contains(message))
    }

    @Test func whatDoesNotGoTogether() {
        #expect(problems { $0.strategy = ["name": "scaffold", "clients": 20] }.contains("found the strategy scaffold"))
        #expect(problems { $0.aggregation = ["rule": "median"] }.contains("found the aggregation rule median"))
        #expect(!problems { $0.aggregation = ["rule": "uniform"] }.contains("privacy"))
        #expect(problems { $0.latest = ["steps"] }.contains("latest:"))
        #expect(
            problems {
                $0.clients.minimumUpdates = 5
                $0.clients.targetUpdates = 8
            }.contains("over-selection"))
        #expect(problems { $0.clients.sampling = .fedmultimodal }.contains("clients.sampling"))
        #expect(problems { $0.privacy["clip"] = "adaptive" }.contains("privacy.countNoise"))
    }
}
