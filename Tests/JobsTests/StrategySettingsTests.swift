import Jobs
import Testing
import Weights

@Suite("Strategies of jobs")
struct StrategySettingsTests {
    @Test func everyStrategyHasDefaults() throws {
        for name in StrategySettings.Name.allCases {
            var settings: Settings = ["name": .string(name.rawValue)]
            if [.fedbn, .fedper, .fedrep].contains(name) { settings["personal"] = ["classifier."] }
            #expect(try StrategySettings(settings).name == name)
        }
        let adam = try StrategySettings([
            "name": "fedopt", "serverOptimizer": "adam", "serverLearningRate": 1, "beta1": 0, "beta2": 0.5, "tau": 0.1,
        ])
        #expect(adam.serverOptimizer == .adam && adam.serverLearningRate == 1 && adam.beta1 == 0)
        #expect(adam.beta2 == 0.5 && adam.tau == 0.1)
        #expect(try StrategySettings(["name": "fedopt"]).serverLearningRate == 0.025)
        #expect(try StrategySettings(["name": "scaffold", "faithful": true, "clients": 5]).isFaithful)
        let personal = try StrategySettings(["name": "fedper", "personal": ["classifier.", "bias"]])
        #expect(
            personal.isPersonal("classifier.0.weight") && personal.isPersonal("bias") && !personal.isPersonal("gru"))
    }

    /// A map and what its problem says.
    struct Broken: Sendable {
        let settings: Settings
        let expected: String

        init(_ settings: Settings, _ expected: String) {
            self.settings = settings
            self.expected = expected
        }
    }

    static let broken: [Broken] = [
        Broken(["name": "fedprx"], "did you mean \"fedprox\"?"),
        Broken(
            ["name": "fedprox", "nu": 1],
            "strategy: found the unknown key \"nu\", expected name, mu; did you mean \"mu\"?"),
        Broken(["name": "fedavg", "mu": 1], "unknown key \"mu\""),
        Broken(["name": "fedprox", "mu": -1], "strategy.mu: found -1, expected a number from 0.0"),
        Broken(["name": "fedprox", "mu": "much"], "found \"much\""),
        Broken(["name": "fedopt", "serverOptimizer": "adma"], "did you mean \"adam\"?"),
        Broken(["name": "fedopt", "serverOptimizer": "sgd", "beta1": 0.5], "unknown key \"beta1\""),
        Broken(["name": "fedopt", "serverOptimizer": "adam", "beta2": 1], "strategy.beta2"),
        Broken(["name": "scaffold", "clients": 0], "strategy.clients: found 0"),
        Broken(["name": "scaffold", "faithful": 1], "expected true or false"),
        Broken(["name": "fedper"], "strategy.personal: found nothing"),
        Broken(["name": "fedper", "personal": "x"], "strategy.personal: found \"x\""),
        Broken(["name": "fedper", "personal": [1]], "strategy.personal: found a list of 1"),
        Broken(["name": "feddyn", "alpha": 0], "strategy.alpha"),
        Broken(["name": 3], "expected one of"),
        Broken([:], "expected one of"),
    ]

    @Test(arguments: broken)
    func brokenMapsNameTheKey(_ broken: Broken) throws {
        let (settings, expected) = (broken.settings, broken.expected)
        let problems = StrategySettings.problems(of: settings)
        #expect(problems.joined(separator: "\n").contains(expected), "\(problems)")
        #expect(throws: JobsError.self) { try StrategySettings(settings) }
    }

    private func specification(_ strategy: Settings, change: (inout JobSpecification) -> Void = { _ in })
        -> JobSpecification
    {
        var specification = JobSpecification(
            name: "j", model: ["name": "har"], data: "d", rounds: 1, clients: .init(minimum: 2), strategy: strategy)
        change(&specification)
        return specification
    }

    @Test func jobsSayHowManyClientsThereAre() {
        for name in ["scaffold", "feddyn"] {
            let strategy: Settings = ["name": .string(name)]
            #expect(specification(strategy).problems.contains { $0.hasPrefix("strategy.clients: found nothing") })
            #expect(specification(strategy) { $0.strategy["clients"] = 1 }.problems.count == 1)
            #expect(specification(strategy) { $0.strategy["clients"] = 2 }.problems.isEmpty)
            #expect(specification(strategy) { $0.clients.participants = ["a", "b"] }.problems.isEmpty)
        }
        let rate = specification(["name": "fedopt"]) { $0.training = ["learningRate": 0] }.problems
        #expect(rate.count == 1 && rate[0].hasPrefix("training.learningRate: found 0.0"))
    }

    private func model() throws -> WeightsSchema {
        try WeightsSchema([
            TensorSpec(name: "body", dtype: .f32, shape: [2, 3]), TensorSpec(name: "head", dtype: .f16, shape: [3]),
            TensorSpec(name: "steps", dtype: .i64, shape: []),
        ])
    }

    /// A strategy with the tensors it adds and those of its updates.
    struct Tensors: Sendable {
        let strategy: Settings
        let added: [String]
        let sent: [String]

        init(_ strategy: Settings, _ added: [String], sent: [String]) {
            self.strategy = strategy
            self.added = added
            self.sent = sent
        }
    }

    static let moments = ["aux.server.step", "aux.server.m.body", "aux.server.m.head"]
    static let controls = ["aux.control.body", "aux.control.head"]
    static let tensors: [Tensors] = [
        Tensors(["name": "fedopt"], moments, sent: ["body", "head"]),
        Tensors(
            ["name": "fedopt", "serverOptimizer": "yogi"], moments + ["aux.server.v.body", "aux.server.v.head"],
            sent: ["body", "head"]),
        Tensors(["name": "scaffold", "clients": 2], controls, sent: controls + ["body", "head"]),
        Tensors(
            ["name": "feddyn", "clients": 2], ["aux.server.h.body", "aux.server.h.head"], sent: ["body", "head"]),
        Tensors(["name": "fednova"], ["aux.steps"], sent: ["aux.steps", "body", "head"]),
        Tensors(["name": "fedper", "personal": ["he"]], [], sent: ["body"]),
        Tensors(["name": "ditto"], [], sent: ["body", "head"]),
    ]

    @Test(arguments: tensors)
    func schemas(_ expected: Tensors) throws {
        let (strategy, added, sent) = (expected.strategy, expected.added, expected.sent)
        let auxiliary = AuxiliaryTensors(try StrategySettings(strategy))
        let model = try model()
        let global = try auxiliary.globalSchema(model: model)
        #expect(Set(global.tensors.map(\.name)) == Set(added + model.tensors.map(\.name)))
        #expect(try AuxiliaryTensors.modelSchema(of: global) == model)
        let update = try specification(strategy).updateSchema(for: global)
        #expect(update == (try auxiliary.updateSchema(model: model)))
        #expect(update.tensors.map(\.name) == sent)
        #expect(update.tensors.allSatisfy { $0.dtype == .f32 })
        // Weights without the strategy's tensors are completed, once.
        var given = Weights(zeros: model)
        try given.setFloats("body", [1, 2, 3, 4, 5, 6])
        let whole = try auxiliary.completing(given)
        #expect(whole.schema == global)
        #expect(try whole.floats("body") == [1, 2, 3, 4, 5, 6])
        #expect(try whole.filtered { !AuxiliaryTensors.isAuxiliary($0.name) } == given)
        #expect(try auxiliary.completing(whole) == whole)
        if !added.isEmpty {
            #expect(throws: JobsError.self) { try specification(["name": "fedavg"]).updateSchema(for: global) }
            #expect(throws: JobsError.self) { try specification(strategy).updateSchema(for: model) }
        }
    }

    @Test func personalPrefixesNameSomeTensorsButNotAll() throws {
        for prefix in ["classifier", ""] {
            let strategy: Settings = ["name": "fedper", "personal": [.string(prefix)]]
            #expect(throws: JobsError.self) { try specification(strategy).updateSchema(for: model()) }
        }
        let all: Settings = ["name": "fedper", "personal": ["body", "head"]]
        #expect(throws: JobsError.self) { try specification(all).updateSchema(for: model()) }
    }
}
