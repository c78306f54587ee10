#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// Named tensors over one block of contiguous bytes, in the canonical order of their schema.
///
/// A value type: copies share the bytes until one is changed. Elements are little-endian; the block is aligned to 64
/// bytes and every tensor to its element.
public struct Weights: Sendable {
    /// Names, dtypes, shapes and order of the tensors.
    public let schema: WeightsSchema
    var storage: WeightsStorage

    init(schema: WeightsSchema, storage: WeightsStorage) {
        self.schema = schema
        self.storage = storage
    }

    /// Tensors whose elements are all zero.
    public init(zeros schema: WeightsSchema) {
        storage = WeightsStorage(byteCount: schema.byteCount)
        storage.bytes.initializeMemory(as: UInt8.self, repeating: 0)
        self.schema = schema
    }

    /// Tensors with the given bytes, copied, in the schema's order.
    ///
    /// - Throws: ``WeightsError`` `byteCountMismatch` when their number is not the schema's.
    public init(schema: WeightsSchema, bytes: UnsafeRawBufferPointer) throws {
        guard bytes.count == schema.byteCount else {
            throw WeightsError(
                .byteCountMismatch,
                "the schema describes \(schema.byteCount) bytes of tensors, got \(bytes.count)"
            )
        }
        storage = WeightsStorage(byteCount: schema.byteCount)
        storage.bytes.copyMemory(from: bytes)
        self.schema = schema
    }

    /// Tensors with the given bytes, copied, in the schema's order.
    ///
    /// - Throws: ``WeightsError`` `byteCountMismatch` when their number is not the schema's.
    public init(schema: WeightsSchema, bytes: [UInt8]) throws {
        self = try bytes.withUnsafeBytes { try Weights(schema: schema, bytes: $0) }
    }

    /// Tensors whose bytes `body` writes. They are zero before.
    public init(
        schema: WeightsSchema,
        initializingWith body: (UnsafeMutableRawBufferPointer) throws -> Void
    ) rethrows {
        self.init(zeros: schema)
        try body(storage.bytes)
    }

    /// Float32 tensors with the given values, in any order.
    ///
    /// - Throws: ``WeightsError`` when a name stands twice or the number of values is not the shape's.
    public init(_ tensors: [(name: String, shape: [Int], values: [Float])]) throws {
        let specs = try tensors.map { try TensorSpec(name: $0.name, dtype: .f32, shape: $0.shape) }
        self.init(zeros: try WeightsSchema(specs))
        for (name, _, values) in tensors {
            try setFloats(name, values)
        }
    }

    // MARK: Bytes

    /// All bytes, in the schema's order. The pointer is valid during the call only.
    public func withUnsafeBytes<R>(_ body: (UnsafeRawBufferPointer) throws -> R) rethrows -> R {
        // The storage must outlive the call even if this value is its last owner.
        try withExtendedLifetime(storage) { try body(UnsafeRawBufferPointer(storage.bytes)) }
    }

    /// All bytes for writing, in the schema's order. The pointer is valid during the call only.
    public mutating func withUnsafeMutableBytes<R>(
        _ body: (UnsafeMutableRawBufferPointer) throws -> R
    ) rethrows -> R {
        makeUnique()
        return try withExtendedLifetime(storage) { try body(storage.bytes) }
    }

    /// The bytes of one tensor. The pointer is valid during the call only.
    public func withUnsafeBytes<R>(of name: String, _ body: (UnsafeRawBufferPointer) throws -> R) throws -> R {
        let range = schema.byteRange(at: try index(of: name))
        return try withUnsafeBytes { try body(UnsafeRawBufferPointer(rebasing: $0[range])) }
    }

    /// The bytes of one tensor for writing. The pointer is valid during the call only.
    public mutating func withUnsafeMutableBytes<R>(
        of name: String,
        _ body: (UnsafeMutableRawBufferPointer) throws -> R
    ) throws -> R {
        let range = schema.byteRange(at: try index(of: name))
        return try withUnsafeMutableBytes { try body(UnsafeMutableRawBufferPointer(rebasing: $0[range])) }
    }

    /// One tensor, nil when there is none of that name. It shares the bytes.
    public func tensor(named name: String) -> WeightsTensor? {
        schema.index(of: name).map { WeightsTensor(weights: self, index: $0) }
    }

    /// One tensor, nil when there is none of that name. It shares the bytes.
    public subscript(name: String) -> WeightsTensor? {
        tensor(named: name)
    }

    /// The tensors in canonical order.
    public var tensors: [WeightsTensor] {
        schema.tensors.indices.map { WeightsTensor(weights: self, index: $0) }
    }

    // MARK: Helpers

    mutating func makeUnique() {
        if !isKnownUniquelyReferenced(&storage) {
            storage = storage.copy()
        }
    }

    func index(of name: String) throws -> Int {
        guard let index = schema.index(of: name) else {
            throw WeightsError(.unknownTensor, "there is no tensor \(quoted(name))")
        }
        return index
    }
}

extension Weights: Equatable {
    /// Equal schemas and equal bytes. Bits are compared: NaN equals itself, 0 and −0 differ.
    public static func == (left: Weights, right: Weights) -> Bool {
        guard left.schema == right.schema else { return false }
        if left.storage === right.storage { return true }
        return left.withUnsafeBytes { leftBytes in
            right.withUnsafeBytes { rightBytes in
                guard let leftBase = leftBytes.baseAddress, let rightBase = rightBytes.baseAddress else { return true }
                return memcmp(leftBase, rightBase, leftBytes.count) == 0
            }
        }
    }
}

/// One tensor of ``Weights``. Holds the bytes alive and does not see later changes of the weights it came from.
public struct WeightsTensor: Sendable {
    private let weights: Weights
    private let index: Int

    init(weights: Weights, index: Int) {
        self.weights = weights
        self.index = index
    }

    /// Name, dtype and shape.
    public var spec: TensorSpec { weights.schema.tensors[index] }

    /// The bytes, little-endian, row-major. The pointer is valid during the call only.
    public func withUnsafeBytes<R>(_ body: (UnsafeRawBufferPointer) throws -> R) rethrows -> R {
        let range = weights.schema.byteRange(at: index)
        return try weights.withUnsafeBytes { try body(UnsafeRawBufferPointer(rebasing: $0[range])) }
    }

    /// A copy of the bytes.
    public var bytes: [UInt8] {
        withUnsafeBytes { Array($0) }
    }

    /// The elements as Float32, see ``Weights/floats(_:)``.
    public func floats() throws -> [Float] {
        try weights.floats(spec.name)
    }
}
