/// The checked header of a safetensors file: which tensors there are and where their bytes lie.
public struct SafetensorsHeader: Sendable {
    /// The cap of the format on the header's length, in bytes.
    public static let maximumBytes = 100_000_000

    /// A tensor and its bytes within the data section.
    public struct Entry: Sendable, Hashable {
        /// Name, dtype and shape.
        public let spec: TensorSpec
        /// The bytes, counted from the start of the data section.
        public let range: Range<Int>
    }

    /// The tensors in the order of their bytes in the file.
    public let entries: [Entry]
    /// The tensors as a schema (canonical order).
    public let schema: WeightsSchema
    /// The free text entries under `__metadata__`.
    public let metadata: [String: String]
    /// Where the data section starts in the file: 8 plus the header's length.
    public let dataOffset: Int

    /// The start of each tensor's bytes in the data section, in the order of the schema.
    private let starts: [Int]

    /// Where a tensor's bytes lie within the data section, nil when there is none of that name.
    public func range(of name: String) -> Range<Int>? {
        schema.index(of: name).map { starts[$0]..<(starts[$0] + schema.tensors[$0].byteCount) }
    }

    /// The length of the data section in bytes.
    public var dataBytes: Int { schema.byteCount }
    /// The length of the whole file in bytes.
    public var fileBytes: Int { dataOffset + dataBytes }
    /// Whether the data section holds the tensors in canonical order, so that its bytes are those of ``Weights``.
    public var isInCanonicalOrder: Bool {
        zip(entries, schema.byteOffsets).allSatisfy { $0.range.lowerBound == $1 }
            && zip(entries, schema.tensors).allSatisfy { $0.spec == $1 }
    }

    /// The header's length from the first 8 bytes of a file (little-endian).
    ///
    /// - Throws: ``WeightsError``: `fileTooShort` for fewer than 8 bytes, `headerTooLarge` above `limit`.
    public static func length(_ prefix: UnsafeRawBufferPointer, limit: Int = maximumBytes) throws -> Int {
        guard prefix.count >= 8 else {
            throw WeightsError(.fileTooShort, "\(prefix.count) bytes; a safetensors file starts with 8 bytes of length")
        }
        let length = UInt64(littleEndian: prefix.loadUnaligned(as: UInt64.self))
        guard length <= UInt64(max(0, min(limit, maximumBytes))) else {
            throw WeightsError(
                .headerTooLarge,
                "the header says it has \(length) bytes, at most \(min(limit, maximumBytes)) are accepted"
            )
        }
        return Int(length)
    }

    /// Reads and checks the JSON of a header.
    ///
    /// - Parameters:
    ///   - json: exactly the header's bytes, without the 8 bytes of length.
    ///   - limits: what is accepted.
    /// - Throws: ``WeightsError``, a code for each rule of the format that is broken.
    public init(parsing json: UnsafeRawBufferPointer, limits: ReadLimits = .defaults) throws {
        guard json.first == 0x7B else {
            let found = json.first.map { "byte \($0)" } ?? "nothing"
            throw WeightsError(.headerStart, "the header must start with '{', found \(found)")
        }
        let bytes = json.assumingMemoryBound(to: UInt8.self)
        guard String(validating: bytes, as: UTF8.self) != nil else {
            throw WeightsError(.headerNotUTF8, "the header is not valid UTF-8")
        }
        var parser = StrictJSON(bytes)
        var tensors: [Entry] = []
        var metadata: [String: String]?
        var names: Set<String> = []
        try parser.object { parser, key in
            guard names.insert(key).inserted else {
                throw WeightsError(.duplicateKey, "the header has the key \(quoted(key)) twice")
            }
            if key == "__metadata__" {
                metadata = try Self.metadata(&parser)
                return
            }
            guard tensors.count < limits.tensors else {
                throw WeightsError(.tooManyTensors, "the header has more than \(limits.tensors) tensors")
            }
            tensors.append(try Self.entry(&parser, key))
        }
        parser.skipWhitespace()
        guard parser.atEnd else { throw parser.fail("nothing after the object") }

        entries = try Self.contiguous(tensors)
        let schema = try WeightsSchema(entries.map(\.spec))
        var starts = [Int](repeating: 0, count: entries.count)
        for entry in entries {
            if let index = schema.index(of: entry.spec.name) { starts[index] = entry.range.lowerBound }
        }
        self.schema = schema
        self.starts = starts
        self.metadata = metadata ?? [:]
        dataOffset = 8 + json.count
        guard schema.byteCount <= limits.dataBytes else {
            throw WeightsError(
                .tooLarge,
                "the tensors have \(schema.byteCount) bytes, at most \(limits.dataBytes) are accepted"
            )
        }
    }

    /// Checks that a file of `fileBytes` holds exactly the header and the tensors.
    ///
    /// - Throws: ``WeightsError`` `fileTruncated` or `trailingBytes`.
    public func checkFileSize(_ fileBytes: Int) throws {
        // Both terms are bounded by limits, the sum cannot overflow on 64 bits.
        if fileBytes < self.fileBytes {
            throw WeightsError(.fileTruncated, "the tensors end at byte \(self.fileBytes), the file has \(fileBytes)")
        }
        if fileBytes > self.fileBytes {
            throw WeightsError(.trailingBytes, "the tensors end at byte \(self.fileBytes), the file has \(fileBytes)")
        }
    }

    // MARK: Parts

    private static func metadata(_ parser: inout StrictJSON) throws -> [String: String] {
        var metadata: [String: String] = [:]
        do {
            try parser.object { parser, key in
                guard metadata.updateValue(try parser.string(), forKey: key) == nil else {
                    throw WeightsError(.duplicateKey, "__metadata__ has the key \(quoted(key)) twice")
                }
            }
        } catch let error as WeightsError where error.code == .headerSyntax {
            throw WeightsError(.invalidMetadata, "__metadata__ must be an object of strings: \(error.message)")
        }
        return metadata
    }

    private static func entry(_ parser: inout StrictJSON, _ name: String) throws -> Entry {
        var dtypeName: String?
        var shape: [UInt64]?
        var offsets: [UInt64]?
        var fields: Set<String> = []
        try parser.object { parser, field in
            guard fields.insert(field).inserted else {
                throw WeightsError(.duplicateKey, "tensor \(quoted(name)) has the field \(quoted(field)) twice")
            }
            switch field {
            case "dtype": dtypeName = try parser.string()
            case "shape": shape = try parser.numbers(limit: TensorSpec.maximumRank)
            case "data_offsets":
                offsets = try parser.numbers(limit: 2)
            default:
                throw WeightsError(.unknownField, "tensor \(quoted(name)) has the unknown field \(quoted(field))")
            }
        }
        guard let dtypeName, let shape, let offsets else {
            let missing = [("dtype", dtypeName == nil), ("shape", shape == nil), ("data_offsets", offsets == nil)]
                .filter(\.1).map(\.0).joined(separator: ", ")
            throw WeightsError(.missingField, "tensor \(quoted(name)) has no \(missing)")
        }
        guard offsets.count == 2, offsets[0] <= offsets[1], let begin = Int(exactly: offsets[0]),
            let end = Int(exactly: offsets[1])
        else {
            throw WeightsError(
                .invalidOffsets,
                "tensor \(quoted(name)) has data_offsets \(offsets), expected two numbers in order"
            )
        }
        let dimensions = try shape.map { dimension in
            guard let value = Int(exactly: dimension) else {
                throw WeightsError(.sizeOverflow, "tensor \(quoted(name)) has the dimension \(dimension)")
            }
            return value
        }
        let spec = try TensorSpec(name: name, dtype: try dtype(dtypeName, name), shape: dimensions)
        guard spec.byteCount == end - begin else {
            throw WeightsError(
                .offsetsShapeMismatch,
                "tensor \(quoted(name)) of shape \(spec.shape) and dtype \(dtypeName) has \(spec.byteCount) bytes, "
                    + "its data_offsets span \(end - begin)"
            )
        }
        return Entry(spec: spec, range: begin..<end)
    }

    private static func dtype(_ text: String, _ name: String) throws -> DType {
        if let dtype = DType(rawValue: text) { return dtype }
        let others: Set<String> = [
            "I8", "I16", "I32", "U16", "U32", "U64", "C64", "C128", "F4", "F6_E2M3", "F6_E3M2", "F8_E8M0", "F8_E4M3",
            "F8_E5M2", "F8_E4M3FNUZ", "F8_E5M2FNUZ",
        ]
        let supported = DType.allCases.map(\.rawValue).joined(separator: ", ")
        if others.contains(text) {
            throw WeightsError(
                .unsupportedDType,
                "tensor \(quoted(name)) has dtype \(text); supported are \(supported)"
            )
        }
        throw WeightsError(.unknownDType, "tensor \(quoted(name)) has the unknown dtype \(quoted(text))")
    }

    /// The entries sorted by position, checked to follow one another from 0 without gap or overlap.
    private static func contiguous(_ tensors: [Entry]) throws -> [Entry] {
        let sorted = tensors.sorted { left, right in
            if left.range.lowerBound != right.range.lowerBound {
                return left.range.lowerBound < right.range.lowerBound
            }
            if left.range.upperBound != right.range.upperBound {
                return left.range.upperBound < right.range.upperBound
            }
            return left.spec.name.utf8.lexicographicallyPrecedes(right.spec.name.utf8)
        }
        var position = 0
        for entry in sorted {
            if entry.range.lowerBound > position {
                throw WeightsError(
                    .offsetsGap,
                    "tensor \(quoted(entry.spec.name)) starts at byte \(entry.range.lowerBound), "
                        + "the bytes from \(position) on belong to none"
                )
            }
            if entry.range.lowerBound < position {
                throw WeightsError(
                    .offsetsOverlap,
                    "tensor \(quoted(entry.spec.name)) starts at byte \(entry.range.lowerBound), "
                        + "the tensor before it ends at \(position)"
                )
            }
            position = entry.range.upperBound
        }
        return sorted
    }
}
