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

    /// Whole numbers from −127 to 127 that depend on the name and the position alone, as `hashed` of make_golden.py.
    static func hashed(_ name: String, count: Int) -> [Int] {
        let salt = name.utf8.reduce(UInt32(2_166_136_261)) { ($0 ^ UInt32($1)) &* 16_777_619 }
        return (0..<UInt32(count)).map { position in
            var x = position &* 0x9E37_79B1 &+ salt
            x = (x ^ (x >> 16)) &* 0x85EB_CA6B
            x = (x ^ (x >> 13)) &* 0xC2B2_AE35
            x ^= x >> 16
            return Int(x % 255) - 127
        }
    }

    /// An input: hashed numbers in units of 1/64.
    static func input(_ index: Int, _ shape: [Int]) -> [Float] { input("\(index)", shape) }

    static func input(_ name: String, _ shape: [Int]) -> [Float] {
        hashed("input.\(name)", count: shape.reduce(1, *)).map { Float($0) / 64 }
    }

    static func labels(count: Int, classes: Int) -> [Int] {
        hashed("labels", count: count).map { ($0 + 127) % classes }
    }

    /// Gives every parameter hashed values between plus and minus the bound of PyTorch's default, four times that in the
    /// attention.
    static func fill(_ module: any Module, hidden: Int) throws {
        let schema = try module.schema()
        var values = Weights(zeros: schema)
        for spec in schema.tensors {
            var fan = hidden
            if !spec.name.hasSuffix("_l0") {
                let owner = try #require(spec.name.range(of: ".", options: .backwards)).lowerBound
                fan = try #require(schema["\(spec.name[..<owner]).weight"]).shape.dropFirst().reduce(1, *)
            }
            let bound = (spec.name.contains("att_fc") ? 4 : 1) / Double(fan).squareRoot()
            let unit = Float(bound / 127)
            let steps = hashed(spec.name, count: spec.shape.reduce(1, *))
            try values.setFloats(spec.name, steps.map { Float($0) * unit })
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
