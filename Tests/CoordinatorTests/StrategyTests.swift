import Aggregation
import Federation
import Foundation
import Jobs
import TestSupport
import Testing
import Weights
import Wire
import WireMessages

@testable import Coordinator

/// Jobs of strategies with tensors of their own, through the whole coordinator.
@Suite struct StrategyTests {
    private let folder: TemporaryFolder
    private let clients = ["site-1", "site-2"]

    init() throws {
        folder = try TemporaryFolder()
    }

    /// What a client sends: the update of the fixtures, and numbers of its own for the strategy's tensors.
    private static func update(_ client: String, _ round: Int, _ schema: WeightsSchema) throws -> Weights {
        var update = Weights(zeros: schema)
        let fixture = try Fixtures.update(client: client, round: round)
        for spec in schema.tensors {
            if fixture.schema[spec.name] != nil {
                try update.setFloats(spec.name, fixture.floats(spec.name))
            } else {
                let seed = Float(client.utf8.last ?? 0) / 128 + Float(round)
                try update.setFloats(spec.name, (0..<spec.elementCount).map { seed + Float($0) })
            }
        }
        return update
    }

    @Test(
        arguments: [
            [["name": "fedopt"]], [["name": "fedopt", "serverOptimizer": "adamw"]],
            [["name": "scaffold", "clients": 4]], [["name": "fednova"]], [["name": "feddyn", "clients": 4]],
            [["name": "fedper", "personal": ["layer.bias"]]],
            [["name": "fedopt"], ["rule": "foolsgold", "clipNorm": 2]],
            [["name": "fedavg"], ["rule": "norm-bounded-mean", "bound": 1, "ema": 0.5]],
        ] as [[Settings]])
    func threeRoundsWithARestart(maps: [Settings]) async throws {
        let strategy = maps[0]
        let specification = Fixtures.specification(evaluation: 1) {
            $0.strategy = strategy
            $0.training = ["epochs": 3]
            if maps.count > 1 { $0.aggregation = maps[1] }
        }
        let initial = try specification.auxiliaryTensors.completing(Fixtures.initial)
        let schema = try specification.updateSchema(for: initial.schema)
        // The same rounds in memory.
        var global = initial
        let fold = try specification.aggregationStrategy()
        let personal = try StrategySettings(strategy).personal
        for round in 0..<3 {
            let updates = try clients.map { client in
                var whole = Weights(zeros: try initial.schema.updateSchema())
                try whole.assign(from: Self.update(client, round, schema))
                return MemoryUpdateSource(clientID: client, examples: Fixtures.examples(client: client), update: whole)
            }
            let rules = TensorRules(Dictionary(uniqueKeysWithValues: personal.map { ($0, .kept) }))
            global = try fold.aggregate(global: global, updates: updates, rules: rules)
        }
        #expect(try global.floats("layer.weight") != Fixtures.initial.floats("layer.weight"))

        @Sendable func site(_ name: String, silentFrom round: Int? = nil) -> ScriptedSite {
            ScriptedSite(name) { task in
                if let round, task.identity.kind == .train, task.identity.round >= round { return .silence }
                guard let update = try? Self.update(name, Int(task.identity.round), schema) else { return .silence }
                return .bytes(Safetensors.encode(update))
            }
        }
        let job = try await TestServer.run(folder: folder.path) { server in
            let job = try await server.submit(specification, weights: Safetensors.encode(initial)).job
            try await server.withSites([site("site-1"), site("site-2", silentFrom: 1)]) {
                _ = try await server.wait(for: job) { update in
                    update.rounds.contains { $0.round == 1 && $0.admitted == ["site-1"] }
                }
            }
            return job
        }
        let expected = global
        try await TestServer.run(folder: folder.path) { server in
            let summary = try await server.withSites([site("site-1"), site("site-2")]) {
                try await server.finished(job)
            }
            #expect(summary.weightsDigest == expected.digest())
            // Exports hold the model alone.
            let model = try expected.filtered { !AuxiliaryTensors.isAuxiliary($0.name) }
            let (header, bytes) = try await server.export(job)
            #expect(bytes == Safetensors.encode(model))
            #expect(header.digest == model.digest())
            let card = try ModelCard(json: header.card)
            #expect(card.weights.digest == model.digest())
            #expect(card.weights.tensors == 3)
            #expect(try await server.export(job, round: "initial").1 == Fixtures.initialBytes)
        }
    }

    @Test func moreStepsThanTheJobAllowsAreRefused() async throws {
        let specification = Fixtures.specification(rounds: 1, clients: 3) {
            $0.strategy = ["name": "fednova"]
            $0.clients.minimumUpdates = 2
        }
        let auxiliary = AuxiliaryTensors(try StrategySettings(specification.strategy))
        let initial = try auxiliary.completing(Fixtures.initial)
        let schema = try specification.updateSchema(for: initial.schema)
        @Sendable func site(_ name: String, steps: Float) -> ScriptedSite {
            ScriptedSite(name) { task in
                guard var update = try? Self.update(name, Int(task.identity.round), schema),
                    (try? update.setFloats(AuxiliaryTensors.steps, [steps])) != nil
                else { return .silence }
                return .bytes(Safetensors.encode(update))
            }
        }
        try await TestServer.run(folder: folder.path) { server in
            let job = try await server.submit(specification, weights: Safetensors.encode(initial)).job
            let summary = try await server.withSites([
                site("site-1", steps: 1), site("site-2", steps: 1), site("site-3", steps: 16_000_000),
            ]) { try await server.finished(job) }
            #expect(summary.state == "finished")
            let refusals = try await server.rounds(job).flatMap(\.refusals)
            #expect(refusals.map(\.client) == ["site-3"])
            #expect(refusals.map(\.code) == ["steps"])
            #expect(refusals.allSatisfy { $0.reason.contains("the job's training gives at most") })
        }
    }

    @Test func weightsWithoutTheStrategysTensorsAreRefused() async throws {
        try await TestServer.run(folder: folder.path) { server in
            let specification = Fixtures.specification { $0.strategy = ["name": "fedopt"] }
            await #expect(throws: (any Error).self) { try await server.submit(specification) }
        }
    }
}
