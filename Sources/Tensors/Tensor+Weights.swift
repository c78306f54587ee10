internal import CTorch
public import Weights

extension Tensor {
    /// Copies one tensor of `Weights`.
    public convenience init(_ tensor: WeightsTensor) throws(TensorError) {
        let spec = tensor.spec
        let copied = tensor.withUnsafeBytes { bytes in
            Result { () throws(TensorError) in try Tensor.copy(bytes, shape: spec.shape, dtype: spec.dtype) }
        }
        do throws(TensorError) {
            self.init(owning: try copied.get())
        } catch {
            throw TensorError(error.code, "tensor '\(spec.name)': \(error.message)", cause: error.cause)
        }
    }

    /// Overwrites the elements with those of a tensor of `Weights` of the same shape, in place, converting their type.
    private func assign(_ source: WeightsTensor) throws(TensorError) {
        let spec = source.spec
        let copied = source.withUnsafeBytes { bytes in
            Result { () throws(TensorError) in
                try checkNative("assign") {
                    ct_copy_from_bytes(handle, bytes.baseAddress, bytes.count, spec.dtype.native, $0)
                }
            }
        }
        do throws(TensorError) {
            try copied.get()
        } catch {
            throw TensorError(error.code, "tensor '\(spec.name)': \(error.message)", cause: error.cause)
        }
    }

    /// Names, shapes and element types of tensors.
    ///
    /// - Throws: `TensorError` `mismatch` for a name that stands twice or is not allowed, or an element type that
    ///   `Weights` does not know.
    public static func schema(
        of tensors: [(name: String, tensor: Tensor)]
    ) throws(TensorError) -> WeightsSchema {
        do {
            return try WeightsSchema(
                tensors.map { name, tensor in
                    guard let dtype = tensor.dtype else {
                        throw TensorError(.mismatch, "tensor '\(name)' has an element type that weights cannot hold")
                    }
                    return try TensorSpec(name: name, dtype: dtype, shape: tensor.shape)
                })
        } catch let error as TensorError {
            throw error
        } catch {
            throw TensorError(.mismatch, "tensors that do not make a schema", cause: error)
        }
    }

    /// Copies tensors into `Weights`, in any order.
    public static func weights(
        of tensors: [(name: String, tensor: Tensor)]
    ) throws(TensorError) -> Weights {
        let schema = try schema(of: tensors)
        var failure: TensorError?
        let weights = Weights(schema: schema) { bytes in
            for (name, tensor) in tensors {
                guard let index = schema.index(of: name) else { continue }
                do throws(TensorError) {
                    try tensor.copyBytes(
                        to: UnsafeMutableRawBufferPointer(rebasing: bytes[schema.byteRange(at: index)]))
                } catch {
                    failure = failure ?? error
                }
            }
        }
        if let failure { throw failure }
        return weights
    }

    /// Overwrites tensors with those of the same names in `weights`, converting between float types.
    ///
    /// Everything is checked before anything changes: names must be the same on both sides, shapes equal, and element
    /// types equal or both floats.
    ///
    /// - Throws: `TensorError` `mismatch` that lists what differs.
    public static func load(
        _ weights: Weights,
        into tensors: [(name: String, tensor: Tensor)]
    ) throws(TensorError) {
        let expected = try schema(of: tensors)
        let differences = weights.schema.differences(from: expected).filter { difference in
            guard difference.kind == .dtype, let found = difference.found, let wanted = difference.expected else {
                return true
            }
            return !(found.dtype.isFloat && wanted.dtype.isFloat)
        }
        guard differences.isEmpty else {
            let shown = differences.prefix(5).map(\.description).joined(separator: "; ")
            let more = differences.count > 5 ? "; and \(differences.count - 5) more" : ""
            throw TensorError(.mismatch, "weights do not fit the model: \(shown)\(more)")
        }
        for (name, tensor) in tensors {
            guard let source = weights[name] else { continue }
            try tensor.assign(source)
        }
    }
}
