public import Weights

/// What a client does to its own update under local privacy: clip to C, then add N(0, (σC)²) to every float element.
///
/// J. Duchi, M. Jordan, M. Wainwright, "Local privacy and statistical minimax rates", FOCS 2013, for the setting; the
/// Gaussian mechanism of C. Dwork, A. Roth, "The algorithmic foundations of differential privacy", 2014, appendix A, with
/// the sensitivity 2C of replacing the client's data.
public enum LocalNoise {
    /// The protected update; its norm is mostly noise.
    ///
    /// - Throws: `PrivacyError` `invalidParameter` when a tensor is not in f32, the form of updates.
    public static func protect(
        _ update: Weights, clipNorm: Double, noiseMultiplier: Double, stream: NoiseStream
    ) throws -> Weights {
        for spec in update.schema.tensors where spec.dtype != .f32 {
            throw PrivacyError(
                .invalidParameter,
                "local privacy: tensor '\(spec.name)' of the update is \(spec.dtype.rawValue), expected F32: others cannot "
                    + "be noised")
        }
        let factor = FlatClipping.factor(norm: update.norm, bound: clipNorm)
        var result = update
        for (index, spec) in update.schema.tensors.enumerated() where spec.elementCount > 0 {
            let values = UnsafeMutableBufferPointer<Double>.allocate(capacity: spec.elementCount)
            defer { values.deallocate() }
            try update.withFloats(spec.name) { floats in
                for element in 0..<spec.elementCount {
                    // A factor of 0 is for updates that are not finite.
                    values.initializeElement(at: element, to: factor > 0 ? Double(floats[element]) * factor : 0)
                }
            }
            stream.addNormals(tensor: index, start: 0, deviation: noiseMultiplier * clipNorm, to: values)
            try result.withMutableFloats(spec.name) { floats in
                for element in 0..<spec.elementCount { floats[element] = Float(values[element]) }
            }
        }
        return result
    }
}
