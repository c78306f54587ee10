internal import Foundation

/// Text in HTML and SVG.
public enum MarkupText {
    /// Text that cannot break out of an element or an attribute in double quotes.
    public static func escape(_ text: String) -> String {
        text.replacingOccurrences(of: "&", with: "&amp;").replacingOccurrences(of: "<", with: "&lt;")
            .replacingOccurrences(of: ">", with: "&gt;").replacingOccurrences(of: "\"", with: "&quot;")
    }
}
