/// Name, element type and shape of one tensor. Elements are in row-major order.
///
/// Names are compared byte for byte in UTF-8, not by Unicode equivalence.
public struct TensorSpec: Sendable {
    /// Largest number of dimensions.
    public static let maximumRank = 32

    /// The name, for example `gru.weight_ih_l0`.
    public let name: String
    /// The element type.
    public let dtype: DType
    /// The dimensions, outermost first; empty for a scalar.
    public let shape: [Int]
    /// The product of the dimensions, 1 for a scalar.
    public let elementCount: Int
    /// `elementCount` times the width of an element.
    public let byteCount: Int

    /// A checked specification.
    ///
    /// - Throws: ``WeightsError``: `invalidName` when the name is empty or `__metadata__`, `invalidShape` for a negative
    ///   dimension or more than ``maximumRank``, `sizeOverflow` when a size does not fit.
    public init(name: String, dtype: DType, shape: [Int]) throws {
        guard !name.isEmpty, name != "__metadata__" else {
            throw WeightsError(.invalidName, "a tensor cannot have the name \(quoted(name))")
        }
        guard shape.count <= Self.maximumRank else {
            throw WeightsError(
                .invalidShape,
                "tensor \(quoted(name)) has \(shape.count) dimensions, at most \(Self.maximumRank) are allowed"
            )
        }
        var count = 1
        for dimension in shape {
            guard dimension >= 0 else {
                throw WeightsError(.invalidShape, "tensor \(quoted(name)) has the negative dimension \(dimension)")
            }
            let (product, overflow) = count.multipliedReportingOverflow(by: dimension)
            guard !overflow else {
                throw WeightsError(.sizeOverflow, "tensor \(quoted(name)) of shape \(shape) has too many elements")
            }
            count = product
        }
        let (bytes, overflow) = count.multipliedReportingOverflow(by: dtype.byteWidth)
        guard !overflow else {
            throw WeightsError(.sizeOverflow, "tensor \(quoted(name)) of shape \(shape) has too many bytes")
        }
        self.name = name
        self.dtype = dtype
        self.shape = shape
        elementCount = count
        byteCount = bytes
    }
}

extension TensorSpec: Hashable {
    /// Equal name bytes, dtype and shape.
    public static func == (left: TensorSpec, right: TensorSpec) -> Bool {
        left.dtype == right.dtype && left.shape == right.shape && left.name.utf8.elementsEqual(right.name.utf8)
    }

    /// Consistent with `==`.
    public func hash(into hasher: inout Hasher) {
        hasher.combine(dtype)
        hasher.combine(shape)
        hasher.combine(name)
    }
}

extension TensorSpec: Codable {
    private enum CodingKeys: String, CodingKey {
        case name, dtype, shape
    }

    /// Decodes name, dtype and shape and checks them like the other initialiser.
    public init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        try self.init(
            name: container.decode(String.self, forKey: .name),
            dtype: container.decode(DType.self, forKey: .dtype),
            shape: container.decode([Int].self, forKey: .shape)
        )
    }

    /// Encodes name, dtype and shape.
    public func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encode(name, forKey: .name)
        try container.encode(dtype, forKey: .dtype)
        try container.encode(shape, forKey: .shape)
    }
}
