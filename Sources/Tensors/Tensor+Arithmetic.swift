internal import CTorch
public import Weights

// Operators and functions of single elements. Two tensors broadcast against each other as in PyTorch.
extension Tensor {
    /// The sum, element by element.
    public static func + (left: Tensor, right: Tensor) throws(TensorError) -> Tensor {
        try left.binary("add", CT_ADD, right)
    }

    /// The difference, element by element.
    public static func - (left: Tensor, right: Tensor) throws(TensorError) -> Tensor {
        try left.binary("subtract", CT_SUBTRACT, right)
    }

    /// The product, element by element.
    public static func * (left: Tensor, right: Tensor) throws(TensorError) -> Tensor {
        try left.binary("multiply", CT_MULTIPLY, right)
    }

    /// The quotient, element by element.
    public static func / (left: Tensor, right: Tensor) throws(TensorError) -> Tensor {
        try left.binary("divide", CT_DIVIDE, right)
    }

    /// Every element plus a number.
    public static func + (left: Tensor, right: Double) throws(TensorError) -> Tensor {
        try left.binary("add", CT_ADD, right)
    }

    /// Every element minus a number.
    public static func - (left: Tensor, right: Double) throws(TensorError) -> Tensor {
        try left.binary("subtract", CT_SUBTRACT, right)
    }

    /// Every element times a number.
    public static func * (left: Tensor, right: Double) throws(TensorError) -> Tensor {
        try left.binary("multiply", CT_MULTIPLY, right)
    }

    /// Every element divided by a number.
    public static func / (left: Tensor, right: Double) throws(TensorError) -> Tensor {
        try left.binary("divide", CT_DIVIDE, right)
    }

    /// Every element with its sign changed.
    public static prefix func - (operand: Tensor) throws(TensorError) -> Tensor {
        try operand.unary("negate", CT_NEGATE)
    }

    /// Every element raised to a power.
    public func power(_ exponent: Double) throws(TensorError) -> Tensor { try binary("power", CT_POWER, exponent) }

    /// The absolute values.
    public func abs() throws(TensorError) -> Tensor { try unary("abs", CT_ABS) }

    /// e raised to every element.
    public func exp() throws(TensorError) -> Tensor { try unary("exp", CT_EXP) }

    /// The natural logarithms.
    public func log() throws(TensorError) -> Tensor { try unary("log", CT_LOG) }

    /// The square roots.
    public func squareRoot() throws(TensorError) -> Tensor { try unary("squareRoot", CT_SQRT) }

    /// The squares.
    public func square() throws(TensorError) -> Tensor { try unary("square", CT_SQUARE) }

    /// The hyperbolic tangents.
    public func tanh() throws(TensorError) -> Tensor { try unary("tanh", CT_TANH) }

    /// 1 / (1 + e^−x).
    public func sigmoid() throws(TensorError) -> Tensor { try unary("sigmoid", CT_SIGMOID) }

    /// max(x, 0).
    public func relu() throws(TensorError) -> Tensor { try unary("relu", CT_RELU) }

    /// The elements limited to `low ... high`.
    public func clamped(low: Double, high: Double) throws(TensorError) -> Tensor {
        try Tensor.make("clamped") { ct_clamp(handle, low, high, $0) }
    }

    /// Whether elements are finite, as a truth value each.
    public func isFinite() throws(TensorError) -> Tensor { try unary("isFinite", CT_IS_FINITE) }

    /// The truth values turned round: true where an element is zero.
    public func logicalNot() throws(TensorError) -> Tensor { try unary("logicalNot", CT_LOGICAL_NOT) }

    /// Where elements are equal.
    public func equal(_ other: Tensor) throws(TensorError) -> Tensor { try binary("equal", CT_EQUAL, other) }

    /// Where elements equal a number.
    public func equal(_ other: Double) throws(TensorError) -> Tensor { try binary("equal", CT_EQUAL, other) }

    /// Where elements are below those of another tensor.
    public func less(_ other: Tensor) throws(TensorError) -> Tensor { try binary("less", CT_LESS, other) }

    /// Where elements are below a number.
    public func less(_ other: Double) throws(TensorError) -> Tensor { try binary("less", CT_LESS, other) }

    /// Where elements are at most those of another tensor.
    public func lessOrEqual(_ other: Tensor) throws(TensorError) -> Tensor {
        try binary("lessOrEqual", CT_LESS_EQUAL, other)
    }

    /// Where elements are above those of another tensor.
    public func greater(_ other: Tensor) throws(TensorError) -> Tensor { try binary("greater", CT_GREATER, other) }

    /// Where elements are above a number.
    public func greater(_ other: Double) throws(TensorError) -> Tensor { try binary("greater", CT_GREATER, other) }

    /// Where elements are at least those of another tensor.
    public func greaterOrEqual(_ other: Tensor) throws(TensorError) -> Tensor {
        try binary("greaterOrEqual", CT_GREATER_EQUAL, other)
    }

    /// Where elements are at least a number.
    public func greaterOrEqual(_ other: Double) throws(TensorError) -> Tensor {
        try binary("greaterOrEqual", CT_GREATER_EQUAL, other)
    }

    /// The elements with `value` wherever `mask` (truth values, broadcast) is true; no gradient flows there.
    public func maskedFill(_ mask: Tensor, _ value: Double) throws(TensorError) -> Tensor {
        try Tensor.make("maskedFill") { ct_masked_fill(handle, mask.handle, value, $0) }
    }

    /// `self` where `condition` is true, `other` elsewhere.
    public func selected(where condition: Tensor, otherwise other: Tensor) throws(TensorError) -> Tensor {
        try Tensor.make("selected") { ct_where(condition.handle, handle, other.handle, $0) }
    }

    /// The elements in another element type.
    public func to(_ dtype: DType) throws(TensorError) -> Tensor {
        try Tensor.make("to") { ct_to_dtype(handle, dtype.native, $0) }
    }

    func unary(_ name: StaticString, _ operation: ct_unary_op) throws(TensorError) -> Tensor {
        try Tensor.make(name) { ct_unary(operation, handle, $0) }
    }

    func binary(_ name: StaticString, _ operation: ct_binary_op, _ other: Tensor) throws(TensorError) -> Tensor {
        try Tensor.make(name) { ct_binary(operation, handle, other.handle, $0) }
    }

    private func binary(
        _ name: StaticString,
        _ operation: ct_binary_op,
        _ value: Double
    ) throws(TensorError) -> Tensor {
        try Tensor.make(name) { ct_binary_scalar(operation, handle, value, $0) }
    }
}
