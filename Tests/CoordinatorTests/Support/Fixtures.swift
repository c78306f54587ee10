import Aggregation
import Coordinator
import Crypto
import Federation
import Foundation
import Identity
import Jobs
import Logging
import Weights

/// Weights, updates and specifications that every test can make from a number.
enum Fixtures {
    /// Small global weights: two float tensors and a counter.
    static let initial: Weights = {
        do {
            let schema = try WeightsSchema([
                TensorSpec(name: "layer.weight", dtype: .f32, shape: [2, 3]),
                TensorSpec(name: "layer.bias", dtype: .f32, shape: [3]),
                TensorSpec(name: "steps", dtype: .i64, shape: []),
            ])
            return Weights(schema: schema) { bytes in
                for index in 0..<bytes.count { bytes[index] = 0 }
                for index in 0..<9 {
                    bytes.storeBytes(of: Float(index) * 0.5, toByteOffset: 8 + index * 4, as: Float.self)
                }
            }
        } catch {
            preconditionFailure("\(error)")
        }
    }()

    static let initialBytes = Safetensors.encode(initial)

    /// The update of a client for a round: fixed numbers that differ by client and round.
    static func update(client: String, round: Int) throws -> Weights {
        let schema = try WeightsSchema([
            TensorSpec(name: "layer.weight", dtype: .f32, shape: [2, 3]),
            TensorSpec(name: "layer.bias", dtype: .f32, shape: [3]),
        ])
        let seed = Float(client.utf8.reduce(0) { $0 + Int($1) } % 17) + Float(round) * 0.25
        return Weights(schema: schema) { bytes in
            for index in 0..<(bytes.count / 4) {
                bytes.storeBytes(of: (seed + Float(index)) / 64, toByteOffset: index * 4, as: Float.self)
            }
        }
    }

    static func examples(client: String) -> Int { 10 + client.utf8.reduce(0) { $0 + Int($1) } % 7 }

    /// The weights after rounds in which all clients took part, by the fold in memory.
    static func weights(after rounds: Int, clients: [String]) throws -> Weights {
        var global = initial
        let fold = try AggregationStrategies.make(.weightedMean)
        for round in 0..<rounds {
            let updates = try clients.map { client in
                // In memory an update must show every tensor; the counter is kept.
                let own = try update(client: client, round: round)
                let whole = try Weights(schema: try initial.schema.updateSchema()) { bytes in
                    for index in 0..<bytes.count { bytes[index] = 0 }
                    for (position, spec) in try initial.schema.updateSchema().tensors.enumerated() {
                        guard own.schema[spec.name] != nil else { continue }
                        let range = try initial.schema.updateSchema().byteRange(at: position)
                        try own.withUnsafeBytes(of: spec.name) { source in
                            UnsafeMutableRawBufferPointer(rebasing: bytes[range]).copyMemory(from: source)
                        }
                    }
                }
                return MemoryUpdateSource(clientID: client, examples: examples(client: client), update: whole)
            }
            global = try fold.aggregate(global: global, updates: updates)
        }
        return global
    }

    static func specification(
        name: String = "job", rounds: Int = 3, clients: Int = 2, evaluation: Int = 0,
        change: (inout JobSpecification) -> Void = { _ in }
    ) -> JobSpecification {
        var specification = JobSpecification(
            name: name, model: ["name": "softmax"], data: "toy", rounds: rounds, seed: 8,
            clients: .init(minimum: clients), evaluation: .init(every: evaluation),
            selectBy: MetricSelector("accuracy"))
        change(&specification)
        return specification
    }

    static func digest(_ bytes: [UInt8]) -> String {
        SHA256.hash(data: bytes).map { String(format: "%02x", $0) }.joined()
    }

    /// Scripted sites send no heartbeats, and on a busy machine neither a session nor a slot may be given up for that.
    static func settings(change: (inout CoordinatorSettings) -> Void = { _ in }) -> CoordinatorSettings {
        var settings = CoordinatorSettings(federation: "test")
        settings.heartbeat = .seconds(600)
        settings.grantValidity = .seconds(600)
        settings.stall = .seconds(600)
        settings.minimumFreeDisk = 0
        settings.policy.settleMilliseconds = 0
        change(&settings)
        return settings
    }

    static func peer(_ role: Role, _ name: String) throws -> PeerIdentity {
        PeerIdentity(
            identity: try ParticipantIdentity(federation: "test", role: role, name: name),
            serial: "01\(name.utf8.count)",
            notBefore: Date(timeIntervalSinceNow: -3600), notAfter: Date(timeIntervalSinceNow: 86_400 * 300))
    }

    static let silent = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
}
