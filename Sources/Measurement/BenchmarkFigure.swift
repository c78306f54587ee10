internal import Foundation

/// One measured figure of `tributary benchmark`: the median of its repetitions with the smallest and the largest, and
/// what the machine could do at most, measured in the same run.
public struct BenchmarkFigure: Codable, Sendable, Hashable {
    /// What was measured, in words.
    public var name: String
    /// The median.
    public var value: Double
    /// The unit of `value`, `low`, `high` and `limit`.
    public var unit: String
    /// The smallest repetition.
    public var low: Double
    /// The largest repetition.
    public var high: Double
    /// The machine's own limit in the same unit, where there is one.
    public var limit: Double?
    /// `value` over `limit`.
    public var ratio: Double?

    /// The median, smallest and largest of some repetitions.
    ///
    /// - Parameters:
    ///   - name: what was measured.
    ///   - repetitions: at least one value, in `unit`.
    ///   - unit: the unit.
    ///   - limit: the machine's own limit in the same unit.
    public init(_ name: String, _ repetitions: [Double], unit: String, limit: Double? = nil) {
        precondition(!repetitions.isEmpty, "a figure needs a repetition")
        let sorted = repetitions.sorted()
        self.name = name
        self.unit = unit
        value = sorted[sorted.count / 2]
        low = sorted[0]
        high = sorted[sorted.count - 1]
        self.limit = limit
        ratio = limit.map { sorted[sorted.count / 2] / $0 }
    }
}

extension BenchmarkFigure {
    /// The figure as a line for people.
    public var text: String {
        let column = name.padding(toLength: max(40, name.count), withPad: " ", startingAt: 0)
        var line = String(
            format: "%@ %10.2f %@  (%.2f to %.2f)", column as NSString, value, unit as NSString, low, high)
        if let limit, let ratio { line += String(format: "  limit %.2f, ratio %.2f", limit, ratio) }
        return line
    }

    /// The figure as one JSON object on one line.
    ///
    /// - Throws: when a number is not finite.
    public func json() throws -> String {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        return String(decoding: try encoder.encode(self), as: UTF8.self)
    }

    /// Prints figures on standard output: one JSON object a line, or lines for people.
    public static func show(_ figures: [BenchmarkFigure], json: Bool) throws {
        for figure in figures { print(json ? try figure.json() : figure.text) }
    }
}

/// Seconds of each of some repetitions, after one that is not counted.
public func timed(repetitions: Int, _ body: () throws -> Void) rethrows -> [Double] {
    try body()
    return try (0..<repetitions).map { _ in
        let start = ContinuousClock.now
        try body()
        return (ContinuousClock.now - start) / .seconds(1)
    }
}
