/// When one client is there: the first `open` milliseconds of every period, counted from its phase, for ever.
///
/// Work stands still outside the windows and goes on in the next. Times are milliseconds of simulated time, not negative.
struct AvailabilityWindow: Sendable, Hashable {
    /// The length of a period, at least 1.
    let period: Int64
    /// How much of it the client is there, 0...period.
    let open: Int64
    /// When its periods begin, 0..<period.
    let phase: Int64

    /// What takes longer never ends: 1e15 ms, over 30,000 years.
    static let longest: Int64 = 1_000_000_000_000_000

    /// A window; the numbers are brought into their ranges.
    init(period: Int64, open: Int64, phase: Int64) {
        self.period = max(1, period)
        self.open = min(max(0, open), self.period)
        self.phase = min(max(0, phase), self.period - 1)
    }

    /// The time since the last period began.
    private func offset(_ time: Int64) -> Int64 {
        let rest = (time - phase) % period
        return rest < 0 ? rest + period : rest
    }

    /// Whether the client ever comes and goes.
    private var changes: Bool { open > 0 && open < period }

    /// Whether the client is there.
    func isOpen(at time: Int64) -> Bool { offset(time) < open }

    /// The first coming after `time`; nil for a client that never or always is there.
    func opening(after time: Int64) -> Int64? {
        changes ? time + period - offset(time) : nil
    }

    /// The first leaving after `time`; nil for a client that never or always is there.
    func closing(after time: Int64) -> Int64? {
        guard changes else { return nil }
        let offset = offset(time)
        return time + open - offset + (offset < open ? 0 : period)
    }

    /// When so much work is done that begins at `time`; nil for never.
    func end(of work: Int64, from time: Int64) -> Int64? {
        if work <= 0 { return time }
        guard open > 0, work <= Self.longest else { return nil }
        let offset = offset(time)
        let rest = max(0, open - offset)
        if work <= rest { return time + work }
        let left = work - rest
        let whole = (left - 1) / open
        guard whole <= Self.longest / period else { return nil }
        return time + (period - offset) + whole * period + (left - whole * open)
    }

    /// How much of the time from `start` to `end` the client is there.
    func openTime(from start: Int64, to end: Int64) -> Int64 {
        func before(_ time: Int64) -> Int64 {
            let offset = offset(time)
            return (time - phase - offset) / period * open + min(offset, open)
        }
        return max(0, before(end) - before(start))
    }
}
