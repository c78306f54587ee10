/// A number of bytes, written as "512MiB", "1GiB", "4 GB" or a plain number of bytes.
///
/// `KiB`, `MiB`, `GiB`, `TiB` are powers of 1024; `kB` (`KB`), `MB`, `GB`, `TB` powers of 1000; `B` is one. A fraction
/// is allowed before a unit ("1.5GiB") and the result is rounded down.
public struct ByteCount: Sendable, Hashable, Comparable, Codable, CustomStringConvertible {
    /// The number of bytes, at least 0.
    public var bytes: Int

    /// Creates a count; negative numbers become 0.
    public init(_ bytes: Int) { self.bytes = max(0, bytes) }

    /// A count of 1024³ bytes each.
    public static func gibibytes(_ count: Int) -> ByteCount { ByteCount(count << 30) }

    /// A count of 1024² bytes each.
    public static func mebibytes(_ count: Int) -> ByteCount { ByteCount(count << 20) }

    private static let units: [String: Double] = [
        "": 1, "b": 1, "kib": 1024, "mib": 1_048_576, "gib": 1_073_741_824, "tib": 1_099_511_627_776,
        "kb": 1e3, "mb": 1e6, "gb": 1e9, "tb": 1e12,
    ]

    /// Reads the text form; nil when it is none, negative, or over 2^53 bytes.
    public init?(_ text: String) {
        let digits = text.prefix { "0123456789.".contains($0) }
        let unit = text.dropFirst(digits.count).drop { $0 == " " }.lowercased()
        guard let factor = Self.units[unit], let first = digits.first, first != ".", digits.last != ".",
            let number = Double(digits), unit != "" || !digits.contains(".")
        else { return nil }
        let bytes = (number * factor).rounded(.down)
        guard bytes <= 0x1p53 else { return nil }
        self.init(Int(bytes))
    }

    /// Fewer bytes come first.
    public static func < (left: ByteCount, right: ByteCount) -> Bool { left.bytes < right.bytes }

    /// The largest binary unit that divides the count, otherwise bytes: "1GiB", "1000B".
    public var description: String {
        for (name, shift) in [("TiB", 40), ("GiB", 30), ("MiB", 20), ("KiB", 10)]
        where bytes != 0 && bytes % (1 << shift) == 0 {
            return "\(bytes >> shift)\(name)"
        }
        return "\(bytes)B"
    }

    /// Reads a number of bytes or the text form.
    public init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        let text: String
        if let number = try? container.decode(Int.self) {
            text = String(number)
        } else {
            text = try container.decode(String.self)
        }
        guard let value = ByteCount(text) else {
            throw DecodingError.dataCorruptedError(
                in: container, debugDescription: "found \"\(text)\", expected a size like 512MiB, 1GiB or 1048576")
        }
        self = value
    }

    /// Writes the text form.
    public func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(description)
    }
}
