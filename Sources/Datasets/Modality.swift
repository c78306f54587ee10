/// One input of a multimodal example: its name and the shape of one example, without the batch axis.
public struct Modality: Sendable, Hashable, Codable {
    /// The largest number of axes of one example.
    public static let maximumRank = 6
    /// The largest number of elements of one example.
    public static let maximumElements = 1 << 28

    /// The name, also the name of the tensor in a shard: 1 to 64 letters, digits, `_` or `-`, starting with a letter.
    public var name: String
    /// The shape of one example, e.g. `[128, 3]` for 128 samples of three axes. The first axis is time where there is one;
    /// of a picture the axes are channels, rows and columns.
    public var shape: [Int]
    /// Whether every example carries its own number of valid steps on the first axis.
    public var hasLengths: Bool

    /// Makes a modality; `validate()` checks it.
    public init(name: String, shape: [Int], hasLengths: Bool = false) {
        self.name = name
        self.shape = shape
        self.hasLengths = hasLengths
    }

    /// The number of elements of one example.
    public var elements: Int { shape.reduce(1, *) }

    /// Whether an example is a picture: three axes.
    public var isImage: Bool { shape.count == 3 }

    private enum CodingKeys: String, CodingKey {
        case name
        case shape
        case hasLengths = "lengths"
    }

    /// Decodes `{"name": …, "shape": […], "lengths": true}`, the last key being optional.
    public init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        name = try container.decode(String.self, forKey: .name)
        shape = try container.decode([Int].self, forKey: .shape)
        hasLengths = try container.decodeIfPresent(Bool.self, forKey: .hasLengths) ?? false
    }

    /// Encodes the form that `init(from:)` reads; `lengths` only when set.
    public func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encode(name, forKey: .name)
        try container.encode(shape, forKey: .shape)
        if hasLengths { try container.encode(true, forKey: .hasLengths) }
    }

    /// Checks name, rank and size.
    ///
    /// - Parameter place: where the modality was found, for the message.
    /// - Throws: `DatasetError` with code `malformed` or `tooLarge`.
    public func validate(in place: String) throws(DatasetError) {
        guard Self.isPlainName(name) else {
            throw DatasetError(
                .malformed,
                "\(place): modality name \(name.debugDescription): expected 1 to 64 letters, digits, '_' or '-', starting with a letter"
            )
        }
        guard name != "labels", name != "subjects", name != "targets" else {
            throw DatasetError(.malformed, "\(place): modality name '\(name)' is reserved for the tensor of that name")
        }
        guard (1...Self.maximumRank).contains(shape.count), shape.allSatisfy({ $0 > 0 }) else {
            throw DatasetError(
                .malformed,
                "\(place): modality '\(name)' has shape \(shape): expected 1 to \(Self.maximumRank) positive sizes"
            )
        }
        var product = 1
        for size in shape {
            let (next, overflow) = product.multipliedReportingOverflow(by: size)
            guard !overflow, next <= Self.maximumElements else {
                throw DatasetError(
                    .tooLarge,
                    "\(place): modality '\(name)' has shape \(shape): more than \(Self.maximumElements) elements an example"
                )
            }
            product = next
        }
    }

    /// Whether `name` can be a tensor or data set name: letters, digits, `_`, `-`, starting with a letter.
    static func isPlainName(_ name: String) -> Bool {
        guard (1...64).contains(name.utf8.count), let first = name.utf8.first else { return false }
        guard isLetter(first) else { return false }
        return name.utf8.allSatisfy { isLetter($0) || (0x30...0x39).contains($0) || $0 == 0x5F || $0 == 0x2D }
    }

    private static func isLetter(_ byte: UInt8) -> Bool {
        (0x41...0x5A).contains(byte) || (0x61...0x7A).contains(byte)
    }
}
