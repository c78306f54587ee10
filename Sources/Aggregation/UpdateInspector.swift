public import Weights

/// Checks an update while its bytes stream in, in one pass and with a fixed amount of memory.
///
/// The bytes of a safetensors file are handed over in order, cut anywhere. The header is checked against the job's
/// schema as soon as it is complete, every float element for being finite as soon as it is there; the first violation
/// throws, so that a refused upload can be stopped early. The norm does not depend on where the bytes were cut nor on
/// the order of tensors in the file.
public struct UpdateInspector: Sendable {
    private enum Stage: Sendable {
        case length([UInt8])
        case header([UInt8], length: Int)
        case data(SafetensorsHeader, entry: Int, position: Int)
        case failed
    }

    /// Elements are checked in blocks of this many bytes, counted from the start of each tensor.
    private static let blockBytes = 64 << 10

    private let expected: WeightsSchema
    /// The checks of an encoded update; nil for a plain one.
    private var encoded: EncodedCheck?
    private var stage = Stage.length([])
    /// The current block; 64-bit words so that it is aligned for every element type.
    private var block: [UInt64]
    private var blockFill = 0
    private var sums: [Double]

    /// How many bytes were handed over.
    public private(set) var bytesSeen = 0
    /// The schema as sent, once the header is complete.
    public var header: SafetensorsHeader? {
        if case .data(let header, _, _) = stage { header } else { nil }
    }

    /// An inspector for one update.
    ///
    /// - Parameter expected: the schema that the update must have, ``WeightsSchema/updateSchema()`` of the job's.
    public init(expected: WeightsSchema) {
        self.expected = expected
        sums = [Double](repeating: 0, count: expected.tensors.count)
        // No larger than it can be needed: small updates come in thousands.
        let largest = min(Self.blockBytes, expected.tensors.map(\.byteCount).max() ?? 0)
        block = [UInt64](repeating: 0, count: (largest + 7) / 8)
    }

    /// An inspector for one update that may be encoded: also every scale, integer and place must be one that an encoder
    /// writes, and the norm is that of the update it stands for.
    public init(_ schema: EncodedSchema) {
        self.init(expected: schema.encoded)
        if !schema.isPlain { encoded = EncodedCheck(schema) }
    }

    /// The longest header accepted for an update of a schema: room for any order, some white space and metadata.
    public static func headerLimit(_ expected: WeightsSchema) -> Int {
        min(Safetensors.canonicalHeader(expected).count * 2 + 64 << 10, SafetensorsHeader.maximumBytes)
    }

    /// The most bytes that an update of a schema can have, for the check of a declared size before the first byte.
    public static func sizeLimit(_ expected: WeightsSchema) -> Int {
        // Cannot overflow: a schema's bytes are bounded by what memory could hold, the header by 100 MB.
        8 + headerLimit(expected) &+ expected.byteCount
    }

    /// Takes the next bytes.
    ///
    /// - Throws: ``AggregationError`` at the first violation; afterwards every call throws `incomplete`.
    public mutating func consume(_ bytes: UnsafeRawBufferPointer) throws {
        do {
            bytesSeen += bytes.count
            var rest = bytes
            while !rest.isEmpty { rest = try step(rest) }
        } catch {
            stage = .failed
            throw error
        }
    }

    /// Takes the next bytes.
    public mutating func consume(_ bytes: [UInt8]) throws {
        try bytes.withUnsafeBytes { try consume($0) }
    }

    /// Checks that the update is complete.
    ///
    /// - Returns: its L2 norm and size.
    /// - Throws: ``AggregationError`` `incomplete` when bytes are missing or an earlier call has thrown.
    public mutating func finish() throws -> UpdateStatistics {
        guard case .data(let header, var entry, let position) = stage else {
            throw AggregationError(.incomplete, "the update ended after \(bytesSeen) bytes, within its header")
        }
        // Empty tensors at the end have no bytes to wait for.
        while entry < header.entries.count, header.entries[entry].range.isEmpty { entry += 1 }
        guard entry == header.entries.count, position == 0 else {
            throw AggregationError(
                .incomplete,
                "the update ended after \(bytesSeen) bytes, \(header.fileBytes) are needed"
            )
        }
        // In canonical order, whatever the order in the file.
        let total = sums.reduce(0, +)
        return UpdateStatistics(norm: total.squareRoot(), bytes: bytesSeen)
    }

    // MARK: Steps

    /// Uses some bytes and returns the others.
    private mutating func step(_ bytes: UnsafeRawBufferPointer) throws -> UnsafeRawBufferPointer {
        switch stage {
        case .length(var prefix):
            stage = .failed
            let rest = Self.take(8, from: bytes, into: &prefix)
            if prefix.count < 8 {
                stage = .length(prefix)
            } else {
                let length = try Self.checkingFormat {
                    try prefix.withUnsafeBytes {
                        try SafetensorsHeader.length($0, limit: Self.headerLimit(expected))
                    }
                }
                guard length > 0 else { throw AggregationError(.invalidHeader, "the header is empty") }
                stage = .header([], length: length)
            }
            return rest
        case .header(var json, let length):
            stage = .failed
            let rest = Self.take(length, from: bytes, into: &json)
            stage = json.count < length ? .header(json, length: length) : .data(try parse(json), entry: 0, position: 0)
            return rest
        case .data(let header, let entry, let position):
            return try consumeData(bytes, header, entry, position)
        case .failed:
            throw AggregationError(.incomplete, "the update was refused before")
        }
    }

    private static func take(
        _ count: Int,
        from bytes: UnsafeRawBufferPointer,
        into target: inout [UInt8]
    ) -> UnsafeRawBufferPointer {
        let taken = min(count - target.count, bytes.count)
        target.append(contentsOf: bytes[..<taken])
        return UnsafeRawBufferPointer(rebasing: bytes[taken...])
    }

    private func parse(_ json: [UInt8]) throws -> SafetensorsHeader {
        let header = try Self.checkingFormat {
            try json.withUnsafeBytes {
                // One tensor more than expected shows which one is too many.
                try SafetensorsHeader(parsing: $0, limits: ReadLimits(tensors: expected.tensors.count + 1))
            }
        }
        try SchemaCheck.require(header.schema, equals: expected)
        guard encoded == nil || header.isInCanonicalOrder else {
            throw AggregationError(.invalidHeader, "the tensors of an encoded update must be in canonical order")
        }
        return header
    }

    private static func checkingFormat<R>(_ body: () throws -> R) throws -> R {
        do {
            return try body()
        } catch let error as WeightsError {
            throw AggregationError(.invalidHeader, "the update is not a safetensors file: \(error)", cause: error)
        }
    }

    private mutating func consumeData(
        _ bytes: UnsafeRawBufferPointer,
        _ header: SafetensorsHeader,
        _ entry: Int,
        _ position: Int
    ) throws -> UnsafeRawBufferPointer {
        guard entry < header.entries.count else {
            throw AggregationError(.tooLong, "the update goes on after the \(header.fileBytes) bytes of its tensors")
        }
        let (spec, range) = (header.entries[entry].spec, header.entries[entry].range)
        let left = range.count - position
        let taken = min(left, bytes.count, Self.blockBytes - blockFill)
        block.withUnsafeMutableBytes { block in
            UnsafeMutableRawBufferPointer(rebasing: block[blockFill..<(blockFill + taken)])
                .copyMemory(from: UnsafeRawBufferPointer(rebasing: bytes[..<taken]))
        }
        blockFill += taken
        if blockFill == Self.blockBytes || taken == left {
            try checkBlock(spec, from: position + taken - blockFill)
            blockFill = 0
        }
        stage =
            taken == left
            ? .data(header, entry: entry + 1, position: 0)
            : .data(header, entry: entry, position: position + taken)
        return UnsafeRawBufferPointer(rebasing: bytes[taken...])
    }

    private mutating func checkBlock(_ spec: TensorSpec, from offset: Int) throws {
        let (fill, index) = (blockFill, expected.index(of: spec.name))
        // Taken out, so that its arrays are changed in place.
        var checks = encoded
        encoded = nil
        let sum = try block.withUnsafeBytes { block -> Double in
            let elements = UnsafeRawBufferPointer(rebasing: block[..<fill])
            if let index, let sum = try checks?.check(elements, of: index, from: offset) { return sum }
            if spec.dtype == .bool, elements.contains(where: { $0 > 1 }) {
                throw AggregationError(.invalidBoolean, "tensor '\(spec.name)' holds a boolean other than 0 and 1")
            }
            guard spec.dtype.isFloat else { return 0 }
            guard FloatKernels.allFinite(elements, as: spec.dtype) else {
                throw AggregationError(.notFinite, "tensor '\(spec.name)' holds NaN or infinity")
            }
            return FloatKernels.sumOfSquares(elements, as: spec.dtype)
        }
        encoded = checks
        if let index { sums[index] += sum }
    }
}

/// What is known of an update that was admitted.
public struct UpdateStatistics: Sendable, Hashable {
    /// The L2 norm of all float elements.
    public let norm: Double
    /// The size of the file in bytes.
    public let bytes: Int

    /// Statistics with their parts.
    public init(norm: Double, bytes: Int) {
        self.norm = norm
        self.bytes = bytes
    }
}
