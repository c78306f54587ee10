import Foundation
import Testing
import Weights

@testable import Aggregation

/// A small generator for tests; the order of draws is the only state.
struct TestGenerator: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
        return (state >> 32) << 32 | (state &* 0x9E37_79B9_7F4A_7C15) >> 32
    }

    mutating func float() -> Float { Float.random(in: -1...1, using: &self) }
}

enum Fixtures {
    /// A model with every type, sizes around block boundaries, a scalar and an empty tensor.
    static func schema() throws -> WeightsSchema {
        try WeightsSchema([
            TensorSpec(name: "conv.weight", dtype: .f32, shape: [7, 13]),
            TensorSpec(name: "conv.bias", dtype: .f32, shape: [64]),
            TensorSpec(name: "scalar", dtype: .f32, shape: []),
            TensorSpec(name: "empty", dtype: .f32, shape: [0, 2]),
            TensorSpec(name: "double", dtype: .f64, shape: [33]),
            TensorSpec(name: "half", dtype: .f16, shape: [65]),
            TensorSpec(name: "brain", dtype: .bf16, shape: [31]),
            TensorSpec(name: "steps", dtype: .i64, shape: [2]),
            TensorSpec(name: "mask", dtype: .bool, shape: [5]),
        ])
    }

    static func random(_ schema: WeightsSchema, _ generator: inout TestGenerator) throws -> Weights {
        var weights = Weights(zeros: schema)
        for spec in schema.tensors {
            if spec.dtype.isFloat {
                try weights.setFloats(spec.name, (0..<spec.elementCount).map { _ in generator.float() })
            } else {
                let limit: UInt8 = spec.dtype == .bool ? 1 : 255
                try weights.withUnsafeMutableBytes(of: spec.name) { bytes in
                    for index in bytes.indices { bytes[index] = UInt8.random(in: 0...limit, using: &generator) }
                }
            }
        }
        return weights
    }

    /// A global model and the updates of some clients, with ids whose order is not the order of arrival.
    static func round(seed: UInt64, clients: Int) throws -> (global: Weights, updates: [MemoryUpdateSource]) {
        var generator = TestGenerator(state: seed)
        let global = try random(schema(), &generator)
        let updateSchema = try global.schema.updateSchema()
        let updates = try (0..<clients).map { index in
            MemoryUpdateSource(
                clientID: ["site-é", "B", "a", "site-10", "site-9", "Z\u{1F600}", "z"][index % 7] + "\(index)",
                examples: Int.random(in: 1...1_000, using: &generator),
                update: try random(updateSchema, &generator)
            )
        }
        return (global, updates)
    }
}

/// Expects an ``AggregationError`` with a code and returns its message.
@discardableResult
func expect(
    _ code: AggregationError.Code,
    sourceLocation: SourceLocation = #_sourceLocation,
    _ body: () throws -> Void
) -> String {
    do {
        try body()
        Issue.record("expected \(code), nothing was thrown", sourceLocation: sourceLocation)
    } catch let error as AggregationError {
        #expect(error.code == code, "\(error)", sourceLocation: sourceLocation)
        return error.message
    } catch {
        Issue.record("expected \(code), got \(error)", sourceLocation: sourceLocation)
    }
    return ""
}

/// Cuts a file.
func truncate(_ path: String, to size: Int) throws {
    let handle = try #require(FileHandle(forUpdatingAtPath: path))
    try handle.truncate(atOffset: UInt64(size))
    try handle.close()
}
