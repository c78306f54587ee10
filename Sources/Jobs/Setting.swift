/// One value of a free map (`model`, `training`, `evaluation`) that a job hands to the trainer unread.
///
/// JSON does not tell `1` from `1.0`, so a whole number may come back as `.int`; read numbers through
/// `doubleValue`, which takes both.
public enum Setting: Sendable, Hashable {
    /// true or false.
    case bool(Bool)
    /// A whole number.
    case int(Int)
    /// A number; finite in a valid job.
    case double(Double)
    /// Text.
    case string(String)
    /// A list of values.
    case list([Setting])

    /// The truth value, if it is one.
    public var boolValue: Bool? {
        if case .bool(let value) = self { value } else { nil }
    }

    /// The whole number; a `double` without a fraction counts too.
    public var intValue: Int? {
        switch self {
        case .int(let value): value
        case .double(let value): Int(exactly: value)
        default: nil
        }
    }

    /// The number, whole or not.
    public var doubleValue: Double? {
        switch self {
        case .int(let value): Double(value)
        case .double(let value): value
        default: nil
        }
    }

    /// The text, if it is one.
    public var stringValue: String? {
        if case .string(let value) = self { value } else { nil }
    }

    /// The list, if it is one.
    public var listValue: [Setting]? {
        if case .list(let value) = self { value } else { nil }
    }

    /// Whether the value and everything in it can be written as JSON, and lists nest at most eight deep.
    public var isRepresentable: Bool { isRepresentable(depth: 8) }

    private func isRepresentable(depth: Int) -> Bool {
        switch self {
        case .double(let value): value.isFinite
        case .list(let values): depth > 0 && values.allSatisfy { $0.isRepresentable(depth: depth - 1) }
        default: true
        }
    }
}

/// A free map of a job: names to values.
public typealias Settings = [String: Setting]

extension Setting: Codable {
    /// Reads whichever of the five kinds is there; null and nested maps are errors.
    public init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        if let value = try? container.decode(Bool.self) {
            self = .bool(value)
        } else if let value = try? container.decode(Int.self) {
            self = .int(value)
        } else if let value = try? container.decode(Double.self) {
            self = .double(value)
        } else if let value = try? container.decode(String.self) {
            self = .string(value)
        } else if decoder.codingPath.count < 64, let value = try? container.decode([Setting].self) {
            self = .list(value)
        } else {
            throw DecodingError.dataCorruptedError(
                in: container,
                debugDescription: "expected true, false, a number, a text or a list of these"
            )
        }
    }

    /// Writes the bare value.
    public func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        switch self {
        case .bool(let value): try container.encode(value)
        case .int(let value): try container.encode(value)
        case .double(let value): try container.encode(value)
        case .string(let value): try container.encode(value)
        case .list(let value): try container.encode(value)
        }
    }
}

extension Setting: ExpressibleByBooleanLiteral, ExpressibleByIntegerLiteral, ExpressibleByFloatLiteral,
    ExpressibleByStringLiteral, ExpressibleByArrayLiteral
{
    /// A truth value.
    public init(booleanLiteral value: Bool) { self = .bool(value) }
    /// A whole number.
    public init(integerLiteral value: Int) { self = .int(value) }
    /// A number.
    public init(floatLiteral value: Double) { self = .double(value) }
    /// Text.
    public init(stringLiteral value: String) { self = .string(value) }
    /// A list.
    public init(arrayLiteral elements: Setting...) { self = .list(elements) }
}
