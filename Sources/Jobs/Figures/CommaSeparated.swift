internal import Foundation

/// Lines of a CSV file as RFC 4180 has them, with single line feeds.
public enum CommaSeparated {
    /// The lines with the fields in quotes that need them.
    public static func text(_ lines: [[String]]) -> String {
        lines.map { $0.map(field).joined(separator: ",") + "\n" }.joined()
    }

    private static func field(_ text: String) -> String {
        guard text.contains(where: { ",\"\r\n".contains($0) }) else { return text }
        return "\"" + text.replacingOccurrences(of: "\"", with: "\"\"") + "\""
    }
}
