import Testing

@testable import Coordinator

@Suite struct StallClockTests {
    @Test("One watch stalls; one that moves, one whose bytes are all there and one that ends do not; nothing is left")
    func watches() async throws {
        let clock = StallClock()
        let (moving, step) = AsyncStream<Void>.makeStream()
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask {
                let watch = StallWatch(limit: .seconds(3600), what: "patient", clock: clock)
                try await watch.watching { for await _ in moving { watch.moved() } }
            }
            group.addTask {
                let quick = StallWatch(limit: .milliseconds(1), what: "quick", clock: clock)
                let error = await #expect(throws: CoordinatorError.self) {
                    try await quick.watching { try await Task.sleep(for: .seconds(3600)) }
                }
                #expect(error?.code == .stalled)
                #expect(error?.message.contains("quick") == true)
                // Later ones are looked at as well, also behind one that is due much later.
                let second = StallWatch(limit: .milliseconds(1), what: "second", clock: clock)
                await #expect(throws: CoordinatorError.self) {
                    try await second.watching { try await Task.sleep(for: .seconds(3600)) }
                }
                step.yield()
                step.finish()
            }
            group.addTask {
                // What the coordinator's own disk takes is no stall.
                let whole = StallWatch(limit: .milliseconds(1), what: "whole", clock: clock)
                try await whole.watching {
                    whole.allMoved()
                    for _ in 0..<3 {
                        let other = StallWatch(limit: .milliseconds(2), what: "other", clock: clock)
                        try? await other.watching { try await Task.sleep(for: .seconds(3600)) }
                    }
                    try Task.checkCancellation()
                }
            }
            try await group.waitForAll()
        }
        #expect(clock.count == 0)
        #expect(try await StallWatch(limit: .seconds(1), what: "done", clock: clock).watching { 7 } == 7)
        #expect(clock.count == 0)
    }
}
