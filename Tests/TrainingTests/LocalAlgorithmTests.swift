import Datasets
import Foundation
import Jobs
import Layers
import ModelZoo
import Testing
import Training
import Weights

/// Every client-side algorithm against the same thing in Doubles, over two rounds where it has a memory.
@Suite struct LocalAlgorithmTests {
    private let start = TestClient.start

    private func minus(_ left: [Double], _ right: [Double]) -> [Double] { zip(left, right).map { $0 - $1 } }
    private func plus(_ left: [Double], _ factor: Double, _ right: [Double]) -> [Double] {
        zip(left, right).map { $0 + factor * $1 }
    }

    @Test func plainTrainingIsMomentumDescent() throws {
        let client = TestClient()
        let found = try client.train(["name": "fedavg"])
        #expect(agree(found.local, client.descend(from: start) { client.slope($0) }))
        #expect(!agree(found.local, start))
        #expect(found.extra.auxiliary == nil && found.extra.state.isEmpty)
    }

    @Test func fedProxPullsTowardsTheGlobalWeights() throws {
        let client = TestClient()
        let expected = client.descend(from: start) { weights in
            plus(client.slope(weights), 0.7, minus(weights, start))
        }
        #expect(agree(try client.train(["name": "fedprox", "mu": 0.7]).local, expected))
        #expect(try client.train(["name": "fedprox", "mu": 0]).local == client.train(["name": "fedavg"]).local)
    }

    @Test func theProximalTermIsNotClipped() throws {
        var client = TestClient()
        client.configuration.clipNorm = 0.05
        let expected = client.descend(from: start) { weights in
            let slope = client.slope(weights)
            let norm = slope.reduce(0) { $0 + $1 * $1 }.squareRoot()
            let clipped = slope.map { $0 * min(1, 0.05 / (norm + 1e-6)) }
            return plus(clipped, 3, minus(weights, start))
        }
        #expect(agree(try client.train(["name": "fedprox", "mu": 3]).local, expected))
    }

    @Test(arguments: [true, false])
    func scaffoldCorrectsTheDrift(faithful: Bool) throws {
        let client = TestClient()
        let (rate, epochs) = (client.configuration.learningRate, 4.0)
        let strategy: Settings = ["name": "scaffold", "clients": 3, "faithful": .bool(faithful)]
        var server: [Double] = [0.1, -0.2, 0.05, 0.3, 0.02, -0.1, 0.2, 0.1, -0.05]
        var own = [Double](repeating: 0, count: 9)
        // Without the benchmark's overestimate, momentum 0.9.
        let steps = faithful ? epochs : 1 + 1.9 + 2.71 + 3.439
        for _ in 0..<2 {
            let correction = minus(server, own)
            let expected =
                faithful
                ? client.descend(from: start, after: { $0 = plus($0, -rate, correction) }) { client.slope($0) }
                : client.descend(from: start) { plus(client.slope($0), 1, correction) }
            let found = try client.train(strategy, auxiliary: TestClient.controls(server))
            #expect(agree(found.local, expected))
            let change = plus(
                minus([Double](repeating: 0, count: 9), server), 1 / (steps * rate), minus(start, expected))
            let sent = try #require(found.extra.auxiliary)
            #expect(agree(try TestClient.values(sent, prefix: "aux.control."), change, tolerance: 2e-5))
            own = plus(own, 1, change)
            #expect(agree(try TestClient.values(#require(client.memory.saved["control"])), own, tolerance: 2e-5))
            server = server.map { $0 * 0.5 }
        }
    }

    @Test func scaffoldsControlIsAMeanOfGradients() throws {
        // At a constant gradient the new control is this gradient whatever the momentum: no overestimate.
        let client = TestClient(epochs: 1)
        let zeros = try TestClient.controls([Double](repeating: 0, count: 9))
        let found = try client.train(["name": "scaffold", "clients": 3], auxiliary: zeros)
        #expect(
            agree(try TestClient.values(#require(found.extra.state["control"])), client.slope(start), tolerance: 1e-4))
    }

    @Test func fedNovaSendsItsSteps() throws {
        for (momentum, expected) in [(0.0, 4.0), (0.9, 1 + 1.9 + 2.71 + 3.439), (1.0, 10)] {
            let client = TestClient(momentum: momentum)
            let sent = try #require(client.train(["name": "fednova"]).extra.auxiliary)
            #expect(sent.schema.tensors.map(\.name) == ["aux.steps"])
            #expect(abs(Double(try sent.floats("aux.steps")[0]) - expected) < 1e-5)
        }
    }

    @Test func fedDynRegularises() throws {
        let client = TestClient()
        let alpha = 0.3
        var term = [Double](repeating: 0, count: 9)
        var global = start
        for _ in 0..<3 {
            let expected = client.descend(from: global) { weights in
                plus(minus(client.slope(weights), term), alpha, minus(weights, global))
            }
            let found = try client.train(["name": "feddyn", "clients": 2, "alpha": .double(alpha)], from: global)
            #expect(agree(found.local, expected))
            term = plus(term, -alpha, minus(expected, global))
            #expect(agree(try TestClient.values(#require(client.memory.saved["dynamic"])), term, tolerance: 2e-5))
            global = plus(global, 0.5, minus(expected, global)).map { Double(Float($0)) }
        }
    }

    @Test(arguments: [true, false])
    func fedRSRestrictsAbsentClasses(faithful: Bool) throws {
        let client = TestClient(among: [0, 2])
        let expected = client.descend(from: start) { client.slope($0, scale: [1, 0.6, 1], bias: !faithful) }
        let found = try client.train(["name": "fedrs", "alpha": 0.6, "faithful": .bool(faithful)])
        #expect(agree(found.local, expected))
        #expect((found.local[6...].map(Float.init) == start[6...].map(Float.init)) == faithful, "the bias")
        #expect(!agree(found.local, try client.train(["name": "fedavg"]).local))
    }

    @Test func fedRepTrainsOnePartAtATime() throws {
        let client = TestClient()
        let strategy: Settings = ["name": "fedrep", "personal": ["bias"], "headEpochs": 2]
        // The optimiser keeps one momentum for both parts: each sees gradients in its own epochs only.
        let head = client.descend(from: start, epochs: 2) { weights in
            client.slope(weights).enumerated().map { $0 < 6 ? 0 : $1 }
        }
        let expected = client.descend(from: head, epochs: 4) { weights in
            client.slope(weights).enumerated().map { $0 < 6 ? $1 : 0 }
        }
        let found = try client.train(strategy)
        #expect(agree(found.local, expected))
        let kept = try #require(client.memory.saved["personal"])
        #expect(kept.schema.tensors.map(\.name) == ["bias"])
        // The next round begins with the client's own bias.
        let own = try kept.floats("bias").map(Double.init)
        let second = client.descend(
            from: client.descend(from: Array(start[..<6]) + own, epochs: 2) { weights in
                client.slope(weights).enumerated().map { $0 < 6 ? 0 : $1 }
            }, epochs: 4
        ) { weights in client.slope(weights).enumerated().map { $0 < 6 ? $1 : 0 } }
        #expect(agree(try client.train(strategy).local, second))
    }

    @Test(arguments: ["fedper", "fedbn"])
    func personalTensorsStay(name: String) throws {
        let client = TestClient()
        let strategy: Settings = ["name": .string(name), "personal": ["bi"]]
        let first = try client.train(strategy).local
        #expect(agree(first, client.descend(from: start) { client.slope($0) }))
        let expected = client.descend(from: Array(start[..<6]) + first[6...]) { client.slope($0) }
        #expect(agree(try client.train(strategy).local, expected))
        let model = try SoftmaxModel(features: 2, classes: 3, Initializer(seed: 1))
        try model.load(TestClient.weights(start))
        try LocalAlgorithms.personalise(.init(model: model), StrategySettings(strategy), state: client.memory)
        let shown = try TestClient.values(model.weights())
        #expect(agree(shown, Array(start[..<6]) + expected[6...]))
    }

    @Test func dittoTrainsAModelOfItsOwn() throws {
        let client = TestClient()
        let strategy: Settings = ["name": "ditto", "mu": 0.4]
        var (own, global) = (start, start)
        for _ in 0..<2 {
            let found = try client.train(strategy, from: global)
            let local = client.descend(from: global) { client.slope($0) }
            #expect(agree(found.local, local), "the global model is trained as ever")
            own = client.descend(from: own) { weights in plus(client.slope(weights), 0.4, minus(weights, global)) }
            #expect(agree(try TestClient.values(#require(client.memory.saved["personal"])), own))
            global = plus(global, 0.5, minus(local, global)).map { Double(Float($0)) }
        }
        let model = try SoftmaxModel(features: 2, classes: 3, Initializer(seed: 1))
        try LocalAlgorithms.personalise(.init(model: model), StrategySettings(strategy), state: client.memory)
        #expect(agree(try TestClient.values(model.weights()), own))
    }

    @Test func progressCoversBothPasses() throws {
        let client = TestClient()
        let data = try client.reference.dataset()
        let model = try SoftmaxModel(features: 2, classes: 3, Initializer(seed: 1))
        let task = try LocalTask(
            .init(model: model), on: data.all, client.configuration, .init(seed: 1, round: 0, client: 0))
        var fractions: [Double] = []
        _ = try LocalTraining.run(task, DittoTraining(mu: 1)) { fraction, _ in fractions.append(fraction) }
        #expect(fractions == [0.125, 0.25, 0.375, 0.5, 0.625, 0.75, 0.875, 1])
    }
}

extension TestClient {
    /// The server's control in the global weights.
    static func controls(_ values: [Double]) throws -> Weights {
        try Weights([
            (name: "aux.control.weight", shape: [3, 2], values: values[..<6].map(Float.init)),
            (name: "aux.control.bias", shape: [3], values: values[6...].map(Float.init)),
        ])
    }
}
