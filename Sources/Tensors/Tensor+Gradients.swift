internal import CTorch

/// Runs `body` without recording operations for gradients, then restores what was in force on this thread.
///
/// The setting belongs to the calling thread; `body` is synchronous and so stays on it.
public func noGrad<Result, Failure: Error>(
    _ body: () throws(Failure) -> Result
) throws(Failure) -> Result {
    let before = ct_grad_mode()
    ct_set_grad_mode(false)
    defer { ct_set_grad_mode(before) }
    return try body()
}

extension Tensor {
    /// Whether operations of the calling thread are recorded for gradients.
    public static var isRecording: Bool {
        ct_grad_mode()
    }

    /// Whether operations on this tensor are recorded.
    public var requiresGradient: Bool {
        ct_requires_grad(handle)
    }

    /// Asks for gradients of this tensor, or no longer; only floats, and only a tensor that no operation made.
    @discardableResult
    public func requireGradient(_ flag: Bool = true) throws(TensorError) -> Tensor {
        try checkNative("requireGradient") { ct_set_requires_grad(handle, flag, $0) }
        return self
    }

    /// The gradient accumulated by `backward`, sharing its memory; nil before the first, after `zeroGradient`, and for
    /// tensors that an operation made.
    public var gradient: Tensor? {
        ct_grad(handle).map(Tensor.init(owning:))
    }

    /// Replaces the gradient; nil removes it.
    public func setGradient(_ gradient: Tensor?) throws(TensorError) {
        try checkNative("setGradient") { ct_set_grad(handle, gradient?.handle, $0) }
    }

    /// Removes the gradient, as PyTorch's `zero_grad` does.
    public func zeroGradient() throws(TensorError) {
        try setGradient(nil)
    }

    /// Adds the gradients of this tensor to the `gradient` of every tensor it was computed from.
    ///
    /// - Parameters:
    ///   - gradient: the gradient of the result with respect to this tensor; may be nil for one element (then 1).
    ///   - retainGraph: whether `backward` may run again on the same record.
    public func backward(_ gradient: Tensor? = nil, retainGraph: Bool = false) throws(TensorError) {
        try checkNative("backward") { ct_backward(handle, gradient?.handle, retainGraph, $0) }
    }

    /// The same memory without the record for gradients.
    public func detached() throws(TensorError) -> Tensor {
        try Tensor.make("detached") { ct_detach(handle, $0) }
    }
}

// Changes in place, never recorded.
extension Tensor {
    /// Overwrites the elements with those of a tensor of the same shape, converting their type.
    public func assign(_ other: Tensor) throws(TensorError) {
        try checkNative("assign") { ct_copy(handle, other.handle, $0) }
    }

    /// Overwrites every element.
    public func fill(_ value: Double) throws(TensorError) {
        try checkNative("fill") { ct_fill(handle, value, $0) }
    }

    /// Multiplies every element.
    public func scale(by factor: Double) throws(TensorError) {
        try checkNative("scale") { ct_scale(handle, factor, $0) }
    }

    /// Adds `factor` times another tensor.
    public func add(_ other: Tensor, times factor: Double = 1) throws(TensorError) {
        try checkNative("add") { ct_add_scaled(handle, other.handle, factor, $0) }
    }
}
