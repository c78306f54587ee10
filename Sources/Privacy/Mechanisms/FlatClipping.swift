public import Weights

/// Clipping to an L2 norm: Δ·min(1, C/‖Δ‖), over all tensors of an update together.
///
/// M. Abadi et al., "Deep learning with differential privacy", CCS 2016; H. B. McMahan et al., "Learning differentially
/// private recurrent language models", ICLR 2018.
public enum FlatClipping {
    /// The factor for an update of a norm; 0 for one that is not finite, so that it moves nothing.
    public static func factor(norm: Double, bound: Double) -> Double {
        guard norm.isFinite, norm >= 0 else { return 0 }
        guard norm > bound else { return 1 }
        // Rounded down, so that the product is never longer than the bound.
        return (bound / norm).nextDown
    }

    /// Scales numbers by a factor in place; by 1 or more nothing happens.
    public static func scale(_ values: UnsafeMutableBufferPointer<Float>, by factor: Double) {
        guard factor < 1 else { return }
        for index in values.indices { values[index] = factor > 0 ? Float(Double(values[index]) * factor) : 0 }
    }

    /// An update whose norm over all tensors is at most `bound`, but for the rounding of its elements.
    ///
    /// - Throws: `WeightsError` for a tensor that is not of 32-bit floats.
    public static func clipped(_ update: Weights, to bound: Double) throws -> Weights {
        let factor = factor(norm: update.norm, bound: bound)
        guard factor < 1 else { return update }
        var result = update
        for spec in update.schema.tensors { try result.withMutableFloats(spec.name) { scale($0, by: factor) } }
        return result
    }
}
