internal import Foundation

/// JSON for files that people read too: indented, sorted keys, a line feed at the end.
public enum JSONText {
    /// The text.
    public static func of(_ value: some Encodable) throws -> [UInt8] {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .prettyPrinted, .withoutEscapingSlashes]
        return Array(try encoder.encode(value)) + Array("\n".utf8)
    }
}
