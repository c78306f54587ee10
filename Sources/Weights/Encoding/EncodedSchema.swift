/// The tensors of an encoded update, which follow from those of the update and the encoding alone: whoever knows the job
/// knows every name, shape and byte count before the first byte comes.
///
/// An encoded update is a safetensors file in canonical form like any other. Of each tensor it holds, by its form:
///
/// | form | tensors |
/// |---|---|
/// | plain | `NAME`, unchanged |
/// | half | `NAME` in BF16 or F16 |
/// | blocks | `NAME` in U8, the integers plus 128; `NAME#scale` in F32, one number a block |
/// | sparse | `NAME#value` in F32; `NAME#index` in U8 of shape [count, 4], the places as little-endian 32-bit numbers, ascending |
///
/// safetensors' I8 and U32 are no element types of tensors here (no model has them, LibTorch 1.13 lacks U32), hence
/// bytes. In NumPy they are `code.astype(int) - 128` and `index.view("<u4")[:, 0]`.
public struct EncodedSchema: Sendable, Hashable {
    /// How one tensor is written.
    public enum Form: Sendable, Hashable {
        /// As it is.
        case plain
        /// In a 16-bit float type.
        case half(DType)
        /// In integers with a scale for each so many elements.
        case blocks(of: Int)
        /// So many elements with their places.
        case sparse(count: Int)
    }

    /// What a tensor of the file is.
    public enum Role: Sendable, Hashable {
        /// All elements, plain or half.
        case whole
        /// The integers of blocks.
        case code
        /// The scales of blocks.
        case scale
        /// The kept elements.
        case value
        /// Their places.
        case index
    }

    /// One tensor of the file.
    public struct Part: Sendable, Hashable {
        /// The position in ``EncodedSchema/plain`` of the tensor it belongs to.
        public let tensor: Int
        /// What it is.
        public let role: Role
    }

    /// The update's tensors.
    public let plain: WeightsSchema
    /// The file's tensors.
    public let encoded: WeightsSchema
    /// What error feedback remembers: the tensors that are not plain, in F32. Empty without error feedback.
    public let residual: WeightsSchema
    /// The form of each tensor of ``plain``.
    public let forms: [Form]
    /// What each tensor of ``encoded`` is.
    public let parts: [Part]
    /// For each tensor of ``plain`` where its elements, codes or values are in ``encoded``.
    let main: [Int]
    /// For each tensor of ``plain`` where its scales or indices are in ``encoded``.
    let side: [Int?]

    /// Works the tensors out.
    ///
    /// - Parameters:
    ///   - plain: the update's tensors.
    ///   - encoding: how they are written.
    ///   - isLeft: says of a name that its tensor stays as it is.
    /// - Throws: ``WeightsError`` `duplicateName` when a tensor has the name of another's scales, values or places.
    public init(
        _ plain: WeightsSchema, _ encoding: UpdateEncoding = .f32, leaving isLeft: (String) -> Bool = { _ in false }
    ) throws {
        let forms = plain.tensors.map { isLeft($0.name) ? Form.plain : encoding.form(of: $0) }
        var owners: [String: Part] = [:]
        var specs: [TensorSpec] = []
        func add(_ tensor: Int, _ role: Role, _ suffix: String, _ dtype: DType, _ shape: [Int]) throws {
            let spec = try TensorSpec(name: plain.tensors[tensor].name + suffix, dtype: dtype, shape: shape)
            specs.append(spec)
            owners[spec.name] = Part(tensor: tensor, role: role)
        }
        for (index, spec) in plain.tensors.enumerated() {
            switch forms[index] {
            case .plain: try add(index, .whole, "", spec.dtype, spec.shape)
            case .half(let dtype): try add(index, .whole, "", dtype, spec.shape)
            case .blocks(let size):
                try add(index, .code, "", .u8, spec.shape)
                try add(index, .scale, "#scale", .f32, [Self.blocks(of: spec.elementCount, size: size)])
            case .sparse(let count):
                try add(index, .value, "#value", .f32, [count])
                try add(index, .index, "#index", .u8, [count, 4])
            }
        }
        encoded = try WeightsSchema(specs)
        parts = encoded.tensors.compactMap { owners[$0.name] }
        residual =
            encoding.hasErrorFeedback
            ? try WeightsSchema(zip(plain.tensors, forms).filter { $1 != .plain }.map { $0.0 }) : try WeightsSchema([])
        var main = [Int](repeating: 0, count: forms.count)
        var side = [Int?](repeating: nil, count: forms.count)
        for (position, part) in parts.enumerated() {
            switch part.role {
            case .whole, .code, .value: main[part.tensor] = position
            case .scale, .index: side[part.tensor] = position
            }
        }
        self.plain = plain
        self.forms = forms
        self.main = main
        self.side = side
    }

    /// Whether the file is the update itself.
    public var isPlain: Bool { forms.allSatisfy { $0 == .plain } }

    /// The exact size of the file in bytes.
    public var fileBytes: Int { Safetensors.canonicalSize(encoded) }

    /// How many blocks so many elements have.
    public static func blocks(of count: Int, size: Int) -> Int { (count + size - 1) / size }
}
