import Weights

/// FedAdagrad, FedYogi, FedAdam and FedAdamW: with the round's update Δ̄, Σₖ (nₖ / Σn) Δₖ by default,
/// m ← β₁ m + (1 − β₁) Δ̄, w ← w + η m / (√v + τ), and
///
/// - Adagrad: v ← v + Δ̄²
/// - Yogi: v ← v − (1 − β₂) Δ̄² sign(v − Δ̄²)
/// - Adam and AdamW: v ← β₂ v + (1 − β₂) Δ̄²; AdamW also takes η λ w off the weights (I. Loshchilov, F. Hutter,
///   "Decoupled weight decay regularization", ICLR 2019)
///
/// from m = 0 and v = τ², without bias correction. S. Reddi et al., "Adaptive federated optimization", ICLR 2021,
/// algorithm 2.
///
/// The global weights hold m and v as `aux.server.m.<tensor>` and `aux.server.v.<tensor>`, and the number of folds as
/// `aux.server.step`; at 0 the stored v is not looked at.
struct AdaptiveServerRule: BlockRule {
    /// `fedopt`.
    let name = "fedopt"
    let numbers: AdaptiveOptimizer

    func plan(_ reader: BlockReader) throws -> (weights: [Double], plan: Bool) {
        (reader.context.combined.weights, try reader.isFirstFold())
    }

    func model(_ name: String, _ isFirst: Bool, _ reader: BlockReader) throws -> UnsafeMutableBufferPointer<Double> {
        let second = try second(name, isFirst, reader)
        let first = try first(name, isFirst, reader)
        // The slot of the first moment's old value is free by now.
        let weights = try reader.global(name, slot: 1)
        for element in weights.indices {
            weights[element] += numbers.learningRate * first[element] / (second[element].squareRoot() + numbers.tau)
        }
        if numbers.variant == .adamw { try decay(name, weights, reader) }
        return weights
    }

    func auxiliary(
        _ kind: AuxiliaryKind, of tensor: String, _ isFirst: Bool, _ reader: BlockReader
    ) throws -> UnsafeMutableBufferPointer<Double>? {
        switch kind {
        case .first: try first(tensor, isFirst, reader)
        case .second: try second(tensor, isFirst, reader)
        default: nil
        }
    }

    /// w ← w − η λ w₀, with w₀ the weights before the step.
    private func decay(_ name: String, _ weights: UnsafeMutableBufferPointer<Double>, _ reader: BlockReader) throws {
        let old = try reader.global(name, slot: 0)
        for element in weights.indices {
            weights[element] -= numbers.learningRate * numbers.weightDecay * old[element]
        }
    }

    /// The next first moment, in slot 0.
    private func first(_ name: String, _ isFirst: Bool, _ reader: BlockReader) throws -> UnsafeMutableBufferPointer<
        Double
    > {
        let mean = try reader.update(name, slot: 0)
        let old = try reader.global(AuxiliaryKind.first.name(name), slot: 1)
        for element in mean.indices {
            mean[element] = numbers.beta1 * old[element] + (1 - numbers.beta1) * mean[element]
        }
        return mean
    }

    /// The next second moment, in slot 2.
    private func second(
        _ name: String, _ isFirst: Bool, _ reader: BlockReader
    ) throws -> UnsafeMutableBufferPointer<Double> {
        let mean = try reader.update(name, slot: 0)
        let moment = try reader.global(AuxiliaryKind.second.name(name), slot: 2)
        if isFirst { moment.update(repeating: numbers.tau * numbers.tau) }
        for element in moment.indices {
            let square = mean[element] * mean[element]
            switch numbers.variant {
            case .adagrad: moment[element] += square
            case .adam, .adamw: moment[element] = numbers.beta2 * moment[element] + (1 - numbers.beta2) * square
            case .yogi:
                let difference = moment[element] - square
                let sign = difference > 0 ? 1.0 : difference < 0 ? -1 : 0
                moment[element] -= (1 - numbers.beta2) * square * sign
            }
        }
        return moment
    }
}
