import Foundation
import Jobs
import Testing

@Suite("Aggregation of jobs")
struct AggregationSettingsTests {
    private func job(
        _ aggregation: Settings, updates: Int = 20, strategy: Settings = ["name": "fedavg"],
        participants: [String]? = nil
    ) -> JobSpecification {
        JobSpecification(
            name: "job", model: ["name": "m"], data: "d", rounds: 1,
            clients: .init(minimum: updates, participants: participants), strategy: strategy, aggregation: aggregation)
    }

    @Test func everyRuleHasDefaults() throws {
        for rule in AggregationSettings.Rule.allCases {
            var settings: Settings = ["rule": .string(rule.rawValue)]
            if rule == .fltrust { settings["trusted"] = "site-1" }
            #expect(try AggregationSettings(settings).rule == rule)
            #expect(job(settings).problems.isEmpty, "\(rule)")
        }
        #expect(try AggregationSettings([:]) == .mean)
        #expect(try AggregationSettings(["rule": "mean"]).isPlain)
        #expect(try !AggregationSettings(["clipNorm": 3]).isPlain)
        let whole = try AggregationSettings([
            "rule": "trimmed-mean", "trim": 0.1, "clipNorm": 5, "minimumCosine": -0.5, "maximumDistance": 3, "ema": 0.9,
        ])
        #expect(whole.trim == 0.1 && whole.clipNorm == 5 && whole.minimumCosine == -0.5)
        #expect(whole.maximumDistance == 3 && whole.ema == 0.9)
    }

    @Test("a name alone is a rule, in JSON as in YAML")
    func shortForm() throws {
        let text =
            #"{"name":"j","model":{"name":"m"},"data":"d","rounds":1,"clients":{"minimum":3},"aggregation":"median"}"#
        #expect(try JobSpecification(json: Data(text.utf8)).aggregation == ["rule": "median"])
    }

    static let broken: [(Settings, String)] = [
        (["rule": "medain"], "did you mean \"median\"?"),
        (["rule": 3], "aggregation.rule: found 3, expected one of"),
        (["rule": "median", "trim": 0.2], "aggregation: found the unknown key \"trim\""),
        (["rule": "trimmed-mean", "trim": 0.5], "aggregation.trim: found 0.5"),
        (["rule": "krum", "byzantine": -1], "aggregation.byzantine: found -1"),
        (["rule": "fltrust"], "aggregation.trusted: found nothing"),
        (["clipNorm": 0], "aggregation.clipNorm: found 0"),
        (["minimumCosine": 2], "aggregation.minimumCosine: found 2"),
        (["ema": 1], "aggregation.ema: found 1"),
    ]

    @Test("mistakes are named", arguments: broken.indices)
    func mistakes(index: Int) throws {
        let (settings, expected) = Self.broken[index]
        #expect(job(settings).problems.contains { $0.contains(expected) }, "\(job(settings).problems)")
        #expect(throws: JobsError.self) { try AggregationSettings(settings) }
    }

    @Test("a rule that the cohort cannot satisfy is refused")
    func cohort() {
        for (settings, needed): (Settings, Int) in [
            (["rule": "median"], 3), (["rule": "krum", "byzantine": 2], 7), (["rule": "bulyan"], 7),
            (["rule": "trimmed-mean", "trim": 0.1], 10), (["rule": "multi-krum", "select": 9], 10),
        ] {
            #expect(job(settings, updates: needed).problems.isEmpty)
            let problems = job(settings, updates: needed - 1).problems
            #expect(problems.contains { $0.hasPrefix("clients.minimumUpdates: found \(needed - 1)") }, "\(problems)")
        }
    }

    @Test("strategies with tensors of their own take the mean only", arguments: ["scaffold", "fednova", "feddyn"])
    func composition(strategy: String) {
        var map: Settings = ["name": .string(strategy)]
        if strategy != "fednova" { map["clients"] = 20 }
        #expect(job(["rule": "mean"], strategy: map).problems.isEmpty)
        for aggregation: Settings in [["rule": "median"], ["clipNorm": 1], ["ema": 0.5]] {
            #expect(job(aggregation, strategy: map).problems.contains { $0.contains("with \(strategy)") })
        }
    }

    @Test("the trusted client is a participant, and all are asked")
    func trusted() {
        let settings: Settings = ["rule": "fltrust", "trusted": "b"]
        #expect(job(settings, updates: 2, participants: ["a", "b"]).problems.isEmpty)
        #expect(job(settings, updates: 2, participants: ["a", "c"]).problems.contains { $0.contains("trusted") })
        #expect(job(settings, updates: 2, participants: ["a", "b", "c"]).problems.contains { $0.contains("perRound") })
    }

    @Test func limitsAreChecked() {
        var specification = job([:])
        specification.limits = .init(maximumNorm: 3, quarantineAfter: 2)
        #expect(specification.problems.isEmpty)
        specification.limits = .init(maximumNorm: 0, quarantineAfter: 0)
        #expect(specification.problems.contains { $0.hasPrefix("limits.maximumNorm: found 0.0") })
        #expect(specification.problems.contains { $0.hasPrefix("limits.quarantineAfter: found 0") })
    }
}
