import Jobs
import Testing

@testable import Simulation

@Suite struct VirtualClockTests {
    private func clock(_ settings: Settings, seed: UInt64 = 8) throws -> VirtualClock {
        VirtualClock(try ClockSettings(settings), seed: seed, epochs: 2, bytesDown: 1_000_000, bytesUp: 500_000)
    }

    private func task(_ clock: VirtualClock, _ client: String = "a", round: Int = 0, attempt: Int = 0) -> VirtualTask {
        clock.task(client: client, examples: 50, round: round, attempt: attempt, start: 1000, deadline: 60_000)
    }

    @Test func aTaskTakesWhatItsPartsTake() throws {
        let task = task(
            try clock([
                "secondsPerExample": 0.01, "downMegabitsPerSecond": 8, "upMegabitsPerSecond": 2, "latencySeconds": 0.5,
            ]))
        // 1 MB at 8 Mbit/s, 50 examples twice, 0.5 MB at 2 Mbit/s, and half a second before each transfer.
        #expect((task.down, task.training, task.up) == (1500, 1000, 2500))
        #expect(task.finish == 6000)
        #expect(task.work(until: 3000) == 2000)
        #expect(task.work(until: 9000) == 5000)
        #expect(task.bytes(until: 1000) == (0, 0))
        #expect(task.bytes(until: 1750) == (500_000, 0))
        #expect(task.bytes(until: 3000) == (1_000_000, 0))
        #expect(task.bytes(until: 4750) == (1_000_000, 250_000))
        #expect(task.bytes(until: 9000) == (1_000_000, 500_000))
    }

    @Test func workStandsStillWhileTheClientIsAway() {
        let task = VirtualTask(
            start: 0, deadline: 1000, down: 0, training: 25, up: 0, bytesDown: 7, bytesUp: 9, dropAfter: nil,
            window: AvailabilityWindow(period: 100, open: 10, phase: 0))
        #expect(task.finish == 205)
        #expect(task.work(until: 150) == 20)
        #expect(task.bytes(until: 204) == (7, 0))
        #expect(task.bytes(until: 205) == (7, 9))
        let dropped = VirtualTask(
            start: 0, deadline: 1000, down: 0, training: 25, up: 0, bytesDown: 7, bytesUp: 9, dropAfter: 12,
            window: AvailabilityWindow(period: 100, open: 10, phase: 0))
        #expect(dropped.finish == nil)
        #expect(dropped.drop == 102)
        #expect(dropped.work(until: 999) == 12)
        #expect(dropped.bytes(until: 999) == (7, 0))
    }

    @Test func drawsBelongToTheirClientRoundAndAttempt() throws {
        let settings: Settings = [
            "secondsPerExample": 0.01, "speedLaw": "log-normal", "downMegabitsPerSecond": 8, "downLaw": "uniform",
            "taskSpread": 0.3, "dropOut": 0.5, "period": 100, "onShare": 0.5,
        ]
        let clock = try clock(settings)
        let first = task(clock)
        #expect(task(try self.clock(settings)) == first)
        #expect(task(clock, "b").training != first.training)
        #expect(task(clock, "b").down != first.down)
        // Bandwidth and hours are the client's for good, its luck and load are the task's.
        for other in [task(clock, round: 1), task(clock, attempt: 1)] {
            #expect(other.down == first.down)
            #expect(other.window == first.window)
            #expect(other.training != first.training)
        }
        #expect(task(try self.clock(settings, seed: 9)).training != first.training)
        let own = settings.merging(["seed": 3]) { $1 }
        #expect(try task(self.clock(own, seed: 8)) == task(self.clock(own, seed: 9)))
        #expect(clock.window(of: "a")?.open == 50_000)
    }

    @Test func dropOutsComeAsOftenAsTheyAreSetTo() throws {
        let clock = try clock(["secondsPerExample": 0.01, "dropOut": 0.3])
        let tasks = (0..<20_000).map { task(clock, "client-\($0 % 50)", round: $0 / 50) }
        let moments = tasks.compactMap(\.dropAfter)
        #expect(abs(Double(moments.count) / 20_000 - 0.3) < 0.01)
        #expect(moments.allSatisfy { (0..<1000).contains($0) })
        #expect(abs(Double(moments.reduce(0, +)) / Double(moments.count) - 500) < 15)
        #expect(tasks.allSatisfy { ($0.finish == nil) == ($0.dropAfter != nil) })
    }

    @Test func aPhaseSpreadOfNothingPutsAllHoursTogether() throws {
        let together = try clock(["period": 100, "onShare": 0.25, "phaseSpread": 0])
        let apart = try clock(["period": 100, "onShare": 0.25])
        let names = (0..<500).map { "client-\($0)" }
        #expect(Set(names.map { together.window(of: $0)?.phase }) == [0])
        let phases = names.compactMap { apart.window(of: $0)?.phase }
        #expect(abs(phases.count { $0 < 25_000 } - 125) < 40)
        #expect(phases.allSatisfy { (0..<100_000).contains($0) })
    }
}
