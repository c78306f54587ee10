/// The header of one npy array (versions 1 to 3): element type, byte order, element order and shape.
struct NPYHeader: Sendable, Equatable {
    /// Bytes from the start of the member to the first element.
    let length: Int
    let dtype: DType
    let isBigEndian: Bool
    let isFortranOrder: Bool
    let shape: [Int]

    /// More than NumPy itself reads by default (10,000 characters).
    static let maximumBytes = 65_536
    private static let magic: [UInt8] = [0x93, 0x4E, 0x55, 0x4D, 0x50, 0x59]

    /// Bytes needed to know how long the header is.
    static let prefixBytes = 12

    /// The length of the whole header from its first 12 bytes (10 suffice for version 1).
    static func length(_ prefix: [UInt8]) throws -> Int {
        guard prefix.count >= 10, Array(prefix[..<6]) == magic else {
            throw WeightsError(.invalidArray, "the member does not start like an npy array")
        }
        let length: Int
        switch (prefix[6], prefix[7]) {
        case (1, 0): length = 10 + Int(prefix[8]) + Int(prefix[9]) << 8
        case (2, 0), (3, 0):
            guard prefix.count >= 12 else { throw WeightsError(.invalidArray, "the npy header is cut short") }
            length = 12 + (8..<12).reversed().reduce(0) { $0 << 8 + Int(prefix[$1]) }
        default:
            throw WeightsError(
                .unsupportedArray,
                "npy version \(prefix[6]).\(prefix[7]); versions 1.0, 2.0 and 3.0 are supported"
            )
        }
        guard length <= maximumBytes else {
            throw WeightsError(
                .invalidArray, "the npy header has \(length) bytes, at most \(maximumBytes) are accepted")
        }
        return length
    }

    /// Reads the dictionary of a whole header.
    init(parsing header: [UInt8]) throws {
        length = header.count
        let start = header[6] == 1 ? 10 : 12
        let text = header[start...]
        // Version 3 is UTF-8, the others Latin-1; what is accepted below is ASCII in each.
        guard text.allSatisfy({ $0 < 0x80 }) else {
            throw WeightsError(
                .unsupportedArray, "the npy header is not plain ASCII: structured types are not supported")
        }
        var parser = PythonLiteral(Array(text))
        let fields = try parser.header()
        shape = fields.shape
        isFortranOrder = fields.isFortranOrder
        (dtype, isBigEndian) = try Self.dtype(fields.descr)
    }

    private static func dtype(_ descr: String) throws -> (DType, isBigEndian: Bool) {
        let order = descr.first
        let isBigEndian = order == ">"
        let rest = order.map { "<>=|".contains($0) } == true ? String(descr.dropFirst()) : descr
        let known: [String: DType] = ["f2": .f16, "f4": .f32, "f8": .f64, "i8": .i64, "u1": .u8, "b1": .bool]
        guard let dtype = known[rest], order != "|" || dtype.byteWidth == 1 else {
            throw WeightsError(
                .unsupportedArray,
                "npy type \(quoted(descr)); supported are f2, f4, f8, i8, u1 and b1 in either byte order"
            )
        }
        return (dtype, isBigEndian && dtype.byteWidth > 1)
    }

    /// The header NumPy would write for a C-ordered little-endian array, padded to a multiple of 64 bytes.
    static func encode(_ dtype: DType, _ shape: [Int]) -> [UInt8] {
        let descr =
            switch dtype {
            case .f16: "<f2"
            case .f32, .bf16: "<f4"
            case .f64: "<f8"
            case .i64: "<i8"
            case .u8: "|u1"
            case .bool: "|b1"
            }
        let dimensions = shape.map(String.init).joined(separator: ", ") + (shape.count == 1 ? "," : "")
        let text = "{'descr': '\(descr)', 'fortran_order': False, 'shape': (\(dimensions)), }"
        // At most 32 dimensions of 20 characters: version 1 always has room.
        let padding = 63 - (10 + text.utf8.count) % 64
        let length = text.utf8.count + padding + 1
        return magic + [1, 0, UInt8(length & 255), UInt8(length >> 8)] + Array(text.utf8)
            + [UInt8](repeating: 0x20, count: padding) + [0x0A]
    }
}

/// The one Python dictionary that an npy header may hold, read strictly.
private struct PythonLiteral {
    private let bytes: [UInt8]
    private var position = 0

    init(_ bytes: [UInt8]) {
        self.bytes = bytes
    }

    private func fail(_ expected: String) -> WeightsError {
        let rest = String(decoding: bytes[position...].prefix(20), as: UTF8.self)
        return WeightsError(.invalidArray, "the npy header has \(quoted(rest)) where \(expected) is expected")
    }

    mutating func header() throws -> (descr: String, isFortranOrder: Bool, shape: [Int]) {
        var descr: String?
        var isFortranOrder: Bool?
        var shape: [Int]?
        try expect("{")
        while !take("}") {
            let key = try string()
            try expect(":")
            switch key {
            case "descr" where descr == nil:
                skipSpaces()
                if position < bytes.count, bytes[position] == UInt8(ascii: "[") {
                    throw WeightsError(.unsupportedArray, "structured npy types are not supported")
                }
                descr = try string()
            case "fortran_order" where isFortranOrder == nil: isFortranOrder = try boolean()
            case "shape" where shape == nil: shape = try tuple()
            default:
                throw WeightsError(.invalidArray, "the npy header has the key \(quoted(key)) twice or without meaning")
            }
            if !take(",") {
                try expect("}")
                break
            }
        }
        skipSpaces()
        guard position == bytes.count else { throw fail("the end") }
        guard let descr, let isFortranOrder, let shape else {
            throw WeightsError(.invalidArray, "the npy header lacks descr, fortran_order or shape")
        }
        return (descr, isFortranOrder, shape)
    }

    private mutating func skipSpaces() {
        while position < bytes.count, bytes[position] == 0x20 || bytes[position] == 0x0A { position += 1 }
    }

    private mutating func take(_ character: Unicode.Scalar) -> Bool {
        skipSpaces()
        guard position < bytes.count, UInt32(bytes[position]) == character.value else { return false }
        position += 1
        return true
    }

    private mutating func expect(_ character: Unicode.Scalar) throws {
        guard take(character) else { throw fail("'\(Character(character))'") }
    }

    private mutating func string() throws -> String {
        let quote: UInt8 = take("'") ? 0x27 : 0x22
        if quote == 0x22 { try expect("\"") }
        guard let end = bytes[position...].firstIndex(of: quote) else { throw fail("the end of a string") }
        let content = bytes[position..<end]
        guard !content.contains(0x5C) else { throw fail("a string without escapes") }
        position = end + 1
        return String(decoding: content, as: UTF8.self)
    }

    private mutating func boolean() throws -> Bool {
        skipSpaces()
        for (word, value) in [("True", true), ("False", false)] where bytes[position...].starts(with: word.utf8) {
            position += word.utf8.count
            return value
        }
        throw fail("True or False")
    }

    /// `()`, `(3,)`, `(3, 4)`; as in Python, `(3)` is not a tuple.
    private mutating func tuple() throws -> [Int] {
        try expect("(")
        var numbers: [Int] = []
        var endsWithComma = true
        while !take(")") {
            guard endsWithComma else { throw fail("','") }
            guard numbers.count < TensorSpec.maximumRank else {
                throw fail("at most \(TensorSpec.maximumRank) dimensions")
            }
            numbers.append(try number())
            endsWithComma = take(",")
        }
        guard numbers.count != 1 || endsWithComma else { throw fail("a tuple") }
        return numbers
    }

    private mutating func number() throws -> Int {
        skipSpaces()
        let digits = bytes[position...].prefix { 0x30...0x39 ~= $0 }
        guard !digits.isEmpty, digits.count == 1 || digits.first != 0x30 else { throw fail("a whole number") }
        position += digits.count
        // Python 2 wrote long integers with an L.
        if position < bytes.count, bytes[position] == UInt8(ascii: "L") { position += 1 }
        guard let number = Int(String(decoding: digits, as: UTF8.self)) else {
            throw WeightsError(.sizeOverflow, "the npy header has a dimension beyond 2^63")
        }
        return number
    }
}
