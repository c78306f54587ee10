internal import CTorch

extension Tensor {
    /// The sum of all elements.
    public func sum() throws(TensorError) -> Tensor { try reduced("sum", CT_SUM) }

    /// The mean of all elements.
    public func mean() throws(TensorError) -> Tensor { try reduced("mean", CT_MEAN) }

    /// The greatest element.
    public func max() throws(TensorError) -> Tensor { try reduced("max", CT_MAX) }

    /// The least element.
    public func min() throws(TensorError) -> Tensor { try reduced("min", CT_MIN) }

    /// The sums along one axis.
    ///
    /// - Parameter keepAxis: whether the axis stays, with extent 1.
    public func sum(axis: Int, keepAxis: Bool = false) throws(TensorError) -> Tensor {
        try reduced("sum", CT_SUM, axis, keepAxis)
    }

    /// The means along one axis.
    public func mean(axis: Int, keepAxis: Bool = false) throws(TensorError) -> Tensor {
        try reduced("mean", CT_MEAN, axis, keepAxis)
    }

    /// The greatest elements along one axis; the gradient goes to one position each, as in PyTorch's `max(dim)`.
    public func max(axis: Int, keepAxis: Bool = false) throws(TensorError) -> Tensor {
        try reduced("max", CT_MAX, axis, keepAxis)
    }

    /// The least elements along one axis.
    public func min(axis: Int, keepAxis: Bool = false) throws(TensorError) -> Tensor {
        try reduced("min", CT_MIN, axis, keepAxis)
    }

    /// The positions of the greatest elements along one axis, as 64-bit integers.
    public func argmax(axis: Int, keepAxis: Bool = false) throws(TensorError) -> Tensor {
        try reduced("argmax", CT_ARGMAX, axis, keepAxis)
    }

    private func reduced(_ name: StaticString, _ operation: ct_reduce_op) throws(TensorError) -> Tensor {
        try Tensor.make(name) { ct_reduce(operation, handle, $0) }
    }

    private func reduced(
        _ name: StaticString,
        _ operation: ct_reduce_op,
        _ axis: Int,
        _ keepAxis: Bool
    ) throws(TensorError) -> Tensor {
        try Tensor.make(name) { ct_reduce_axis(operation, handle, Int64(axis), keepAxis, $0) }
    }
}
