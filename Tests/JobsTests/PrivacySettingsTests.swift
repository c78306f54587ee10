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
            (
                ["mechanism": "distributed", "noiseMultiplier": 1, "delta": 1e-5, "accountant": "pld"],
                "privacy.accountant: found pld with the mechanism distributed"
            ),
            (["mechanism": "distributed", "noiseMultiplier": 1, "delta": 1e-5, "clip": "adaptive"], "unknown key"),
            (["mechanism": "distributed", "noiseMultiplier": 1, "delta": 1e-5, "colluding": -1], "privacy.colluding"),
        ] as [(Settings, String)])
    func wrong(settings: Settings, message: String) {
        #expect(PrivacySettings.problems(of: settings).joined(separator: "\n").contains(message))
    }

    @Test func whatDoesNotGoTogether() {
        #expect(problems { $0.strategy = ["name": "scaffold", "clients": 20] }.contains("found the strategy scaffold"))
        #expect(problems { $0.aggregation = ["rule": "median"] }.contains("found the aggregation rule median"))
        #expect(!problems { $0.aggregation = ["rule": "uniform-mean"] }.contains("privacy"))
        #expect(problems { $0.strategy = ["name": "fedopt", "serverOptimizer": "adam"] } == "")
        let record: Settings = ["mechanism": "record", "noiseMultiplier": 1, "delta": 1e-5]
        #expect(
            problems {
                $0.privacy = record
                $0.strategy = ["name": "fedopt"]
            } == "")
        #expect(
            problems {
                $0.privacy = record
                $0.strategy = ["name": "moon"]
            }.contains("beside the noised steps"))
        for rule in ["median", "q-fedavg"] {
            #expect(
                problems {
                    $0.privacy = record
                    $0.aggregation = ["rule": .string(rule)]
                }.contains("found the aggregation rule \(rule)"))
        }
        #expect(problems { $0.latest = ["steps"] }.contains("latest:"))
        #expect(
            problems {
                $0.clients.minimumUpdates = 5
                $0.clients.targetUpdates = 8
            }.contains("over-selection"))
        #expect(problems { $0.clients.sampling = .fedmultimodal }.contains("clients.sampling"))
        #expect(problems { $0.privacy["clip"] = "adaptive" }.contains("privacy.countNoise"))
    }

    private func distributed(_ change: (inout JobSpecification) -> Void = { _ in }) -> String {
        problems {
            $0.clients = .init(minimum: 10, minimumUpdates: 7)
            $0.privacy = ["mechanism": "distributed", "noiseMultiplier": 1.1, "delta": 1e-5]
            $0.secureAggregation = ["threshold": 0.6]
            change(&$0)
        }
    }

    @Test("Noise of clients needs secure aggregation, and what cannot be covered is refused with the reason")
    func distributedNoise() throws {
        #expect(distributed() == "")
        #expect(distributed { $0.strategy = ["name": "fedopt"] } == "")
        #expect(distributed { $0.secureAggregation["range"] = 0.5 } == "")
        #expect(distributed { $0.secureAggregation = [:] }.contains("secureAggregation: found none"))
        #expect(distributed { $0.secureAggregation["bits"] = 16 }.contains("the noise decides the lattice"))
        #expect(distributed { $0.privacy["colluding"] = 6 } == "")
        #expect(distributed { $0.privacy["colluding"] = 7 }.contains("privacy.colluding: found 7"))
        #expect(distributed { $0.strategy = ["name": "scaffold", "clients": 20] }.contains("the strategy scaffold"))
        #expect(distributed { $0.aggregation = ["rule": "median"] }.contains("the aggregation rule median"))
        #expect(distributed { $0.latest = ["steps"] }.contains("latest:"))
        #expect(distributed { $0.clients.targetUpdates = 8 }.contains("over-selection"))
        #expect(distributed { $0.adaptiveDeadline = [:] }.contains("adaptiveDeadline"))
        for name in ["oort", "power-of-choice"] {
            #expect(
                distributed {
                    $0.clients.sampling = .init(["name": .string(name)])
                }.contains("a client's cost would depend on its data"))
        }
        var job = JobSpecification(
            name: "job", model: ["name": "softmax"], data: "d", rounds: 3,
            clients: .init(minimum: 10, minimumUpdates: 7))
        #expect(try DistributedNumbers(job) == nil)
        job.privacy = [
            "mechanism": "distributed", "noiseMultiplier": 2, "delta": 1e-5, "clipNorm": 0.5, "colluding": 2,
        ]
        job.secureAggregation = ["minimum": 8]
        let numbers = try #require(try DistributedNumbers(job))
        #expect(numbers.cohort == 10 && numbers.contributors == 6 && numbers.range == nil)
        #expect(numbers.clipNorm == 0.5 && numbers.noiseMultiplier == 2)
    }
}
