import Datasets
import Foundation
import Jobs
import Randomness
import Testing

@testable import Simulation

@Suite struct ClockSettingsTests {
    @Test func anEmptyClockIsInstantAndReliable() throws {
        let clock = VirtualClock(try ClockSettings([:]), seed: 8, epochs: 3, bytesDown: 1 << 30, bytesUp: 1 << 30)
        let task = clock.task(client: "a", examples: 500, round: 2, attempt: 1, start: 70, deadline: 100)
        #expect(task.finish == 70)
        #expect(task.drop == nil)
        #expect(clock.window(of: "a") == nil)
    }

    @Test(
        "A wrong map is refused with its key",
        arguments: [
            (["secondsPerExmple": 1], "clock: unknown key 'secondsPerExmple': did you mean 'secondsPerExample'?"),
            (["secondsPerExample": -1], "clock.secondsPerExample: found -1, expected a number in 0.0...1000000.0"),
            (["secondsPerExample": "fast"], "clock.secondsPerExample: found 'fast'"),
            (
                ["secondsPerExample": [1, "x"]],
                "clock.secondsPerExample: found a list of 2, expected 1 to 1000 numbers"
            ),
            (["secondsPerExample": []], "clock.secondsPerExample: found a list of 0"),
            (["downMegabitsPerSecond": 0], "clock.downMegabitsPerSecond: found 0"),
            (["speedLaw": "pareto"], "clock.speedLaw: found it without clock.secondsPerExample"),
            (
                ["secondsPerExample": 1, "speedLaw": "lognormal"],
                "clock.speedLaw: unknown value 'lognormal': did you mean 'log-normal'?"
            ),
            (
                ["secondsPerExample": 1, "speedSpread": 0.5],
                "clock.speedSpread: found it, but clock.speedLaw is constant, which has no spread"
            ),
            (
                ["secondsPerExample": 1, "speedLaw": "exponential", "speedSpread": 0.5],
                "clock.speedSpread: found it, but clock.speedLaw is exponential"
            ),
            (
                ["secondsPerExample": 1, "speedLaw": "pareto", "speedSpread": 1],
                "clock.speedSpread: found 1, expected a number in 0.0...0.99"
            ),
            (["dropOut": 1.5], "clock.dropOut: found 1.5"),
            (["dropOutLaw": "beta"], "clock.dropOutLaw: found it without clock.dropOut"),
            (
                ["dropOut": 0.1, "dropOutLaw": "uniform", "dropOutSpread": 0.2],
                "clock.dropOutSpread: found 0.2 around a mean of 0.1, expected both ends in 0...1"
            ),
            (
                ["dropOut": 0.1, "dropOutLaw": "beta", "dropOutSpread": 0.4],
                "clock.dropOutSpread: found 0.4 around a mean of 0.1, expected less than"
            ),
            (["dropOutReported": 1], "clock.dropOutReported: found 1, expected true or false"),
            (["onShare": 0.5], "clock.onShare: found it without clock.period"),
            (["period": 60, "phaseSpread": 2], "clock.phaseSpread: found 2"),
            (["period": -1], "clock.period: found -1"),
            (["seed": -1], "clock.seed: found -1"),
        ] as [(Settings, String)])
    func refusals(settings: Settings, message: String) throws {
        let error = #expect(throws: SimulationError.self) { try ClockSettings(settings) }
        #expect(error?.code == .job)
        #expect(error?.message.hasPrefix(message) == true, "\(error?.message ?? "")")
    }

    private func draws(_ settings: Settings, count: Int = 200_000) throws -> [Double] {
        let quantity = try ClockSettings(settings).secondsPerExample
        var stream = RandomStream(seed: 8, purpose: "test")
        return (0..<count).map { _ in quantity.draw(&stream) }
    }

    @Test(
        "Every law keeps its mean",
        arguments: [
            ["speedLaw": "constant"], ["speedLaw": "uniform", "speedSpread": 1],
            ["speedLaw": "log-normal", "speedSpread": 0.8], ["speedLaw": "exponential"],
            ["speedLaw": "pareto", "speedSpread": 0.3],
        ] as [Settings])
    func means(law: Settings) throws {
        let values = try draws(law.merging(["secondsPerExample": 2.5]) { $1 })
        #expect(abs(values.reduce(0, +) / Double(values.count) - 2.5) < 0.02)
        #expect(values.allSatisfy { $0 >= 0 })
    }

    @Test func lawsHaveTheirShapes() throws {
        let uniform = try draws(["secondsPerExample": 2, "speedLaw": "uniform", "speedSpread": 0.25])
        #expect(uniform.allSatisfy { (1.5...2.5).contains($0) })
        #expect(abs(Double(uniform.count { $0 < 1.75 }) / 200_000 - 0.25) < 0.005)

        let logs = try draws(["secondsPerExample": 2, "speedLaw": "log-normal", "speedSpread": 0.8]).map { log($0) }
        let mean = logs.reduce(0, +) / 200_000
        let deviation = (logs.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / 200_000).squareRoot()
        #expect(abs(mean - (log(2) - 0.32)) < 0.01)
        #expect(abs(deviation - 0.8) < 0.01)

        // P(X > x) = (m / x)^shape with m = mean · (1 − s), shape = 1/s.
        let pareto = try draws(["secondsPerExample": 2, "speedLaw": "pareto", "speedSpread": 0.5])
        #expect(pareto.allSatisfy { $0 >= 1 })
        for x in [1.5, 3, 6] {
            #expect(abs(Double(pareto.count { $0 > x }) / 200_000 - 1 / (x * x)) < 0.005)
        }

        let exponential = try draws(["secondsPerExample": 2, "speedLaw": "exponential"])
        #expect(abs(Double(exponential.count { $0 > 4 }) / 200_000 - exp(-2)) < 0.005)

        let list = try draws(["secondsPerExample": [1, 1, 5]], count: 30_000)
        #expect(Set(list) == [1, 5])
        #expect(abs(Double(list.count { $0 == 5 }) / 30_000 - 1.0 / 3) < 0.01)
    }

    @Test func ratesOfClientsHaveTheGivenMeanAndDeviation() throws {
        for law in ["uniform", "beta"] as [Setting] {
            let rate = try ClockSettings(["dropOut": 0.3, "dropOutLaw": law, "dropOutSpread": 0.2]).dropOut
            var stream = RandomStream(seed: 8, purpose: "test")
            let values = (0..<100_000).map { _ in rate.draw(&stream) }
            let mean = values.reduce(0, +) / 100_000
            let variance = values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / 100_000
            #expect(abs(mean - 0.3) < 0.005)
            // The uniform law's spread is its half width.
            #expect(abs(variance.squareRoot() - (law == "beta" ? 0.2 : 0.2 / 3.0.squareRoot())) < 0.005)
        }
    }
}
