import Crypto

/// The tensors of a model without their values: names, element types and shapes, in canonical order.
///
/// Canonical order is by width of the element, widest first, then by the UTF-8 bytes of the name. With the tensors laid
/// out one after the other in this order, each is naturally aligned and there are no gaps.
public struct WeightsSchema: Sendable {
    /// The tensors in canonical order.
    public let tensors: [TensorSpec]
    /// Where each tensor starts in the contiguous bytes, in the order of `tensors`.
    public let byteOffsets: [Int]
    /// The sum of the tensors' bytes.
    public let byteCount: Int
    /// Elements of the floating-point tensors: what is noised, masked and measured.
    public var floatCount: Int { tensors.reduce(0) { $0 + ($1.dtype.isFloat ? $1.elementCount : 0) } }
    /// SHA-256, as 64 lowercase hexadecimal digits, of ``Safetensors/canonicalHeader(_:)`` without its padding. Equal
    /// for equal schemas, whatever order the tensors were given in.
    public let digest: String

    private let indices: [String: Int]

    /// A schema of the given tensors, in any order.
    ///
    /// - Throws: ``WeightsError``: `duplicateName` for two names that are equal or equivalent in Unicode,
    ///   `sizeOverflow` when the sum of the sizes does not fit.
    public init(_ tensors: [TensorSpec]) throws {
        let ordered = tensors.sorted(by: Self.canonicallyPrecedes)
        var indices: [String: Int] = [:]
        indices.reserveCapacity(ordered.count)
        var offsets: [Int] = []
        offsets.reserveCapacity(ordered.count)
        var offset = 0
        for (index, spec) in ordered.enumerated() {
            guard indices.updateValue(index, forKey: spec.name) == nil else {
                throw WeightsError(.duplicateName, "two tensors have the name \(quoted(spec.name))")
            }
            offsets.append(offset)
            let (sum, overflow) = offset.addingReportingOverflow(spec.byteCount)
            guard !overflow else {
                throw WeightsError(.sizeOverflow, "the tensors up to \(quoted(spec.name)) have too many bytes")
            }
            offset = sum
        }
        self.tensors = ordered
        self.indices = indices
        byteOffsets = offsets
        byteCount = offset
        digest = hexadecimal(SHA256.hash(data: SafetensorsHeader.canonicalText(ordered, offsets)))
    }

    private static func canonicallyPrecedes(_ left: TensorSpec, _ right: TensorSpec) -> Bool {
        let (leftWidth, rightWidth) = (left.dtype.byteWidth, right.dtype.byteWidth)
        if leftWidth != rightWidth { return leftWidth > rightWidth }
        return left.name.utf8.lexicographicallyPrecedes(right.name.utf8)
    }

    /// The number of elements of all tensors.
    public var elementCount: Int {
        // Cannot overflow: every element has at least a byte and the bytes fit.
        tensors.reduce(0) { $0 + $1.elementCount }
    }

    /// The position of a tensor in ``tensors``, nil when there is none of that name.
    public func index(of name: String) -> Int? {
        guard let index = indices[name], tensors[index].name.utf8.elementsEqual(name.utf8) else { return nil }
        return index
    }

    /// The tensor of that name, nil when there is none.
    public subscript(name: String) -> TensorSpec? {
        index(of: name).map { tensors[$0] }
    }

    /// The bytes of the tensor at an index of ``tensors`` within the contiguous bytes.
    public func byteRange(at index: Int) -> Range<Int> {
        byteOffsets[index]..<(byteOffsets[index] + tensors[index].byteCount)
    }

    /// The schema of an update to weights of this schema: every float tensor as f32, the others as they are.
    public func updateSchema() throws -> WeightsSchema {
        try WeightsSchema(
            tensors.map { spec in
                spec.dtype.isFloat ? try TensorSpec(name: spec.name, dtype: .f32, shape: spec.shape) : spec
            }
        )
    }

    /// Why this schema is not `expected`: one sentence a tensor, sorted by name; empty when they are equal.
    public func difference(from expected: WeightsSchema) -> [String] {
        if self == expected { return [] }
        return differences(from: expected).map(\.description)
    }

    /// The same as ``difference(from:)`` with a kind for each.
    public func differences(from expected: WeightsSchema) -> [SchemaDifference] {
        var found: [SchemaDifference] = []
        for spec in expected.tensors {
            guard let own = self[spec.name] else {
                found.append(SchemaDifference(kind: .missing, name: spec.name, found: nil, expected: spec))
                continue
            }
            if own.shape != spec.shape {
                found.append(SchemaDifference(kind: .shape, name: spec.name, found: own, expected: spec))
            }
            if own.dtype != spec.dtype {
                found.append(SchemaDifference(kind: .dtype, name: spec.name, found: own, expected: spec))
            }
        }
        for spec in tensors where expected.index(of: spec.name) == nil {
            found.append(SchemaDifference(kind: .unexpected, name: spec.name, found: spec, expected: nil))
        }
        return found.sorted { left, right in
            left.name.utf8.elementsEqual(right.name.utf8)
                ? left.kind.rawValue < right.kind.rawValue : left.name.utf8.lexicographicallyPrecedes(right.name.utf8)
        }
    }
}

/// One way in which a schema differs from the expected one.
public struct SchemaDifference: Sendable, Hashable, CustomStringConvertible {
    /// What differs.
    public enum Kind: String, Sendable, CaseIterable {
        /// The expected tensor is not there.
        case missing
        /// A tensor that nobody expects.
        case unexpected
        /// Another shape.
        case shape
        /// Another element type.
        case dtype
    }

    /// What differs.
    public let kind: Kind
    /// The tensor's name.
    public let name: String
    /// What is there, nil when missing.
    public let found: TensorSpec?
    /// What should be there, nil when unexpected.
    public let expected: TensorSpec?

    /// A sentence for people.
    public var description: String {
        let name = quoted(name)
        return switch (kind, found, expected) {
        case (.shape, let found?, let expected?):
            "tensor \(name) has shape \(found.shape), expected \(expected.shape)"
        case (.dtype, let found?, let expected?):
            "tensor \(name) has dtype \(found.dtype.rawValue), expected \(expected.dtype.rawValue)"
        case (.unexpected, _, _): "tensor \(name) is not expected"
        default: "tensor \(name) is missing"
        }
    }
}

extension WeightsSchema: Hashable {
    /// Equal when names (byte for byte), dtypes and shapes are equal.
    public static func == (left: WeightsSchema, right: WeightsSchema) -> Bool {
        left.digest == right.digest
    }

    /// Hashes the digest.
    public func hash(into hasher: inout Hasher) {
        hasher.combine(digest)
    }
}

extension WeightsSchema: Codable {
    /// Decodes the list of tensors and checks it like the other initialiser.
    public init(from decoder: any Decoder) throws {
        try self.init(decoder.singleValueContainer().decode([TensorSpec].self))
    }

    /// Encodes the list of tensors.
    public func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(tensors)
    }
}

/// Lowercase hexadecimal digits of a digest.
func hexadecimal(_ digest: some Sequence<UInt8>) -> String {
    let digits = Array("0123456789abcdef".utf8)
    return String(decoding: digest.flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] }, as: UTF8.self)
}
