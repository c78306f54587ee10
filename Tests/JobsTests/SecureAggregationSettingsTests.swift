import Jobs
import Testing

@Suite("The secureAggregation map of a job")
struct SecureAggregationSettingsTests {
    private func problems(
        _ settings: Settings = ["bits": 16], _ change: (inout JobSpecification) -> Void = { _ in }
    ) -> String {
        var job = JobSpecification(
            name: "job", model: ["name": "softmax"], data: "d", rounds: 3,
            clients: .init(minimum: 20, minimumUpdates: 14))
        job.secureAggregation = settings
        change(&job)
        return job.problems.joined(separator: "\n")
    }

    @Test func defaults() throws {
        #expect(try SecureAggregationSettings.reading([:]) == nil)
        let settings = try #require(try SecureAggregationSettings.reading(["bits": 12]))
        #expect(settings.threshold == .share(0.67) && settings.degree == nil && settings.range == 1)
        #expect(settings.bits == 12 && settings.minimum == nil && settings.dropOuts == [0, 0, 0, 0, 0])
        #expect(settings.holders(of: 20) == 20 && settings.threshold(of: 20) == 14)
        #expect(problems() == "")
    }

    @Test func sharesCountTheHoldersOfTheGraph() throws {
        let settings = try #require(
            try SecureAggregationSettings.reading(["degree": 7, "threshold": 0.6, "dropMask": 0.3]))
        // Seven is rounded up to eight neighbours, and the client itself.
        #expect(settings.holders(of: 20) == 9 && settings.threshold(of: 20) == 6)
        #expect(settings.holders(of: 5) == 5 && settings.threshold(of: 5) == 3)
        #expect(settings.dropOuts == [0, 0, 0.3, 0, 0])
        let exact = try #require(try SecureAggregationSettings.reading(["threshold": 0.55]))
        #expect(exact.threshold(of: 100) == 55 && exact.threshold(of: 2) == 2)
    }

    @Test(
        "What is wrong is named with what was expected",
        arguments: [
            (["threshold": 0.5], "secureAggregation.threshold: found 0.5"),
            (["threshold": 1], "secureAggregation.threshold: found 1"),
            (["threshold": "most"], "secureAggregation.threshold: found no number"),
            (["degree": 255], "secureAggregation.degree: found 255"),
            (["bits": 32], "secureAggregation.bits: found 32"),
            (["range": 0], "secureAggregation.range: found 0"),
            (["minimum": 1], "secureAggregation.minimum: found 1"),
            (["clipNorm": 0], "secureAggregation.clipNorm: found 0"),
            (["projections": 16], "secureAggregation.projections: found 16"),
            (["projections": 40], "secureAggregation.projections: found 40, expected 32, 64, 96 or 128"),
            (["dropSign": 1.5], "secureAggregation.dropSign: found 1.5"),
            (["treshold": 0.7], "unknown key \"treshold\""),
        ] as [(Settings, String)])
    func wrong(settings: Settings, message: String) {
        #expect(SecureAggregationSettings.problems(of: settings).joined(separator: "\n").contains(message))
    }

    @Test func numbersMustFitTheCohort() {
        #expect(problems(["threshold": 10]).contains("more than half of the 20 holders"))
        #expect(problems(["threshold": 21]).contains("more than half of the 20 holders"))
        #expect(problems(["threshold": 11]) == "")
        #expect(problems(["threshold": 4, "degree": 8]).contains("more than half of the 9 holders"))
        #expect(problems(["minimum": 21]).contains("secureAggregation.minimum: found 21"))
        #expect(problems(["bits": 29]).contains("would wrap around"))
        #expect(problems { $0.clients = .init(minimum: 1) }.contains("the sum of one update is that update"))
        #expect(problems { $0.clients = .init(minimum: 300) }.contains("secureAggregation.degree: found nothing"))
        #expect(problems(["degree": 30]) { $0.clients = .init(minimum: 300) } == "")
    }

    @Test func whatDoesNotGoTogether() {
        for name in ["scaffold", "feddyn"] {
            #expect(problems { $0.strategy = ["name": .string(name), "clients": 20] }.contains("the strategy \(name)"))
        }
        #expect(problems { $0.strategy = ["name": "fednova"] }.contains("the strategy fednova"))
        #expect(problems { $0.strategy = ["name": "fedopt"] } == "")
        #expect(problems { $0.aggregation = ["rule": "median"] }.contains("the aggregation rule median"))
        #expect(problems { $0.aggregation = ["rule": "norm-bounded-mean"] }.contains("norm-bounded-mean"))
        #expect(problems { $0.aggregation = ["rule": "mean", "minimumCosine": 0] }.contains("minimumCosine"))
        #expect(problems { $0.aggregation = ["rule": "uniform-mean", "ema": 0.5] } == "")
        #expect(problems { $0.limits.maximumNorm = 5 }.contains("limits.maximumNorm"))
        #expect(problems { $0.limits.quarantineAfter = 3 } == "")
        #expect(problems { $0.encoding = ["name": "int8"] }.contains("encoding: found int8"))
        #expect(problems { $0.encoding = ["name": "f32"] } == "")
        #expect(problems { $0.latest = ["steps"] }.contains("latest: found 1"))
        #expect(problems { $0.kept = ["steps"] } == "")
        #expect(problems { $0.keepUpdates = true }.contains("keepUpdates"))
        #expect(problems { $0.attack = ["kind": "alie", "share": 0.2] }.contains("attack.kind: found alie"))
        #expect(problems { $0.attack = ["kind": "free-rider"] }.contains("attack.kind: found free-rider"))
        #expect(problems { $0.attack = ["kind": "scaling", "share": 0.2] } == "")
        for mechanism in ["central", "ftrl"] {
            #expect(
                problems {
                    $0.privacy = ["mechanism": .string(mechanism), "noiseMultiplier": 1, "delta": 1e-5]
                }.contains("privacy.mechanism: found \(mechanism)"))
        }
        for mechanism in ["local", "distributed"] {
            #expect(
                problems(["threshold": 0.6]) {
                    $0.privacy = ["mechanism": .string(mechanism), "noiseMultiplier": 1, "delta": 1e-5]
                } == "")
        }
    }

    @Test func theCheckOfNormsNeedsItsNumbers() throws {
        let check: Settings = ["threshold": 0.6, "range": 0.25, "clipNorm": 0.5, "projections": 64]
        #expect(problems(check) == "")
        #expect(problems(["clipNorm": 0.5]) == "")
        #expect(problems(["projections": 64]).contains("without secureAggregation.clipNorm"))
        // 20 · 10⁴ / 1 · 32767 steps are more than 2²⁷.
        #expect(problems(["clipNorm": 10_000, "projections": 32]).contains("random sums would wrap around"))
        #expect(problems(["clipNorm": 10_000]) == "")
        for mechanism in ["local", "distributed"] {
            #expect(
                problems(["threshold": 0.6, "clipNorm": 0.5, "projections": 32]) {
                    $0.privacy = ["mechanism": .string(mechanism), "noiseMultiplier": 1, "delta": 1e-5]
                }.contains("secureAggregation.clipNorm: found one with privacy.mechanism \(mechanism)"))
        }
        #expect(
            problems(["threshold": 0.6]) {
                $0.privacy = ["mechanism": "distributed", "noiseMultiplier": 1, "delta": 1e-5]
                $0.attack = ["kind": "scaling"]
            }.contains("attack: found one with privacy.mechanism distributed"))
        var job = JobSpecification(
            name: "job", model: ["name": "softmax"], data: "d", rounds: 3, clients: .init(minimum: 20), attempts: 2)
        job.secureAggregation = check
        try job.checkProjections(elements: 2048)
        let error = #expect(throws: JobsError.self) { try job.checkProjections(elements: 2047) }
        #expect(error?.message.contains("at least 2048 elements") == true)
    }

    @Test func theKeySurvivesTheWire() throws {
        var job = JobSpecification(
            name: "job", model: ["name": "softmax"], data: "d", rounds: 3, clients: .init(minimum: 20))
        job.secureAggregation = ["degree": 8, "range": 0.5, "threshold": 0.7]
        #expect(try JobSpecification(json: job.canonicalJSON()) == job)
    }
}
