import Foundation
import Testing

@testable import Privacy

@Suite("Mechanisms")
struct MechanismTests {
    let secret: PrivacySecret

    init() throws { secret = try PrivacySecret(bytes: (0..<32).map { UInt8($0 &* 7) }) }

    @Test("A clipped norm is never above the bound")
    func flat() {
        #expect(FlatClipping.factor(norm: 0.5, bound: 1) == 1)
        #expect(FlatClipping.factor(norm: 1, bound: 1) == 1)
        #expect(FlatClipping.factor(norm: .nan, bound: 1) == 0)
        #expect(FlatClipping.factor(norm: .infinity, bound: 1) == 0)
        for norm in [1.0000001, 3, 7.3, 1e9] { #expect(FlatClipping.factor(norm: norm, bound: 1) * norm <= 1) }
    }

    @Test("The clipping norm finds the quantile of the norms")
    func quantile() throws {
        let clipping = try QuantileClipping(quantile: 0.5, rate: 0.2, countDeviation: 5)
        // Norms spread evenly over 2 to 4: the median is 3.
        let norms = (0..<100).map { 2 + 0.02 * Double($0) }
        var bound = 0.1
        for round in 0..<150 {
            bound = clipping.next(
                norm: bound, within: norms.count { $0 <= bound }, updates: 100, expected: 100,
                noise: secret.stream(purpose: "count", round: round).normal())
        }
        #expect(abs(bound - 3) < 0.2)
        // Both releases together cost what one with the multiplier z does: 1/z² = 1/z'² + 1/(2σ_b)².
        let multiplier = try clipping.updateMultiplier(total: 1)
        #expect(abs(1 / (multiplier * multiplier) + 1.0 / 100 - 1) < 1e-12)
        #expect(throws: PrivacyError.self) { try clipping.updateMultiplier(total: 10) }
    }

    @Test("The noise of the tree's steps adds up to the noise of the prefix")
    func tree() {
        let tree = TreeNoise(secret)
        let total = 21
        var sums = [Double](repeating: 0, count: 3000)
        for round in 0..<total {
            sums.withUnsafeMutableBufferPointer {
                tree.addIncrement(round: round, tensor: 0, start: 0, deviation: 1, to: $0)
            }
        }
        let nodes = TreeNoise.nodes(prefix: total)
        #expect(nodes.map(\.level) == [4, 2, 0] && nodes.map(\.index) == [0, 4, 20])
        var prefix = [Double](repeating: 0, count: 3000)
        prefix.withUnsafeMutableBufferPointer { buffer in
            for node in nodes {
                secret.stream(purpose: TreeNoise.purpose, round: node.index, attempt: node.level).addNormals(
                    tensor: 0, start: 0, deviation: 1, to: buffer)
            }
        }
        #expect(zip(sums, prefix).allSatisfy { abs($0 - $1) < 1e-12 })
        // Three nodes: variance 3, where independent noise every round would have 21.
        let variance = sums.reduce(0) { $0 + $1 * $1 } / 3000
        #expect(abs(variance - 3) < 5 * 3 * (2.0 / 3000).squareRoot())
    }

    @Test("Private cohorts: sizes, repeats, and shares of clients")
    func sampling() {
        let sampling = PrivateSampling(secret)
        let names = (0..<40).map { "client-\(10 + $0)" }
        var counts = [String: Int]()
        var sizes = 0
        for round in 0..<400 {
            let fixed = sampling.fixed(round: round, attempt: 0, of: names, count: 10)
            #expect(fixed.count == 10 && fixed == fixed.sorted() && Set(fixed).count == 10)
            for name in fixed { counts[name, default: 0] += 1 }
            sizes += sampling.poisson(round: round, attempt: 0, of: names, rate: 0.25).count
        }
        // Each is drawn 100 times on average, with a deviation of 8.7.
        #expect(names.allSatisfy { abs(counts[$0, default: 0] - 100) < 44 })
        #expect(abs(Double(sizes) / 400 - 10) < 5 * (40 * 0.25 * 0.75 / 400).squareRoot())
        #expect(
            sampling.fixed(round: 5, attempt: 0, of: names, count: 10)
                != sampling.fixed(round: 5, attempt: 1, of: names, count: 10))
        #expect(sampling.fixed(round: 5, attempt: 0, of: names, count: 99) == names)
        let groups = names.map { sampling.group(of: $0, groups: 4) }
        #expect(groups == names.map { sampling.group(of: $0, groups: 4) } && Set(groups) == [0, 1, 2, 3])
    }
}
