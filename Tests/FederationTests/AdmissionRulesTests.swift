import Federation
import Jobs
import Testing
import Weights

@Suite("What updates and reports must be")
struct AdmissionRulesTests {
    private let rules: AdmissionRules

    init() {
        rules = AdmissionRules(
            JobSpecification(
                name: "rules", model: ["name": "echo"], data: "none", rounds: 1, limits: .init(maximumExamples: 10)))
    }

    private func update(_ values: [Float]) throws -> Weights {
        try Weights([(name: "a", shape: [values.count], values: values)])
    }

    @Test("examples are counted", arguments: [(0, false, true), (1, true, true), (10, true, true), (11, false, false)])
    func examples(count: Int, trains: Bool, evaluates: Bool) {
        func code(_ check: (TaskStatistics) throws -> Void) -> String? {
            do {
                try check(TaskStatistics(examples: count))
                return nil
            } catch { return (error as? AdmissionRefusal)?.code ?? "\(error)" }
        }
        #expect(code { try rules.check(training: $0) } == (trains ? nil : "examples"))
        #expect(code { try rules.check(evaluation: $0) } == (evaluates ? nil : "examples"))
    }

    @Test("examples are withheld only where the coordinator must not learn of one client")
    func withheld() throws {
        func rules(_ change: (inout JobSpecification) -> Void) -> AdmissionRules {
            var job = JobSpecification(name: "rules", model: ["name": "echo"], data: "none", rounds: 1)
            change(&job)
            return AdmissionRules(job)
        }
        var statistics = TaskStatistics()
        statistics.isWithheld = true
        try rules { $0.secureAggregation = ["bits": 16] }.check(training: statistics)
        try rules { $0.privacy = ["mechanism": "local"] }.check(training: statistics)
        let refusal = #expect(throws: AdmissionRefusal.self) {
            try rules { $0.privacy = ["mechanism": "central"] }.check(training: statistics)
        }
        #expect(refusal?.code == "examples")
        let unprotected = #expect(throws: AdmissionRefusal.self) {
            try rules { $0.privacy = ["mechanism": "record"] }.check(training: statistics)
        }
        #expect(unprotected?.code == "privacy")
        statistics.sums = ["privateSteps": 1]
        try rules { $0.privacy = ["mechanism": "record"] }.check(training: statistics)
        #expect(throws: AdmissionRefusal.self) { try rules { _ in }.check(training: statistics) }
        // A claim is no less a claim beside the word.
        statistics.examples = 1 << 50
        #expect(throws: AdmissionRefusal.self) {
            try rules { $0.secureAggregation = ["bits": 16] }.check(training: statistics)
        }
    }

    @Test("figures that cannot be are refused")
    func figures() {
        for statistics in [
            TaskStatistics(examples: 2, sums: ["loss": .nan]), TaskStatistics(examples: 2, confusion: [[3]]),
        ] {
            let training = #expect(throws: AdmissionRefusal.self) { try rules.check(training: statistics) }
            #expect(training?.code == "statistics")
            let evaluation = #expect(throws: AdmissionRefusal.self) { try rules.check(evaluation: statistics) }
            #expect(evaluation?.code == "statistics")
        }
    }

    @Test("q-FedAvg's updates come with a loss, others need none", arguments: ["q-fedavg", "mean"])
    func losses(rule: String) throws {
        let rules = AdmissionRules(
            JobSpecification(
                name: "rules", model: ["name": "echo"], data: "none", rounds: 1, aggregation: ["rule": .string(rule)]))
        try rules.check(training: TaskStatistics(examples: 2, sums: ["loss": 0]))
        for sums in [[:], ["loss": -1e-9]] as [[String: Double]] {
            let statistics = TaskStatistics(examples: 2, sums: sums)
            guard rule == "q-fedavg" else {
                try rules.check(training: statistics)
                continue
            }
            let refusal = #expect(throws: AdmissionRefusal.self) { try rules.check(training: statistics) }
            #expect(refusal?.code == "statistics" && refusal?.reason.contains("q-fedavg") == true)
        }
    }

    @Test("steps are no more than the job allows", arguments: [("fednova", true), ("fedavg", false)])
    func steps(strategy: String, isChecked: Bool) throws {
        let rules = AdmissionRules(
            JobSpecification(
                name: "rules", model: ["name": "echo"], data: "none", rounds: 1, strategy: ["name": .string(strategy)],
                training: ["epochs": 2, "batchSize": 5, "momentum": 0]))
        #expect(rules.claimsSteps == isChecked)
        func update(_ steps: Float) throws -> Weights {
            try Weights([(name: "a", shape: [1], values: [1]), (name: "aux.steps", shape: [], values: [steps])])
        }
        try rules.check(update(4), examples: 10)
        let claim = try update(5)
        guard isChecked else {
            try rules.check(claim, examples: 10)
            return
        }
        let refusal = try #require(throws: AdmissionRefusal.self) { try rules.check(claim, examples: 10) }
        #expect(refusal.code == "steps" && refusal.reason.contains("5.0 effective steps"))
        try rules.check(claim, examples: 11)
    }

    @Test(
        "values are finite, and not so large that adding them could overflow",
        arguments: [
            ([0, 1, -2], nil), ([9.9e17, 0], nil), ([9e17, 9e17], "norm"), ([-1e30], "norm"),
            ([1, .nan], "non-finite"), ([1e38, .infinity], "non-finite"),
        ] as [([Float], String?)])
    func values(values: [Float], code: String?) throws {
        do {
            try rules.check(update(values), examples: 1)
            #expect(code == nil)
        } catch let refusal as AdmissionRefusal {
            #expect(refusal.code == code)
        }
    }
}
