import Randomness
import Testing

@testable import Simulation

/// Closed forms against going through time millisecond by millisecond.
@Suite struct AvailabilityWindowTests {
    /// A window with small numbers, those that never open or close among them.
    static func window(_ stream: inout RandomStream) -> AvailabilityWindow {
        let period = 1 + stream.below(9)
        return AvailabilityWindow(
            period: Int64(period), open: Int64(stream.below(period + 1)), phase: Int64(stream.below(period)))
    }

    /// By the definition alone: counted from the phase, the first `open` of every `period`.
    static func isThere(_ window: AvailabilityWindow, _ time: Int64) -> Bool {
        var begin = window.phase
        while begin > time { begin -= window.period }
        while begin + window.period <= time { begin += window.period }
        return time - begin < window.open
    }

    @Test func allQuestionsAgreeWithGoingThroughTime() {
        var stream = RandomStream(seed: 1, purpose: "windows")
        for _ in 0..<400 {
            let window = Self.window(&stream)
            let start = Int64(stream.below(40))
            for time in start..<(start + 20) { #expect(window.isOpen(at: time) == Self.isThere(window, time)) }

            let ahead = (start + 1)...(start + 3 * window.period)
            let opening = ahead.first { Self.isThere(window, $0) && !Self.isThere(window, $0 - 1) }
            let closing = ahead.first { !Self.isThere(window, $0) && Self.isThere(window, $0 - 1) }
            #expect(window.opening(after: start) == opening, "\(window) from \(start)")
            #expect(window.closing(after: start) == closing, "\(window) from \(start)")

            let work = Int64(stream.below(25))
            var (left, time) = (work, start)
            while left > 0, window.open > 0 {
                if Self.isThere(window, time) { left -= 1 }
                time += 1
            }
            #expect(window.end(of: work, from: start) == (left > 0 ? nil : time), "\(window) from \(start): \(work)")

            let end = start + Int64(stream.below(30))
            let there = (start..<end).count { Self.isThere(window, $0) }
            #expect(window.openTime(from: start, to: end) == Int64(there), "\(window) from \(start) to \(end)")
        }
    }

    @Test func workBeyondAllTimeNeverEnds() {
        let window = AvailabilityWindow(period: 2_592_000_000, open: 1, phase: 0)
        #expect(window.end(of: AvailabilityWindow.longest, from: 5) == nil)
        #expect(window.end(of: AvailabilityWindow.longest + 1, from: 5) == nil)
        #expect(AvailabilityWindow(period: 10, open: 10, phase: 3).end(of: 1_000_000, from: 7) == 1_000_007)
    }
}
