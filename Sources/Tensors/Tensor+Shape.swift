internal import CTorch

// Changes of shape. Those marked as views share memory with their source.
extension Tensor {
    /// The same elements in another shape; one extent may be −1. A view where memory allows it.
    public func reshaped(_ shape: [Int]) throws(TensorError) -> Tensor {
        let extents = shape.map(Int64.init)
        return try Tensor.make("reshaped") { ct_reshape(handle, extents, Int32(extents.count), $0) }
    }

    /// A view with axes of extent 1 repeated to `shape`; −1 keeps an extent.
    public func expanded(_ shape: [Int]) throws(TensorError) -> Tensor {
        let extents = shape.map(Int64.init)
        return try Tensor.make("expanded") { ct_expand(handle, extents, Int32(extents.count), $0) }
    }

    /// A view with the axes in another order.
    public func permuted(_ axes: [Int]) throws(TensorError) -> Tensor {
        let order = axes.map(Int64.init)
        return try Tensor.make("permuted") { ct_permute(handle, order, Int32(order.count), $0) }
    }

    /// A view with two axes exchanged.
    public func transposed(_ first: Int, _ second: Int) throws(TensorError) -> Tensor {
        try Tensor.make("transposed") { ct_transpose(handle, Int64(first), Int64(second), $0) }
    }

    /// A view with a new axis of extent 1.
    public func unsqueezed(_ axis: Int) throws(TensorError) -> Tensor {
        try Tensor.make("unsqueezed") { ct_unsqueeze(handle, Int64(axis), $0) }
    }

    /// A view without one axis, if its extent is 1.
    public func squeezed(_ axis: Int) throws(TensorError) -> Tensor {
        try Tensor.make("squeezed") { ct_squeeze(handle, Int64(axis), $0) }
    }

    /// A view of the positions `start`, `start + step`, … below `end` of one axis; bounds past the end are cut.
    public func slice(
        axis: Int,
        start: Int = 0,
        end: Int = .max,
        step: Int = 1
    ) throws(TensorError) -> Tensor {
        try Tensor.make("slice") {
            ct_slice(handle, Int64(axis), Int64(start), Int64(end), Int64(step), $0)
        }
    }

    /// A view of one position of an axis, without that axis.
    public func select(axis: Int, index: Int) throws(TensorError) -> Tensor {
        try Tensor.make("select") { ct_select(handle, Int64(axis), Int64(index), $0) }
    }

    /// The positions of one axis that `indices` (64-bit integers, one axis) name, in that order.
    public func indexSelect(axis: Int, _ indices: Tensor) throws(TensorError) -> Tensor {
        try Tensor.make("indexSelect") { ct_index_select(handle, Int64(axis), indices.handle, $0) }
    }

    /// The elements at `indices` along one axis: for axis 1 of a matrix, out[i][j] = self[i][indices[i][j]].
    public func gather(axis: Int, _ indices: Tensor) throws(TensorError) -> Tensor {
        try Tensor.make("gather") { ct_gather(handle, Int64(axis), indices.handle, $0) }
    }

    /// A copy that keeps the record for gradients.
    public func cloned() throws(TensorError) -> Tensor {
        try Tensor.make("cloned") { ct_clone(handle, $0) }
    }

    /// The elements row-major in memory: the tensor itself where they are, else a copy.
    public func contiguous() throws(TensorError) -> Tensor {
        try Tensor.make("contiguous") { ct_contiguous(handle, $0) }
    }

    /// The tensors one after another along an axis they share.
    public static func concatenate(_ tensors: [Tensor], axis: Int) throws(TensorError) -> Tensor {
        let handles = tensors.map(\.handle)
        return try withExtendedLifetime(tensors) { () throws(TensorError) in
            try make("concatenate") { ct_cat(handles, handles.count, Int64(axis), $0) }
        }
    }

    /// The tensors, all of one shape, along a new axis.
    public static func stack(_ tensors: [Tensor], axis: Int = 0) throws(TensorError) -> Tensor {
        let handles = tensors.map(\.handle)
        return try withExtendedLifetime(tensors) { () throws(TensorError) in
            try make("stack") { ct_stack(handles, handles.count, Int64(axis), $0) }
        }
    }
}
