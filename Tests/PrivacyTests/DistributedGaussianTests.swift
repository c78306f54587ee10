import Foundation
import Testing

@testable import Privacy

/// The numbers of distributed noise against `Golden/make_distributed.py`.
@Suite("Distributed noise: the numbers")
struct DistributedGaussianTests {
    private struct Golden: Decodable {
        struct Numbers: Decodable {
            var sigma: UInt64
            var step: Double
            var limit: Int64
            var norm: Double
            var excess: Double
            var multiplier: Double
        }

        struct Row: Decodable {
            var clip: Double
            var multiplierOfSum: Double
            var cohort: Int
            var contributors: Int
            var parameters: Int
            var range: Double?
            var rounds: Int
            var delta: Double
            var plan: Numbers
            var epsilon: Double
        }

        struct Exact: Decodable {
            var sigma: Double
            var count: Int
            var order: Double
            var move: Double
            var divergence: Double
            var excess: Double
        }

        var plans: [Row]
        var exact: [Exact]

        init() throws {
            let url = try #require(
                Bundle.module.url(forResource: "distributed", withExtension: "json", subdirectory: "Golden"))
            self = try JSONDecoder().decode(Self.self, from: Data(contentsOf: url))
        }
    }

    @Test("Lattice, norm after rounding, excess and epsilon are those of the paper's formulas")
    func golden() throws {
        for row in try Golden().plans {
            let numbers = try DistributedGaussian(
                clipNorm: row.clip, noiseMultiplier: row.multiplierOfSum, cohort: row.cohort,
                contributors: row.contributors, parameters: row.parameters, range: row.range)
            #expect(numbers.sigma == row.plan.sigma && numbers.limit == row.plan.limit)
            expectClose(numbers.step, row.plan.step, 1e-12)
            expectClose(numbers.normBound, row.plan.norm, 1e-12)
            expectClose(numbers.excess, row.plan.excess, 1e-9)
            expectClose(numbers.multiplier, row.plan.multiplier, 1e-9)
            // Never better than continuous noise of the wanted multiplier.
            #expect(numbers.multiplier < row.multiplierOfSum)
            let charge = NoiseMechanism.distributed.charge(
                noiseMultiplier: numbers.multiplier, rounds: row.rounds, rate: 0.1)
            expectClose(try PrivacyLedger([charge]).epsilon(delta: row.delta, by: .rdp), row.epsilon, 1e-6)
            // The worst sum stays inside, with room for noise.
            #expect(Int64(row.cohort) * numbers.limit < Int64(Int32.max))
        }
    }

    @Test("The excess bounds what sums of discrete Gaussians lose against one: exact divergences")
    func exact() throws {
        var needed = 0
        for row in try Golden().exact {
            let excess = DistributedGaussian.excess(sigma: row.sigma, count: row.count)
            expectClose(excess, row.excess, 1e-9)
            let ratio = row.move / (Double(row.count).squareRoot() * row.sigma)
            let epsilon = min((ratio * ratio + 2 * excess).squareRoot(), ratio + excess)
            #expect(row.divergence <= row.order / 2 * epsilon * epsilon)
            if row.divergence > row.order / 2 * ratio * ratio * (1 + 1e-9) { needed += 1 }
        }
        #expect(needed > 0, "without the excess some would be too small")
    }

    @Test("What has no room is refused")
    func refused() {
        for (clip, multiplier, cohort, contributors) in [
            (1.0, 0.0, 10, 5), (1, 1, 10, 0), (1, 1, 10, 11), (-1, 1, 10, 5), (1, 1e-3, 1_000_000, 1_000_000),
        ] {
            #expect(throws: PrivacyError.self) {
                try DistributedGaussian(
                    clipNorm: clip, noiseMultiplier: multiplier, cohort: cohort, contributors: contributors,
                    parameters: 10)
            }
        }
    }
}
