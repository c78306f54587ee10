/// A job's `adaptiveDeadline`, read: a round's deadline learnt from how long the clients of committed rounds took.
///
/// From the first committed round on, a round's first attempt may take the `quantile` of the known clients' last times,
/// times `slack`, at least `minimum` seconds and at most the job's `deadline`. A round that is tried again has the whole
/// `deadline`: learning from those who were in time alone would otherwise never let a slower federation catch up.
///
/// | key | default |
/// |---|---|
/// | `quantile` | 0.9 |
/// | `slack` | 1.5 |
/// | `minimum` | 1 |
public struct AdaptiveDeadline: Sendable, Hashable {
    /// The share of the known clients that would have been in time without slack; from 0 to 1.
    public var quantile = 0.9
    /// What that time is multiplied with; from 1 to 100.
    public var slack = 1.5
    /// Seconds that a round may take in any case.
    public var minimum = 1.0

    /// The default numbers.
    public init() {}

    /// Reads a map.
    ///
    /// - Throws: `JobsError` with the code `invalidSpecification` that names every problem, one a line.
    public init(_ settings: Settings) throws(JobsError) {
        let (value, problems) = Self.read(settings)
        guard problems.isEmpty else {
            throw JobsError(
                code: .invalidSpecification, message: "job specification: " + problems.joined(separator: "\n"))
        }
        self = value
    }

    static func read(_ settings: Settings) -> (value: AdaptiveDeadline, problems: [String]) {
        var value = AdaptiveDeadline()
        var map = SettingsMap(settings, place: "adaptiveDeadline", main: nil)
        value.quantile = map.double("quantile", value.quantile, in: 0...1)
        value.slack = map.double("slack", value.slack, in: 1...100)
        value.minimum = map.double("minimum", value.minimum, in: 0.001...JobSpecification.maximumDeadline)
        return (value, map.finish())
    }

    /// How long a round may take, in milliseconds.
    ///
    /// The quantile is the smallest of the given times that at least this share of them does not exceed.
    ///
    /// - Parameters:
    ///   - times: of the known clients, in any order; at least one.
    ///   - most: the job's deadline, which is never exceeded.
    public func milliseconds(after times: [Int64], most: Int64) -> Int64 {
        guard !times.isEmpty else { return most }
        let sorted = times.sorted()
        let rank = Int((quantile * Double(sorted.count)).rounded(.up))
        let learnt = Double(sorted[min(sorted.count, max(1, rank)) - 1]) * slack
        // Whole milliseconds, rounded up: nobody is late for a fraction of one.
        return Int64(min(Double(most), max((minimum * 1000).rounded(.up), learnt.rounded(.up))))
    }
}

extension JobSpecification {
    /// Whether rounds depend on what earlier ones have shown of the clients.
    public var usesHistory: Bool {
        let sampling = try? SamplingSettings(clients.sampling.settings)
        return adaptiveDeadline != nil || sampling?.usesHistory ?? false
    }

    /// What is wrong with `adaptiveDeadline`.
    var adaptiveDeadlineProblems: [String] {
        guard let adaptiveDeadline else { return [] }
        let (value, problems) = AdaptiveDeadline.read(adaptiveDeadline)
        guard problems.isEmpty, value.minimum > deadline else { return problems }
        return ["adaptiveDeadline.minimum: found \(value.minimum), expected at most the deadline (\(deadline))"]
    }
}
