public import Weights

/// What a client does to its own update under local privacy: clip to C, then add N(0, (σC)²) to every element.
///
/// C. Dwork, A. Roth, "The algorithmic foundations of differential privacy", 2014, appendix A, for the Gaussian mechanism;
/// the sensitivity is 2C, for the client's data may be replaced by any other.
public struct LocalNoise: Sendable {
    private let factor: Double
    private let deviation: Double
    private let stream: NoiseStream

    /// The noise of one update.
    ///
    /// - Parameters:
    ///   - norm: the update's L2 norm over all tensors; one that is not finite leaves nothing of the update.
    ///   - clipNorm: C.
    ///   - noiseMultiplier: σ.
    ///   - stream: of the client, job, round and attempt.
    public init(norm: Double, clipNorm: Double, noiseMultiplier: Double, stream: NoiseStream) {
        factor = FlatClipping.factor(norm: norm, bound: clipNorm)
        deviation = noiseMultiplier * clipNorm
        self.stream = stream
    }

    /// Clips and noises some elements of a tensor in place.
    ///
    /// - Parameters:
    ///   - tensor: the tensor's position in the update's schema.
    ///   - start: the first element.
    public func apply(tensor: Int, start: Int, to floats: UnsafeMutableBufferPointer<Float>) {
        let values = UnsafeMutableBufferPointer<Double>.allocate(capacity: floats.count)
        defer { values.deallocate() }
        for index in 0..<floats.count {
            values.initializeElement(at: index, to: factor > 0 ? Double(floats[index]) * factor : 0)
        }
        stream.addNormals(tensor: tensor, start: start, deviation: deviation, to: values)
        for index in 0..<floats.count { floats[index] = Float(values[index]) }
    }

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
        let noise = LocalNoise(
            norm: update.norm, clipNorm: clipNorm, noiseMultiplier: noiseMultiplier, stream: stream)
        var result = update
        for (index, spec) in update.schema.tensors.enumerated() {
            try result.withMutableFloats(spec.name) { noise.apply(tensor: index, start: 0, to: $0) }
        }
        return result
    }
}
