public import Weights

extension JobSpecification {
    /// The tensors that the job's strategy and rule need beside the model's.
    ///
    /// - Throws: `JobsError` with the code `invalidSpecification` when one of them is not valid.
    public var auxiliaryTensors: AuxiliaryTensors {
        get throws {
            AuxiliaryTensors(
                try StrategySettings(strategy), needsHistory: try AggregationSettings(aggregation).needsHistory)
        }
    }

    /// The schema that every update of this job has: each float tensor of the global weights in f32 except those in
    /// `kept`, those that stay with the clients and the server's own (`aux.server.`), and of the others those in `latest`
    /// in their own type.
    ///
    /// - Throws: `JobsError` with the code `invalidSpecification` when the strategy is not valid, when the weights hold
    ///   other auxiliary tensors than it has, when `kept` or `latest` name a tensor that the weights lack, or when
    ///   nothing is left to train; `WeightsError` when sizes overflow.
    public func updateSchema(for weights: WeightsSchema) throws -> WeightsSchema {
        for (key, names) in [("kept", kept), ("latest", latest)] {
            for name in names where weights[name] == nil {
                throw JobsError(
                    code: .invalidSpecification,
                    message: "job specification: \(key): found \"\(name)\", which is no tensor of the weights")
            }
        }
        let auxiliary = try auxiliaryTensors
        try auxiliary.check(weights)
        let kept = Set(kept)
        let latest = Set(latest)
        let tensors = try weights.tensors.compactMap { tensor -> TensorSpec? in
            if kept.contains(tensor.name) || !auxiliary.isSent(tensor.name) { return nil }
            if tensor.dtype.isFloat { return try TensorSpec(name: tensor.name, dtype: .f32, shape: tensor.shape) }
            return latest.contains(tensor.name) ? tensor : nil
        }
        guard tensors.contains(where: { !AuxiliaryTensors.isAuxiliary($0.name) }) else {
            throw JobsError(
                code: .invalidSpecification,
                message: "job specification: the weights have no tensor that an update could hold")
        }
        return try WeightsSchema(tensors)
    }
}
