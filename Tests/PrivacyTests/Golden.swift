import Foundation
import Testing

/// The values of `Golden/make_golden.py`.
struct Golden: Decodable {
    struct Renyi: Decodable, Sendable, CustomTestStringConvertible {
        var sigma: Double
        var rate: Double
        var steps: Int
        var delta: Double
        var fixedRate: Double
        var poisson: Double
        var fixed: Double
        var orders: [Double?]
        var testDescription: String { "sigma \(sigma) rate \(rate) steps \(steps) delta \(delta)" }
    }

    struct Loss: Decodable, Sendable, CustomTestStringConvertible {
        var sigma: Double
        var rate: Double
        var steps: Int
        var delta: Double
        var epsilon: Double
        var prv: [Double]?
        var testDescription: String { "sigma \(sigma) rate \(rate) steps \(steps) delta \(delta)" }
    }

    struct Mixed: Decodable {
        var renyi: Double
        var loss: Double
    }

    struct Tree: Decodable {
        var sigma: Double
        var steps: Int
        var delta: Double
        var epsilon: Double
    }

    struct Sensitivity: Decodable {
        var steps: Int
        var gap: Int
        var squared: Int
    }

    struct Discrete: Decodable {
        var sigma: UInt64
        var probabilities: [Double]
    }

    struct Plan: Decodable {
        var poisson: Double
        var fixed: Double
    }

    var renyi: [Renyi]
    var loss: [Loss]
    var mixed: Mixed
    var trees: [Tree]
    var sensitivities: [Sensitivity]
    var discreteGaussian: [Discrete]
    var plan: Plan

    static let values: Golden = {
        guard
            let url = Bundle.module.url(forResource: "accountants", withExtension: "json", subdirectory: "Golden"),
            let data = try? Data(contentsOf: url), let golden = try? JSONDecoder().decode(Golden.self, from: data)
        else { fatalError("Golden/accountants.json is not there or has another form") }
        return golden
    }()
}

/// |found − expected| ≤ tolerance · |expected|.
func expectClose(
    _ found: Double, _ expected: Double, _ tolerance: Double = 1e-3, _ what: String = "",
    sourceLocation: SourceLocation = #_sourceLocation
) {
    #expect(
        abs(found - expected) <= tolerance * abs(expected), "\(what): found \(found), expected \(expected)",
        sourceLocation: sourceLocation)
}
