/// Which metric says that one round is better than another: a metric's name, with "-" before it when lower is better.
public struct MetricSelector: Sendable, Hashable, Codable, CustomStringConvertible {
    /// The metric's name as `Metrics.derive` gives it.
    public var metric: String
    /// Whether a lower value is better.
    public var lowerIsBetter: Bool

    /// Reads "macroF1" or "-loss".
    public init(_ text: String) {
        lowerIsBetter = text.hasPrefix("-")
        metric = lowerIsBetter ? String(text.dropFirst()) : text
    }

    /// Whether `candidate` is strictly better than `incumbent`; anything finite beats nothing, and a value that is not
    /// finite beats nothing.
    public func isBetter(_ candidate: Double, than incumbent: Double?) -> Bool {
        guard candidate.isFinite else { return false }
        guard let incumbent else { return true }
        return lowerIsBetter ? candidate < incumbent : candidate > incumbent
    }

    /// The best of the evaluated rounds, the earliest among equals; nil when none has the metric.
    public func best(of rounds: [Int: [String: Double]]) -> Int? {
        var best: (round: Int, value: Double)?
        for (round, metrics) in rounds.sorted(by: { $0.key < $1.key }) {
            if let value = metrics[metric], isBetter(value, than: best?.value) { best = (round, value) }
        }
        return best?.round
    }

    /// The text it was read from.
    public var description: String { (lowerIsBetter ? "-" : "") + metric }

    /// Reads the text form.
    public init(from decoder: any Decoder) throws {
        self.init(try decoder.singleValueContainer().decode(String.self))
    }

    /// Writes the text form.
    public func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(description)
    }
}
