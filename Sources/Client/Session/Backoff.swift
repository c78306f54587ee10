import Foundation

/// How long to wait before connecting again: short at first, doubling to a limit, with jitter so that a thousand
/// clients do not come back in step.
struct Backoff: Sendable {
    /// The first wait.
    var first: Duration = .milliseconds(100)
    /// The longest wait.
    var longest: Duration = .seconds(30)
    /// The wait after a refusal: nothing will change soon.
    var afterRefusal: Duration = .seconds(30)
    private var failures = 0

    init(first: Duration = .milliseconds(100), longest: Duration = .seconds(30), afterRefusal: Duration = .seconds(30))
    {
        self.first = first
        self.longest = longest
        self.afterRefusal = afterRefusal
    }

    /// A good session: the next wait is the first again.
    mutating func reset() {
        failures = 0
    }

    /// The next wait after an outage: `first · 2^failures`, at most `longest`, times 0.5 to 1.
    mutating func next(jitter: Double = Double.random(in: 0..<1)) -> Duration {
        let wait = min(first.seconds * Foundation.pow(2, Double(min(failures, 30))), longest.seconds)
        failures += 1
        return .seconds(wait * (0.5 + 0.5 * jitter))
    }

    /// The wait after a refusal, times 0.75 to 1.25.
    func refused(jitter: Double = Double.random(in: 0..<1)) -> Duration {
        .seconds(afterRefusal.seconds * (0.75 + 0.5 * jitter))
    }
}
