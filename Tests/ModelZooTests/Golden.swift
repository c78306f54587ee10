import Foundation
import Layers
import Tensors
import Testing
import Weights

/// A file of golden values made by `Golden/make_golden.py`.
struct Golden {
    let weights: Weights

    init(_ name: String) throws {
        let url = try #require(
            Bundle.module.url(forResource: name, withExtension: "safetensors", subdirectory: "Golden"))
        weights = try SafetensorsFile(path: url.path).read()
    }

    func floats(_ name: String) throws -> [Float] { try weights.floats(name) }

    func integers(_ name: String) throws -> [Int] { try weights.integers(name).map { Int($0) } }

    func shape(_ name: String) throws -> [Int] { try #require(weights.schema[name]).shape }

    func tensor(_ name: String) throws -> Tensor { try Tensor(#require(weights[name])) }

    func has(_ name: String) -> Bool { weights.schema[name] != nil }

    /// The golden parameters: steps of a grid, stored with 128 added, times the grid's unit.
    func load(into module: any Module) throws {
        let schema = try module.schema()
        var values = Weights(zeros: schema)
        for spec in schema.tensors {
            try #require(shape("weight.\(spec.name)") == spec.shape, "\(spec.name)")
            let unit = try floats("grid.\(spec.name)")[0]
            let steps = try weights.withUnsafeBytes(of: "weight.\(spec.name)") { $0.map { Float(Int($0) - 128) } }
            try values.setFloats(spec.name, steps.map { $0 * unit })
        }
        try module.load(values)
    }
}

/// max|a − b| ≤ tolerance · max|b|.
func expectClose(
    _ found: [Float], _ expected: [Float], _ tolerance: Float, _ what: String = "",
    sourceLocation: SourceLocation = #_sourceLocation
) {
    #expect(found.count == expected.count, "\(what)", sourceLocation: sourceLocation)
    let worst = zip(found, expected).map { abs($0 - $1) }.max() ?? 0
    let scale = expected.map { abs($0) }.max() ?? 0
    #expect(worst <= tolerance * scale, "\(what): \(worst) of \(scale)", sourceLocation: sourceLocation)
}
