import Jobs
import Randomness
import Testing

@testable import Simulation

@Suite struct SimulatedTimeTests {
    private func time(_ settings: Settings, clients: Int) throws -> SimulatedTime {
        let clock = VirtualClock(try ClockSettings(settings), seed: 8, epochs: 1, bytesDown: 100, bytesUp: 10)
        // Every fifth may not be drawn.
        return SimulatedTime(clock, clients: (0..<clients).map { ("client-\($0)", $0 % 5 != 4) })
    }

    @Test(arguments: [0.0, 0.3, 1.0]) func theNextQuorumIsTheFirstInstantWithEnoughClients(phaseSpread: Double) throws {
        var time = try time(
            [
                "period": 0.2, "onShare": 0.4, "onShareLaw": "beta", "onShareSpread": 0.2,
                "phaseSpread": .double(phaseSpread),
            ], clients: 20)
        func present(_ time: SimulatedTime, _ instant: Int64) -> Int {
            time.clients.count { $0.isTrainer && $0.window?.isOpen(at: instant) ?? true }
        }
        for now in stride(from: 0, to: 400, by: 7) as StrideTo<Int64> {
            time.now = now
            for quorum in [1, 5, 9, 13, 16, 17] {
                let expected = ((now + 1)...(now + 200)).first {
                    present(time, $0) >= quorum && present(time, $0) != present(time, $0 - 1)
                }
                let found = time.nextQuorum(of: quorum)
                if present(time, now) < quorum {
                    #expect(found == expected, "quorum \(quorum) after \(now)")
                }
            }
        }
    }

    @Test func changesAreToldOnce() throws {
        var time = try time(["period": 100, "onShare": 0.5], clients: 12)
        let first = time.takeChanges()
        #expect(first.gone == [])
        #expect(!first.come.isEmpty && first.come.count < 12)
        #expect(time.takeChanges().come == [])
        time.now = 50_000
        let second = time.takeChanges()
        #expect(Set(second.gone).isSubset(of: first.come))
        #expect(Set(second.come).isDisjoint(with: first.come))
        let ready = time.clients.indices.filter { time.clients[$0].isReady }
        #expect(ready == time.clients.indices.filter { time.clients[$0].window?.isOpen(at: 50_000) ?? true })
    }

    @Test func aRoundsTasksAreCountedForWhatBecameOfThem() throws {
        func task(_ training: Int64, dropAfter: Int64? = nil, start: Int64 = 0) -> VirtualTask {
            VirtualTask(
                start: start, deadline: start + 1000, down: 100, training: training, up: 100, bytesDown: 1000,
                bytesUp: 10, dropAfter: dropAfter, window: nil)
        }
        var time = try time([:], clients: 3)
        // An attempt that fails at its deadline.
        time.begin(task(300), at: "in time")
        time.begin(task(5000), at: "late")
        time.begin(task(300, dropAfter: 50), at: "dropped")
        time.begin(task(5000, dropAfter: 2000), at: "would drop")
        time.answered("in time")
        time.now = 1000
        time.fail()
        // One that ends before it.
        time.begin(task(400, start: 1000), at: "used")
        time.begin(task(400, start: 1000), at: "refused")
        time.begin(task(700, start: 1000), at: "slow")
        time.answered("used")
        time.answered("refused")
        time.noteTraining()
        time.now = 1600
        time.close(used: ["used"])
        let figures = time.takeFigures()
        #expect((figures.time, figures.seconds) == (1.6, 1.6))
        #expect((figures.failedAttempts, figures.tasks, figures.trained) == (1, 7, 1))
        #expect((figures.late, figures.dropped, figures.cancelled) == (2, 1, 1))
        #expect(figures.clientSeconds == 4.35)
        #expect(figures.wastedSeconds == 3.75)
        #expect(figures.bytesDown == 6 * 1000 + 500)
        #expect(figures.bytesUp == 10 + 2 * 10)
        #expect(figures.wastedBytes == 5 * 1000 + 500 + 2 * 10)
        time.now = 2000
        let next = time.takeFigures()
        #expect((next.time, next.seconds, next.tasks) == (2, 0.4, 0))
        let total = try #require(ClockFigures.total([figures, next]))
        #expect((total.time, total.seconds, total.tasks, total.late) == (2, 2, 7, 2))
        #expect(ClockFigures.total([]) == nil)
    }
}
