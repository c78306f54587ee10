import Aggregation
import Foundation
import Jobs
import SwiftProtobuf
import Weights
import Wire
import WireMessages

/// Jobs that look at models once their rounds are over, and sites that count what depends on the model and the site alone.
enum StudyFixtures {
    static let sites = ["site-1", "site-2", "site-3"]

    static func specification(
        rounds: Int = 2, change: (inout JobSpecification) -> Void = { $0.crossSite = .all }
    ) -> JobSpecification {
        Fixtures.specification(rounds: rounds, clients: 3, evaluation: 1) {
            $0.selectBy = MetricSelector("-loss")
            change(&$0)
        }
    }

    /// The loss of a model on a site's examples: a number that no other model has there, and no other site of this model.
    static func loss(of model: Weights, on site: String) throws -> Double {
        let values = try model.floats("layer.weight") + model.floats("layer.bias")
        let place = Double(site.utf8.last ?? 0) - 48
        return values.enumerated().reduce(0) { $0 + Double($1.element) * (Double($1.offset) + place) / 8 }
    }

    static func report(
        _ task: Tributary_V1_Task, _ bytes: [UInt8], site: String
    ) -> Tributary_V1_EvaluationReport? {
        guard let model = try? Safetensors.decode(bytes), let loss = try? loss(of: model, on: site) else { return nil }
        return .with {
            $0.identity = task.identity
            $0.weightsDigest = task.weightsDigest
            $0.statistics = TaskStatistics(examples: 4, sums: ["loss": 4 * loss]).message
        }
    }

    /// A site that does what it is asked, but for what a test says. Some send their updates in session messages, which then
    /// share a file.
    static func site(
        _ name: String, examples: [String: Int] = ["train": 10, "test": 4],
        features: [String] = ProtocolVersion.features,
        answer: @escaping @Sendable (Tributary_V1_Task) -> ScriptedSite.Answer = { _ in .update },
        change: @escaping @Sendable (inout Tributary_V1_EvaluationReport) -> Void = { _ in }
    ) -> ScriptedSite {
        ScriptedSite(
            name, examples: examples, features: features, isInline: name != "site-2", answer: answer,
            counts: { task, bytes in
                var report = report(task, bytes, site: name)
                if report != nil { change(&report!) }
                return report
            })
    }

    /// The weights after a round with these clients' updates alone.
    static func fold(_ global: Weights, round: Int, _ clients: [String]) throws -> Weights {
        guard !clients.isEmpty else { return global }
        let schema = try Fixtures.initial.schema.updateSchema()
        let updates = try clients.map { client in
            var whole = Weights(zeros: schema)
            try whole.assign(from: Fixtures.update(client: client, round: round))
            return MemoryUpdateSource(clientID: client, examples: Fixtures.examples(client: client), update: whole)
        }
        return try AggregationStrategies.make(.weightedMean).aggregate(global: global, updates: updates)
    }
}
