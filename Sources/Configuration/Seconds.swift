/// A length of time, written as a number of seconds: `600`, `0.5`; at least 0 and at most 10 years.
public struct Seconds: Sendable, Hashable, Comparable, Codable, CustomStringConvertible {
    /// The number of seconds.
    public var value: Double

    /// The longest time, 10 years.
    public static let maximum = 315_360_000.0

    /// Creates a length of time; it is held between 0 and `maximum`, and what is not a number becomes 0.
    public init(_ value: Double) {
        self.value = value.isNaN ? 0 : min(max(0, value), Self.maximum)
    }

    /// In whole milliseconds, rounded.
    public var milliseconds: Int64 { Int64((value * 1000).rounded()) }

    /// As the standard library's type.
    public var duration: Duration { .milliseconds(milliseconds) }

    /// Shorter comes first.
    public static func < (left: Seconds, right: Seconds) -> Bool { left.value < right.value }

    /// "600 s".
    public var description: String { value == value.rounded() ? "\(Int(value)) s" : "\(value) s" }

    /// Reads a number of seconds.
    public init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        let number = try container.decode(Double.self)
        guard number >= 0, number <= Self.maximum else {
            throw DecodingError.dataCorruptedError(
                in: container, debugDescription: "found \(number), expected 0 to \(Int(Self.maximum)) seconds")
        }
        value = number
    }

    /// Writes the number of seconds.
    public func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(value)
    }
}
