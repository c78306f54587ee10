internal import CTorch
public import Weights

/// An array of numbers of one element type, held by LibTorch, with the record of operations that gradients need.
///
/// A tensor owns one LibTorch handle. Operations give new tensors (or views of the same memory, where PyTorch's do) and
/// follow PyTorch's semantics: broadcasting, type promotion, negative axes counted from the end.
///
/// Not `Sendable`: gradient recording and the graph are bound to a thread, so a whole training step runs inside one
/// synchronous closure. What crosses threads is `Weights`.
public final class Tensor {
    let handle: OpaquePointer

    /// Takes over a handle.
    init(owning handle: OpaquePointer) {
        self.handle = handle
    }

    deinit {
        ct_free(handle)
    }

    /// Runs one C function that makes a tensor.
    static func make(
        _ operation: StaticString,
        _ body: (NativeMessage) -> OpaquePointer?
    ) throws(TensorError) -> Tensor {
        var result: OpaquePointer?
        try checkNative(operation) { message in
            result = body(message)
            return result != nil
        }
        guard let result else {
            throw TensorError(.outOfMemory, "\(operation): no result")
        }
        return Tensor(owning: result)
    }

    /// The extent of every axis; empty for a single number.
    public var shape: [Int] {
        (0..<ct_rank(handle)).map { Int(ct_extent(handle, $0)) }
    }

    /// The number of axes.
    public var rank: Int {
        Int(ct_rank(handle))
    }

    /// The number of elements: the product of the extents.
    public var count: Int {
        Int(ct_element_count(handle))
    }

    /// The element type, or nil for one that only LibTorch knows (32-bit integers, complex numbers).
    public var dtype: DType? {
        DType(native: ct_dtype_of(handle))
    }
}

extension Tensor: CustomStringConvertible {
    /// The element type and shape, not the values.
    public var description: String {
        "Tensor(\(dtype.map(String.init(describing:)) ?? "?") \(shape))"
    }
}

extension DType {
    init?(native: ct_dtype) {
        switch native {
        case CT_F32: self = .f32
        case CT_F64: self = .f64
        case CT_F16: self = .f16
        case CT_BF16: self = .bf16
        case CT_I64: self = .i64
        case CT_U8: self = .u8
        case CT_BOOL: self = .bool
        default: return nil
        }
    }

    var native: ct_dtype {
        switch self {
        case .f32: CT_F32
        case .f64: CT_F64
        case .f16: CT_F16
        case .bf16: CT_BF16
        case .i64: CT_I64
        case .u8: CT_U8
        case .bool: CT_BOOL
        }
    }
}
