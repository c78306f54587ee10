import Foundation

/// Text files of numbers: one record a line, numbers apart by spaces, tabs or another separator.
enum NumberLines {
    /// The longest number accepted, in bytes.
    static let maximumTokenBytes = 64

    /// Calls `body` for every line that holds something, with its number (from 1) and its numbers.
    ///
    /// Accepts LF and CRLF; numbers are decimal, finite, in the form `strtod` takes. A separator counts as a space does:
    /// callers check how many numbers a line has.
    ///
    /// - Throws: `DatasetError` with code `malformed` naming the line and the token; whatever `body` throws.
    static func forEach(
        in bytes: Data,
        path: String,
        separator: UInt8 = 0x20,
        _ body: (_ line: Int, _ numbers: [Double]) throws(DatasetError) -> Void
    ) throws(DatasetError) {
        let text = [UInt8](bytes)
        var numbers: [Double] = []
        var line = 1
        var position = 0
        while position < text.count {
            let byte = text[position]
            if byte == 0x0A {
                if !numbers.isEmpty { try body(line, numbers) }
                numbers.removeAll(keepingCapacity: true)
                line += 1
                position += 1
            } else if byte == 0x20 || byte == 0x09 || byte == 0x0D || byte == separator {
                position += 1
            } else {
                let start = position
                while position < text.count, text[position] > 0x20, text[position] != separator { position += 1 }
                guard position < text.count || start < position, position > start else {
                    throw DatasetError(.malformed, "\(path): line \(line): byte \(byte) is not text")
                }
                numbers.append(try number(text[start..<position], path: path, line: line))
            }
        }
        if !numbers.isEmpty { try body(line, numbers) }
    }

    private static func number(_ token: ArraySlice<UInt8>, path: String, line: Int) throws(DatasetError) -> Double {
        // Only digits, signs, point and exponent: `strtod` would also take hexadecimal, infinities and NaN.
        let isPlain = token.allSatisfy { byte in
            (0x30...0x39).contains(byte) || byte == 0x2B || byte == 0x2D || byte == 0x2E || byte == 0x45 || byte == 0x65
        }
        if token.count <= maximumTokenBytes, isPlain {
            let value: Double? = withUnsafeTemporaryAllocation(of: CChar.self, capacity: token.count + 1) { buffer in
                for (offset, byte) in token.enumerated() { buffer[offset] = CChar(bitPattern: byte) }
                buffer[token.count] = 0
                guard let start = buffer.baseAddress else { return nil }
                var end: UnsafeMutablePointer<CChar>?
                let value = strtod(start, &end)
                return end == start + token.count && value.isFinite ? value : nil
            }
            if let value { return value }
        }
        let shown = String(decoding: token.prefix(32), as: UTF8.self)
        throw DatasetError(
            .malformed, "\(path): line \(line): found \(shown.debugDescription), expected a finite number")
    }
}
