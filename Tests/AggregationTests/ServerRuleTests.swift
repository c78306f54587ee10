import Foundation
import TestSupport
import Testing
import Weights

@testable import Aggregation

/// Three rounds of every server rule, through files, against the formula in Doubles.
@Suite("Server rules")
struct ServerRuleTests {
    private static let (rows, clients, rounds) = (7, ["b", "a", "c"], 3)

    /// Δ of a client in a round.
    private func delta(_ client: String, _ round: Int, _ tensor: String = "w") -> [Double] {
        (0..<Self.rows).map { element in
            let seed = client.utf8.reduce(tensor.utf8.count) { $0 * 31 + Int($1) } + round * 13 + element * 7
            return Double(seed % 23) / 32 - 0.3
        }
    }

    private func examples(_ client: String) -> Int { ["a": 3, "b": 5, "c": 2][client] ?? 1 }

    /// Σ share · Δ over the clients.
    private func mean(_ round: Int, _ tensor: String = "w", even: Bool = false) -> [Double] {
        (0..<Self.rows).map { element in
            Self.clients.reduce(0) { sum, client in
                sum + (even ? 1.0 / 3 : Double(examples(client)) / 10) * delta(client, round, tensor)[element]
            }
        }
    }

    private let start = (0..<Self.rows).map { Double($0) / 4 - 0.5 }

    /// Folds the rounds with blocks of `block` elements; returns what the global weights hold after each.
    private func run(
        _ rule: ServerRule, auxiliary: [TensorSpec], sent: [String: (String, Int) -> [Double]] = [:], block: Int = 3,
        order: [String] = ServerRuleTests.clients
    ) throws -> [Weights] {
        let schema = try WeightsSchema(
            [TensorSpec(name: "w", dtype: .f32, shape: [Self.rows]), TensorSpec(name: "n", dtype: .i64, shape: [])]
                + auxiliary)
        var global = Weights(zeros: schema)
        try global.setFloats("w", start.map(Float.init))
        var history: [Weights] = []
        for round in 0..<Self.rounds {
            let updates = try order.map { client in
                var update = Weights(zeros: try schema.updateSchema())
                try update.setFloats("w", delta(client, round).map(Float.init))
                for (name, values) in sent { try update.setFloats(name, values(client, round).map(Float.init)) }
                return MemoryUpdateSource(clientID: client, examples: examples(client), update: update)
            }
            let fold = try AggregationStrategies.make(rule, blockElements: block)
            global = try fold.aggregate(global: global, updates: updates)
            history.append(global)
        }
        return history
    }

    private func twin(_ name: String) throws -> TensorSpec {
        try TensorSpec(name: name, dtype: .f32, shape: [Self.rows])
    }

    private func step() throws -> TensorSpec { try TensorSpec(name: "aux.server.step", dtype: .i64, shape: []) }

    private func expectClose(
        _ found: Weights, _ name: String, _ expected: [Double], sourceLocation: SourceLocation = #_sourceLocation
    ) throws {
        let values = try found.floats(name).map(Double.init)
        let scale = max(expected.map(abs).max() ?? 0, 1e-3)
        #expect(
            zip(values, expected).allSatisfy { abs($0 - $1) <= 1e-5 * scale }, "\(name): \(values) \(expected)",
            sourceLocation: sourceLocation)
    }

    @Test func momentumIsTheBenchmarksFedOpt() throws {
        let history = try run(
            .momentum(learningRate: 0.025, momentum: 0.9, clientLearningRate: 0.05),
            auxiliary: [step(), twin("aux.server.m.w")])
        var (weights, velocity) = (start, [Double]())
        for round in 0..<Self.rounds {
            let slope = mean(round).map { -$0 / 0.05 }
            velocity = velocity.isEmpty ? slope : zip(velocity, slope).map { 0.9 * $0 + $1 }
            weights = zip(weights, velocity).map { $0 - 0.025 * $1 }
            try expectClose(history[round], "w", weights)
            try expectClose(history[round], "aux.server.m.w", velocity)
            #expect(try history[round].integers("aux.server.step") == [Int64(round) + 1])
        }
    }

    @Test func withoutMomentumAndAtTheClientsRateItIsAveraging() throws {
        let rule = ServerRule.momentum(learningRate: 0.05, momentum: 0, clientLearningRate: 0.05)
        let history = try run(rule, auxiliary: [step(), twin("aux.server.m.w")])
        let plain = try run(.weightedMean, auxiliary: [])
        for round in 0..<Self.rounds {
            try expectClose(history[round], "w", plain[round].floats("w").map(Double.init))
        }
    }

    @Test(arguments: AdaptiveOptimizer.Variant.allCases)
    func adaptiveOptimisers(variant: AdaptiveOptimizer.Variant) throws {
        let history = try run(
            .adaptive(
                AdaptiveOptimizer(variant, learningRate: 0.1, beta1: 0.8, beta2: 0.95, tau: 0.01, weightDecay: 0.3)),
            auxiliary: [step(), twin("aux.server.m.w"), twin("aux.server.v.w")])
        var (weights, first) = (start, [Double](repeating: 0, count: Self.rows))
        var second = [Double](repeating: 0.01 * 0.01, count: Self.rows)
        for round in 0..<Self.rounds {
            for (element, change) in mean(round).enumerated() {
                let square = change * change
                first[element] = 0.8 * first[element] + 0.2 * change
                switch variant {
                case .adagrad: second[element] += square
                case .adam, .adamw: second[element] = 0.95 * second[element] + 0.05 * square
                case .yogi: second[element] += second[element] > square ? -0.05 * square : 0.05 * square
                }
                if variant == .adamw { weights[element] *= 1 - 0.1 * 0.3 }
                weights[element] += 0.1 * first[element] / (second[element].squareRoot() + 0.01)
            }
            try expectClose(history[round], "w", weights)
            try expectClose(history[round], "aux.server.m.w", first)
            try expectClose(history[round], "aux.server.v.w", second)
        }
    }

    @Test func scaffoldDoesNotWeighExamples() throws {
        let history = try run(
            .scaffold(population: 10), auxiliary: [twin("aux.control.w")],
            sent: ["aux.control.w": { self.delta($0, $1, "control") }])
        var (weights, control) = (start, [Double](repeating: 0, count: Self.rows))
        for round in 0..<Self.rounds {
            weights = zip(weights, mean(round, even: true)).map { $0 + $1 }
            control = zip(control, mean(round, "control", even: true)).map { $0 + 0.3 * $1 }
            try expectClose(history[round], "w", weights)
            try expectClose(history[round], "aux.control.w", control)
        }
    }

    @Test func fedNovaNormalises() throws {
        let steps = ["a": 2.0, "b": 10, "c": 1]
        let spec = try TensorSpec(name: "aux.steps", dtype: .f32, shape: [])
        let history = try run(
            .normalised, auxiliary: [spec], sent: ["aux.steps": { client, _ in [steps[client] ?? 0] }])
        let effective = 0.3 * 2 + 0.5 * 10 + 0.2 * 1
        var weights = start
        for round in 0..<Self.rounds {
            for element in weights.indices {
                for client in Self.clients {
                    let share = Double(examples(client)) / 10
                    weights[element] += effective * share * delta(client, round)[element] / (steps[client] ?? 0)
                }
            }
            try expectClose(history[round], "w", weights)
            try expectClose(history[round], "aux.steps", [effective])
        }
        // A claim of no or of endless steps is bounded.
        for claim in [-5.0, 0, 1e30] {
            let odd = try run(.normalised, auxiliary: [spec], sent: ["aux.steps": { _, _ in [claim] }])
            try expectClose(odd[0], "w", zip(start, mean(0)).map { $0 + $1 })
        }
    }

    @Test func fedDynKeepsItsTerm() throws {
        let history = try run(.dynamic(alpha: 0.2, population: 6), auxiliary: [twin("aux.server.h.w")])
        var (weights, term) = (start, [Double](repeating: 0, count: Self.rows))
        for round in 0..<Self.rounds {
            term = zip(term, mean(round, even: true)).map { $0 - 0.2 * 3 / 6 * $1 }
            for element in weights.indices {
                weights[element] += mean(round, even: true)[element] - term[element] / 0.2
            }
            try expectClose(history[round], "w", weights)
            try expectClose(history[round], "aux.server.h.w", term)
        }
    }

    @Test("neither arrival order nor block size changes a bit")
    func invariance() throws {
        let optimiser = AdaptiveOptimizer(.yogi, learningRate: 0.1)
        let cases: [(ServerRule, [TensorSpec])] = [
            (.adaptive(optimiser), [try step(), try twin("aux.server.m.w"), try twin("aux.server.v.w")]),
            (.dynamic(alpha: 0.1, population: 5), [try twin("aux.server.h.w")]),
            (.scaffold(population: 5), [try twin("aux.control.w")]),
        ]
        for (rule, auxiliary) in cases {
            let expected = try run(rule, auxiliary: auxiliary, block: 1000).map { $0.digest() }
            for block in [1, 2, 7] {
                let found = try run(rule, auxiliary: auxiliary, block: block, order: ["c", "a", "b"])
                #expect(found.map { $0.digest() } == expected)
            }
        }
    }

    @Test func keptTensorsKeepTheirMoments() throws {
        let schema = try WeightsSchema([
            TensorSpec(name: "w", dtype: .f32, shape: [2]), twin("v"), step(), twin("aux.server.m.v"),
            TensorSpec(name: "aux.server.m.w", dtype: .f32, shape: [2]),
        ])
        var update = Weights(zeros: try schema.updateSchema())
        try update.setFloats("w", [1, 2])
        try update.setFloats("v", Array(repeating: 1, count: Self.rows))
        let fold = try AggregationStrategies.make(.momentum(learningRate: 1, momentum: 0.9, clientLearningRate: 1))
        let next = try fold.aggregate(
            global: Weights(zeros: schema), updates: [MemoryUpdateSource(clientID: "a", examples: 1, update: update)],
            rules: TensorRules(["v": .kept, "w": .averaged]))
        #expect(try next.floats("w") == [1, 2])
        #expect(try next.floats("aux.server.m.w") == [-1, -2])
        #expect(try next.floats("v") == Array(repeating: 0, count: Self.rows))
        #expect(try next.floats("aux.server.m.v") == Array(repeating: 0, count: Self.rows))
    }

    @Test func wrongNumbersAndFilesAreErrors() throws {
        for rule in [
            ServerRule.momentum(learningRate: 1, momentum: 0.9, clientLearningRate: 0), .scaffold(population: 0),
            .momentum(learningRate: .nan, momentum: 0.9, clientLearningRate: 1), .dynamic(alpha: 0, population: 1),
            .adaptive(AdaptiveOptimizer(.adam, learningRate: 1, tau: 0)),
            .adaptive(AdaptiveOptimizer(.adam, learningRate: 1, beta2: 1)),
        ] {
            expect(.invalidRule) { _ = try AggregationStrategies.make(rule) }
        }
        expect(.missingTensor) {
            _ = try run(.momentum(learningRate: 1, momentum: 0.9, clientLearningRate: 1), auxiliary: [])
        }
        let auxiliary = try [step(), twin("aux.server.m.w")]
        expect(.notFinite) {
            _ = try run(.momentum(learningRate: 1e300, momentum: 0.9, clientLearningRate: 1), auxiliary: auxiliary)
        }
    }
}
