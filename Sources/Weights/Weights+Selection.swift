extension WeightsSchema {
    /// The tensors whose names pass a test; the schema itself when all do.
    public func filtered(_ isIncluded: (TensorSpec) throws -> Bool) throws -> WeightsSchema {
        let chosen = try tensors.filter(isIncluded)
        return chosen.count == tensors.count ? self : try WeightsSchema(chosen)
    }

    /// The tensors of both.
    ///
    /// - Throws: ``WeightsError`` `duplicateName` for a name that is in both, `sizeOverflow`.
    public func joined(with other: WeightsSchema) throws -> WeightsSchema {
        other.tensors.isEmpty ? self : try WeightsSchema(tensors + other.tensors)
    }
}

extension Weights {
    /// The tensors that pass a test, copied; shares the bytes when all do.
    public func filtered(_ isIncluded: (TensorSpec) throws -> Bool) throws -> Weights {
        let chosen = try schema.filtered(isIncluded)
        if chosen == schema { return self }
        var result = Weights(zeros: chosen)
        try result.assign(from: self)
        return result
    }

    /// The tensors of both, copied; shares the bytes when `other` is empty.
    ///
    /// - Throws: ``WeightsError`` `duplicateName` for a name that is in both.
    public func joined(with other: Weights) throws -> Weights {
        if other.schema.tensors.isEmpty { return self }
        var result = Weights(zeros: try schema.joined(with: other.schema))
        try result.assign(from: self)
        try result.assign(from: other)
        return result
    }

    /// Overwrites every tensor that `other` has too, with the same element type and shape, by that of `other`.
    ///
    /// - Throws: ``WeightsError`` `schemaMismatch`, before anything changed, when a tensor of both differs in type or
    ///   shape.
    public mutating func assign(from other: Weights) throws {
        var pairs: [(own: Int, theirs: Int)] = []
        for (theirs, spec) in other.schema.tensors.enumerated() {
            guard let own = schema.index(of: spec.name) else { continue }
            guard schema.tensors[own] == spec else {
                throw WeightsError(
                    .schemaMismatch,
                    "tensor \(quoted(spec.name)) is \(spec.dtype.rawValue) \(spec.shape), expected "
                        + "\(schema.tensors[own].dtype.rawValue) \(schema.tensors[own].shape)")
            }
            pairs.append((own, theirs))
        }
        let schema = schema
        withUnsafeMutableBytes { target in
            other.withUnsafeBytes { source in
                for (own, theirs) in pairs {
                    UnsafeMutableRawBufferPointer(rebasing: target[schema.byteRange(at: own)])
                        .copyMemory(from: UnsafeRawBufferPointer(rebasing: source[other.schema.byteRange(at: theirs)]))
                }
            }
        }
    }
}
