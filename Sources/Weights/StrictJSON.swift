/// The part of JSON that a safetensors header uses, read strictly: objects, strings and unsigned whole numbers. Unlike
/// a general parser it sees duplicate keys and never recurses.
struct StrictJSON {
    private let bytes: UnsafeBufferPointer<UInt8>
    private(set) var position = 0

    /// `bytes` must be valid UTF-8.
    init(_ bytes: UnsafeBufferPointer<UInt8>) {
        self.bytes = bytes
    }

    func fail(_ expected: String) -> WeightsError {
        let found =
            position < bytes.count
            ? (0x20..<0x7F ~= bytes[position]
                ? "'\(Character(Unicode.Scalar(bytes[position])))'" : "byte \(bytes[position])")
            : "the end"
        return WeightsError(.headerSyntax, "header byte \(position): expected \(expected), found \(found)")
    }

    var atEnd: Bool { position == bytes.count }

    mutating func skipWhitespace() {
        while position < bytes.count {
            switch bytes[position] {
            case 0x20, 0x09, 0x0A, 0x0D: position += 1
            default: return
            }
        }
    }

    /// Whether the next byte after white space is `character`; if so it is consumed.
    mutating func take(_ character: Unicode.Scalar) -> Bool {
        skipWhitespace()
        guard position < bytes.count, UInt32(bytes[position]) == character.value else { return false }
        position += 1
        return true
    }

    mutating func expect(_ character: Unicode.Scalar) throws {
        guard take(character) else { throw fail("'\(Character(character))'") }
    }

    /// `{ "key": value, … }`; `body` reads each value.
    mutating func object(_ body: (inout StrictJSON, String) throws -> Void) throws {
        try expect("{")
        if take("}") { return }
        repeat {
            skipWhitespace()
            let key = try string()
            try expect(":")
            try body(&self, key)
        } while take(",")
        try expect("}")
    }

    /// `[ 1, 2, … ]`, at most `limit` numbers.
    mutating func numbers(limit: Int) throws -> [UInt64] {
        try expect("[")
        var numbers: [UInt64] = []
        if take("]") { return numbers }
        repeat {
            guard numbers.count < limit else { throw fail("at most \(limit) numbers") }
            numbers.append(try number())
        } while take(",")
        try expect("]")
        return numbers
    }

    /// An unsigned whole number without sign, fraction, exponent or leading zero.
    mutating func number() throws -> UInt64 {
        skipWhitespace()
        let start = position
        var value: UInt64 = 0
        while position < bytes.count, 0x30...0x39 ~= bytes[position] {
            let (product, overflow) = value.multipliedReportingOverflow(by: 10)
            let (sum, carry) = product.addingReportingOverflow(UInt64(bytes[position] - 0x30))
            guard !overflow, !carry else { throw fail("a number below 2^64") }
            value = sum
            position += 1
        }
        guard position > start else { throw fail("an unsigned whole number") }
        if position - start > 1 && bytes[start] == 0x30 {
            position = start
            throw fail("a number without leading zeros")
        }
        if position < bytes.count, bytes[position] == 0x2E || bytes[position] | 0x20 == 0x65 {
            throw fail("a whole number")
        }
        return value
    }

    mutating func string() throws -> String {
        skipWhitespace()
        guard position < bytes.count, bytes[position] == 0x22 else { throw fail("a string") }
        position += 1
        var text: [UInt8] = []
        var start = position
        while position < bytes.count {
            switch bytes[position] {
            case 0x22:
                text.append(contentsOf: bytes[start..<position])
                position += 1
                return String(decoding: text, as: UTF8.self)
            case 0x5C:
                text.append(contentsOf: bytes[start..<position])
                position += 1
                try escape(into: &text)
                start = position
            case ..<0x20: throw fail("no control character in a string")
            default: position += 1
            }
        }
        throw fail("the end of a string")
    }

    private mutating func escape(into text: inout [UInt8]) throws {
        guard position < bytes.count else { throw fail("an escape") }
        let byte = bytes[position]
        let plain: UInt8? =
            switch byte {
            case 0x22, 0x5C, 0x2F: byte
            case 0x62: 0x08
            case 0x66: 0x0C
            case 0x6E: 0x0A
            case 0x72: 0x0D
            case 0x74: 0x09
            default: nil
            }
        if let plain {
            text.append(plain)
            position += 1
            return
        }
        guard byte == 0x75 else { throw fail("an escape") }
        position += 1
        var value = try fourHexDigits()
        if 0xD800...0xDBFF ~= value {
            guard position + 1 < bytes.count, bytes[position] == 0x5C, bytes[position + 1] == 0x75 else {
                throw fail("the second half of a surrogate pair")
            }
            position += 2
            let low = try fourHexDigits()
            guard 0xDC00...0xDFFF ~= low else { throw fail("the second half of a surrogate pair") }
            value = 0x10000 + (value - 0xD800) << 10 + (low - 0xDC00)
        }
        guard let scalar = Unicode.Scalar(value) else { throw fail("no lone surrogate") }
        text.append(contentsOf: Array(String(Character(scalar)).utf8))
    }

    private mutating func fourHexDigits() throws -> UInt32 {
        var value: UInt32 = 0
        for _ in 0..<4 {
            guard position < bytes.count, let digit = Character(Unicode.Scalar(bytes[position])).hexDigitValue else {
                throw fail("four hexadecimal digits")
            }
            value = value << 4 + UInt32(digit)
            position += 1
        }
        return value
    }

    /// A string as JSON: the quotation mark, the backslash and control characters are escaped, nothing else.
    static func append(_ string: String, to text: inout [UInt8]) {
        text.append(0x22)
        for byte in string.utf8 {
            switch byte {
            case 0x22: text.append(contentsOf: [0x5C, 0x22])
            case 0x5C: text.append(contentsOf: [0x5C, 0x5C])
            case 0x08: text.append(contentsOf: [0x5C, 0x62])
            case 0x09: text.append(contentsOf: [0x5C, 0x74])
            case 0x0A: text.append(contentsOf: [0x5C, 0x6E])
            case 0x0C: text.append(contentsOf: [0x5C, 0x66])
            case 0x0D: text.append(contentsOf: [0x5C, 0x72])
            case ..<0x20:
                text.append(contentsOf: [0x5C, 0x75, 0x30, 0x30])
                text.append(contentsOf: Array(hexadecimal([byte]).utf8))
            default: text.append(byte)
            }
        }
        text.append(0x22)
    }
}
