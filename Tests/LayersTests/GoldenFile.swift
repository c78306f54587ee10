import Foundation
import Tensors
import Testing
import Weights

/// One committed file of values computed by PyTorch.
struct GoldenFile {
    let weights: Weights

    init(_ name: String) throws {
        let url = try #require(
            Bundle.module.url(forResource: name, withExtension: "safetensors", subdirectory: "Golden"))
        weights = try Safetensors.decode([UInt8](Data(contentsOf: url)))
    }

    func contains(_ name: String) -> Bool {
        weights[name] != nil
    }

    func tensor(_ name: String) throws -> Tensor {
        try Tensor(#require(weights[name], "no golden tensor \(name)"))
    }

    /// What follows `prefix` in the names that start with it.
    func names(after prefix: String) -> [String] {
        weights.schema.tensors.map(\.name).filter { $0.hasPrefix(prefix) }.map { String($0.dropFirst(prefix.count)) }
    }
}

/// max|a − b| ≤ tolerance · max|b|, shapes equal.
func expectClose(
    _ found: Tensor,
    _ expected: Tensor,
    tolerance: Double = 1e-5,
    _ what: String,
    sourceLocation: SourceLocation = #_sourceLocation
) throws {
    #expect(found.shape == expected.shape, "\(what)", sourceLocation: sourceLocation)
    let a = try found.doubles()
    let b = try expected.doubles()
    try #require(a.count == b.count, sourceLocation: sourceLocation)
    let scale = b.reduce(0) { max($0, abs($1)) }
    let worst = zip(a, b).reduce(0) { max($0, abs($1.0 - $1.1)) }
    let isFinite = a.allSatisfy(\.isFinite)
    #expect(isFinite && worst <= tolerance * scale, "\(what): \(worst) of \(scale)", sourceLocation: sourceLocation)
}

extension GoldenFile {
    /// The tensors whose names start with `prefix`, without it.
    func weights(after prefix: String) throws -> Weights {
        try Weights(
            names(after: prefix).map { name in
                let tensor = try #require(weights[prefix + name])
                return (name: name, shape: tensor.spec.shape, values: try tensor.floats())
            })
    }
}
