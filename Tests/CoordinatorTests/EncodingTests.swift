import Aggregation
import Foundation
import Jobs
import TestSupport
import Testing
import Weights
import Wire
import WireMessages

@testable import Coordinator

/// Jobs with an encoding through the whole coordinator, and what it refuses of them.
@Suite struct EncodingTests {
    private static func encoded(_ client: String, _ round: Int, _ specification: JobSpecification) throws -> Weights {
        let update = try Fixtures.update(client: client, round: round)
        return try UpdateEncoder(schema(specification)) {
            try update.readBlock(tensor: $0, byteOffset: $1, into: $2)
        }.encoded()
    }

    private static func schema(_ specification: JobSpecification) throws -> EncodedSchema {
        try specification.encodedSchema(for: specification.updateSchema(for: Fixtures.initial.schema))
    }

    /// The weights after rounds of two sites, from what their files stand for.
    private static func weights(after rounds: Int, _ specification: JobSpecification) throws -> Weights {
        var global = Fixtures.initial
        for round in 0..<rounds {
            let updates = try ["site-1", "site-2"].map { client in
                let sent = try encoded(client, round, specification)
                var whole = Weights(zeros: try global.schema.updateSchema())
                try whole.assign(
                    from: UpdateDecoder(schema(specification)) {
                        try sent.readBlock(tensor: $0, byteOffset: $1, into: $2)
                    }.weights())
                return MemoryUpdateSource(clientID: client, examples: Fixtures.examples(client: client), update: whole)
            }
            global = try AggregationStrategies.make(.weightedMean).aggregate(global: global, updates: updates)
        }
        return global
    }

    struct Case: Sendable, CustomTestStringConvertible {
        var testDescription: String
        var encoding: Settings
        var code: String
        /// What the hostile client makes of a sound file.
        var change: @Sendable (inout Weights) throws -> Void

        init(
            _ name: String, _ encoding: Settings, _ code: String,
            _ change: @escaping @Sendable (inout Weights) throws -> Void
        ) {
            testDescription = name
            self.encoding = encoding
            self.code = code
            self.change = change
        }
    }

    static let cases: [Case] = [
        Case("bf16: 32-bit floats", ["name": "bf16"], "size") { $0 = try Fixtures.update(client: "evil", round: 0) },
        Case("f16: infinity", ["name": "f16"], "non-finite") { update in
            try update.withUnsafeMutableBytes(of: "layer.bias") { $0.copyBytes(from: [0, 0x7C]) }
        },
        Case("int8: a scale that is not a number", ["name": "int8", "block": 8], "encoding") { update in
            try update.withMutableFloats("layer.bias#scale") { $0[0] = .nan }
        },
        Case("int8: an enormous norm", ["name": "int8", "block": 8], "norm") { update in
            try update.withMutableFloats("layer.bias#scale") { $0[0] = 1e36 }
        },
        Case("top-k: a place beyond the tensor", ["name": "top-k", "fraction": 0.3], "encoding") { update in
            try update.withUnsafeMutableBytes(of: "layer.bias#index") { $0.copyBytes(from: [3, 0, 0, 0]) }
        },
    ]

    @Test("Encoded updates make the weights they stand for, and bad ones are refused with a reason", arguments: cases)
    func rounds(_ hostile: Case) async throws {
        let folder = try TemporaryFolder()
        let specification = Fixtures.specification(rounds: 2, clients: 3) {
            $0.clients.minimumUpdates = 2
            $0.encoding = hostile.encoding
        }
        @Sendable func site(_ name: String, _ change: @escaping @Sendable (inout Weights) throws -> Void)
            -> ScriptedSite
        {
            ScriptedSite(name) { task in
                guard var update = try? Self.encoded(name, Int(task.identity.round), specification),
                    (try? change(&update)) != nil
                else { return .silence }
                return .bytes(Safetensors.encode(update))
            }
        }
        try await TestServer.run(folder: folder.path) { server in
            let job = try await server.submit(specification).job
            let evil = site("evil", hostile.change)
            let summary = try await server.withSites([site("site-1") { _ in }, site("site-2") { _ in }, evil]) {
                try await server.finished(job)
            }
            #expect(summary.state == "finished")
            #expect(summary.weightsDigest == (try Self.weights(after: 2, specification)).digest())
            for round in try await server.rounds(job) {
                #expect(round.refusals.map(\.client) == ["evil"])
                #expect(round.refusals.map(\.code) == [hostile.code])
                #expect(round.refusals.allSatisfy { !$0.reason.isEmpty })
            }
            // What the card says of bytes is what came over the wire.
            let card = try ModelCard(json: try await server.export(job).0.card)
            let bytes = Int64(try Self.schema(specification).fileBytes)
            #expect(card.lineage.flatMap(\.admitted).map(\.bytes) == [bytes, bytes, bytes, bytes])
        }
    }
}
