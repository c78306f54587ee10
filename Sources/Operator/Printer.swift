import Foundation

/// Writes a command's results: one JSON object a line with `--json`, text otherwise. Everything that is not a result
/// goes to standard error.
public struct Printer: Sendable {
    /// Whether results are JSON.
    public let isJSON: Bool

    /// A printer.
    public init(json: Bool) { isJSON = json }

    /// Prints one result.
    public func print<Value: Encodable>(_ value: Value, text: () -> [String]) throws {
        if isJSON {
            let encoder = JSONEncoder()
            encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
            encoder.dateEncodingStrategy = .iso8601
            FileHandle.standardOutput.write(try encoder.encode(value) + Data("\n".utf8))
        } else {
            let lines = text()
            guard !lines.isEmpty else { return }
            FileHandle.standardOutput.write(Data((lines.joined(separator: "\n") + "\n").utf8))
        }
    }

    /// A remark for people, on standard error.
    public static func note(_ text: String) {
        FileHandle.standardError.write(Data((text + "\n").utf8))
    }
}
