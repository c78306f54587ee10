import Weights

/// FedOpt with momentum SGD at the server: with the round's update Δ̄, Σₖ (nₖ / Σn) Δₖ by default, and the pseudo-gradient G = (w − w̄) / η_c = −Δ̄ / η_c,
/// V ← G at the first fold, then β V + G; w ← w − η V.
///
/// η_c is the clients' step size: this is `FedOpt` of the FedMultimodal benchmark (T. Feng et al., KDD 2023), server
/// momentum as in T.-M. H. Hsu, H. Qi, M. Brown, "Measuring the effects of non-identical data distribution for federated
/// visual classification", 2019. With η = η_c and β = 0 it is federated averaging.
///
/// The global weights hold V as `aux.server.m.<tensor>` and the number of folds as `aux.server.step`.
struct ServerMomentumRule: BlockRule {
    /// `fedopt`.
    let name = "fedopt"
    let learningRate: Double
    let momentum: Double
    let clientLearningRate: Double

    /// A fold; `clientLearningRate` is more than 0.
    init(learningRate: Double, momentum: Double, clientLearningRate: Double) {
        precondition(clientLearningRate > 0, "a step size is more than nothing")
        self.learningRate = learningRate
        self.momentum = momentum
        self.clientLearningRate = clientLearningRate
    }

    func plan(_ reader: BlockReader) throws -> (weights: [Double], plan: Bool) {
        (reader.context.combined.weights, try reader.isFirstFold())
    }

    func model(
        _ name: String, _ isFirst: Bool, _ reader: BlockReader
    ) throws -> UnsafeMutableBufferPointer<Double> {
        let direction = try velocity(name, isFirst, reader)
        let weights = try reader.global(name, slot: 2)
        for element in weights.indices { weights[element] -= learningRate * direction[element] }
        return weights
    }

    func auxiliary(
        _ kind: AuxiliaryKind, of tensor: String, _ isFirst: Bool, _ reader: BlockReader
    ) throws -> UnsafeMutableBufferPointer<Double>? {
        kind == .first ? try velocity(tensor, isFirst, reader) : nil
    }

    private func velocity(
        _ name: String, _ isFirst: Bool, _ reader: BlockReader
    ) throws -> UnsafeMutableBufferPointer<Double> {
        let mean = try reader.update(name, slot: 0)
        let old = try reader.global(AuxiliaryKind.first.name(name), slot: 1)
        let kept = isFirst ? 0 : momentum
        for element in mean.indices { mean[element] = kept * old[element] - mean[element] / clientLearningRate }
        return mean
    }
}

extension BlockReader {
    /// Whether no fold came before: `aux.server.step` is 0.
    func isFirstFold() throws -> Bool {
        guard let index = global.schema.index(of: AuxiliaryKind.step), global.schema.tensors[index].dtype == .i64,
            global.schema.tensors[index].elementCount == 1
        else {
            throw AggregationError(
                .missingTensor, "the global weights lack the I64 tensor '\(AuxiliaryKind.step)' of the server optimiser"
            )
        }
        move(to: 0, count: 1)
        return try raw(index, .i64).loadUnaligned(as: Int64.self) == 0
    }
}
