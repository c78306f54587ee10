/// Checks of single fields, each with an error that names the field, what was found and what was expected.
enum FieldCheck {
    /// A name: not empty, at most ``WireLimits/nameBytes``, without control characters.
    static func name(_ text: String, _ field: String) throws -> String {
        guard text.utf8.count <= WireLimits.nameBytes else {
            throw WireError(
                .tooLarge, "\(field): found \(text.utf8.count) bytes, expected at most \(WireLimits.nameBytes)")
        }
        guard !text.isEmpty, !text.unicodeScalars.contains(where: isControl) else {
            throw WireError(.invalidMessage, "\(field): expected a name without control characters")
        }
        return text
    }

    /// A text for people: control characters become spaces, and it is cut to ``WireLimits/textBytes``.
    static func text(_ text: String) -> String {
        var result = String.UnicodeScalarView()
        var bytes = 0
        for scalar in text.unicodeScalars {
            let clean = isControl(scalar) ? " " : scalar
            bytes += UTF8.width(clean)
            if bytes > WireLimits.textBytes { break }
            result.append(clean)
        }
        return String(result)
    }

    /// A count that every side keeps exactly.
    static func count(_ value: UInt64, _ field: String) throws -> Int {
        guard value <= WireLimits.count, let count = Int(exactly: value) else {
            throw WireError(.invalidMessage, "\(field): found \(value), expected at most \(WireLimits.count)")
        }
        return count
    }

    /// A list or map that is not longer than allowed.
    static func entries(_ count: Int, _ field: String, atMost limit: Int) throws {
        guard count <= limit else {
            throw WireError(.tooLarge, "\(field): found \(count) entries, expected at most \(limit)")
        }
    }

    /// A SHA-256 as 64 lowercase hexadecimal digits.
    static func digest(_ text: String, _ field: String) throws -> String {
        let isDigest =
            text.utf8.count == 64
            && text.utf8.allSatisfy { (0x30...0x39).contains($0) || (0x61...0x66).contains($0) }
        guard isDigest else {
            throw WireError(
                .invalidMessage,
                "\(field): found \(text.utf8.count) bytes, expected a SHA-256 of 64 lowercase hexadecimal digits")
        }
        return text
    }

    private static func isControl(_ scalar: Unicode.Scalar) -> Bool {
        scalar.value < 0x20 || (0x7F...0x9F).contains(scalar.value) || (0x202A...0x202E).contains(scalar.value)
            || (0x2066...0x2069).contains(scalar.value)
    }
}
