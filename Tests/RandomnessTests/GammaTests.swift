import Foundation
import Randomness
import Testing

@Suite struct GammaTests {
    /// Mean and variance of a gamma number of scale 1 are its shape.
    @Test(arguments: [0.3, 1.0, 4.5])
    func momentsAreTheShape(shape: Double) {
        var stream = RandomStream(seed: 4, purpose: "gamma-test")
        let count = 20_000
        let values = (0..<count).map { _ in exp(stream.logGamma(shape: shape)) }
        let mean = values.reduce(0, +) / Double(count)
        let variance = values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(count)
        // Five standard errors: the variance of the sample variance is (μ₄ − σ⁴) / n, μ₄ = 3 k² + 6 k.
        #expect(abs(mean - shape) < 5 * (shape / Double(count)).squareRoot())
        #expect(abs(variance - shape) < 5 * ((2 * shape * shape + 6 * shape) / Double(count)).squareRoot())
    }

    @Test(arguments: [1e-6, 0.1, 1, 1000])
    func dirichletPointsLieOnTheSimplex(concentration: Double) {
        var stream = RandomStream(seed: 4, purpose: "dirichlet-test")
        for _ in 0..<50 {
            let point = stream.dirichlet(concentration: concentration, count: 7)
            #expect(point.count == 7)
            #expect(point.allSatisfy { $0 >= 0 && $0 <= 1 })
            #expect(abs(point.reduce(0, +) - 1) < 1e-12)
        }
    }

    /// The variance of a coordinate is (1/K)(1 − 1/K)/(Kα + 1).
    @Test(arguments: [0.1, 1, 10])
    func concentrationDecidesTheSpread(concentration: Double) {
        var stream = RandomStream(seed: 5, purpose: "dirichlet-test")
        let count = 20_000
        let first = (0..<count).map { _ in stream.dirichlet(concentration: concentration, count: 4)[0] }
        let variance = first.reduce(0) { $0 + ($1 - 0.25) * ($1 - 0.25) } / Double(count)
        let expected = 0.25 * 0.75 / (4 * concentration + 1)
        #expect(abs(variance / expected - 1) < 0.08)
    }
}
