import Randomness
import Testing

/// Values from NumPy 2.4.6, printed by `Golden/make_legacy.py`.
///
/// Uniform numbers and orders are exact; where `log` and `pow` of the C library enter, the last bits may differ.
@Suite struct LegacyRandomStateTests {
    static func isClose(_ found: [Double], _ expected: [Double]) -> Bool {
        found.count == expected.count && zip(found, expected).allSatisfy { abs($0 - $1) <= 1e-12 * abs($1) }
    }

    @Test(arguments: [
        (UInt32(0), [0.5488135039273248, 0.7151893663724195, 0.6027633760716439]),
        (UInt32(2), [0.43599490214200376, 0.025926231827891333, 0.5496624778787091]),
        (UInt32(8), [0.8734294027918162, 0.968540662820932, 0.86919454021392]),
        (UInt32.max, [0.0976320289940138, 0.9123828453026218, 0.78903530185164]),
    ])
    func uniformNumbers(seed: UInt32, expected: [Double]) {
        var state = LegacyRandomState(seed: seed)
        #expect((0..<3).map { _ in state.random() } == expected)
    }

    @Test func theStateTwistsAgain() {
        var state = LegacyRandomState(seed: 5)
        for _ in 0..<1000 { _ = state.random() }
        #expect([state.random(), state.random()] == [0.7162461489862848, 0.6438098336926286])
    }

    @Test func orders() {
        var order = Array(0..<10)
        var state = LegacyRandomState(seed: 8)
        state.shuffle(&order)
        #expect(order == [8, 6, 9, 0, 2, 5, 7, 1, 4, 3])
        state = LegacyRandomState(seed: 0)
        #expect(state.permutation(10) == [2, 8, 4, 9, 1, 6, 7, 3, 0, 5])
        state = LegacyRandomState(seed: 7)
        #expect(state.permutation(1000).prefix(10) == [778, 334, 271, 802, 216, 408, 812, 94, 487, 170])
        #expect(state.permutation(0) == [])
    }

    @Test func nothingIsDrawnForOneElement() {
        var state = LegacyRandomState(seed: 8)
        #expect(state.permutation(1) == [0])
        #expect(state.interval(0) == 0)
        #expect(state.random() == 0.8734294027918162)
    }

    @Test func normalAndExponentialNumbers() {
        var state = LegacyRandomState(seed: 3)
        #expect(
            Self.isClose(
                (0..<5).map { _ in state.standardNormal() },
                [
                    1.7886284734303186, 0.43650985051198943, 0.09649746807200862, -1.8634927033644908,
                    -0.27738820251439905,
                ]))
        state = LegacyRandomState(seed: 3)
        #expect(
            Self.isClose(
                (0..<4).map { _ in state.standardExponential() },
                [0.8002823868824798, 1.2315078467403449, 0.3437654016911953, 0.7150403060288149]))
    }

    @Test(arguments: [
        (0.0, [0.0, 0.0, 0.0, 0.0]),
        (0.1, [3.624324642816645e-08, 0.00045484058290357223, 0.0001716317914152988, 1.163015081361409e-19]),
        (0.7, [0.3565631125753036, 0.301365467619461, 0.0019728025514186977, 2.7712025945106014]),
        (1.0, [0.19877988169375413, 0.019667382759511447, 0.6221642067711126, 1.290743952689674]),
        (1.5, [4.2600903352865345, 0.8841489933810017, 1.1577411030722384, 0.8543603475830267]),
        (5.0, [9.55791778512223, 4.075556228312695, 4.648792690362992, 4.009678878333094]),
        (100.0, [118.17209358280786, 96.83790096041687, 99.58398144160176, 96.50961825529399]),
    ])
    func gammaNumbers(shape: Double, expected: [Double]) {
        var state = LegacyRandomState(seed: 11)
        #expect(Self.isClose((0..<4).map { _ in state.standardGamma(shape: shape) }, expected))
    }

    @Test(arguments: [
        (
            UInt32(8), Array(repeating: 0.1, count: 5),
            [
                0.5103876283806337, 0.4861742554939529, 9.206923926798265e-07, 0.0004315578712547709,
                0.003005637561765987,
            ]
        ),
        (
            UInt32(8), Array(repeating: 5.0, count: 5),
            [0.18967318669617741, 0.2901081606884123, 0.0622734122046217, 0.08834886281832034, 0.3695963775924683]
        ),
        (
            UInt32(9), [0.5, 1.0, 2.0, 0.05],
            [5.725498843629984e-05, 0.3642729053672837, 0.6356698396442801, 1.6506676042113853e-22]
        ),
    ])
    func dirichletPoints(seed: UInt32, concentrations: [Double], expected: [Double]) {
        var state = LegacyRandomState(seed: seed)
        #expect(Self.isClose(state.dirichlet(concentrations), expected))
    }

    /// A spare normal number survives draws of other kinds, and is used by the gamma numbers.
    @Test func mixedDraws() {
        var state = LegacyRandomState(seed: 21)
        let found = [state.standardNormal(), state.random(), state.standardNormal(), state.standardGamma(shape: 2.5)]
        #expect(
            Self.isClose(found, [-0.051964249505532176, 0.7209663468312298, -0.11119605035442469, 2.0091723999473845]))
        #expect(state.permutation(4) == [3, 2, 1, 0])
        #expect(state.random() == 0.1746807625112753)
    }
}
