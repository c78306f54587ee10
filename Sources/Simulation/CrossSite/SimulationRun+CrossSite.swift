internal import Datasets
public import Jobs
internal import Tensors
internal import Training
internal import Weights

/// Every site's model on every site's data, once the run is over.
extension SimulationRun {
    private enum OwnModel: Sendable {
        case trained(KeptWeights)
        case failed(String)
    }

    /// Trains each site once from the last weights and evaluates each model, and the last weights, on each site's examples:
    /// what it holds out (`evaluation.perClientHoldOut`), or else what it trains on, without the job's corruption.
    ///
    /// A site trains as in a task of the round that would come next, and nothing is kept of it; where the strategy has
    /// something personal, its model is the one with that. The result does not depend on the workers, nor on whether the run
    /// was resumed. Models wait in the run's ``WeightsStore``.
    ///
    /// - Returns: nil when the run is not over or was asked to stop.
    /// - Throws: ``SimulationError`` `job` for a selection that does not fit the partition; an error of the disk.
    public func crossSite(_ selection: CrossSiteSelection) throws -> CrossSiteMatrix? {
        let sites = try selection.sites(of: data.clients)
        guard let latest, let global = weights[latest.weights], latest.completedRounds == specification.rounds else {
            return nil
        }
        let (data, store, round) = (data, store, latest.completedRounds)
        let training = sites.map { site in
            pool.submit { worker -> OwnModel in
                do {
                    let own = try worker.ownModel(site, of: data, round: round, global: global)
                    return .trained(try store.keep(own))
                } catch {
                    guard let reason = Self.trainingFailure(error) else { throw error }
                    return .failed(reason)
                }
            }
        }
        var pending: [(failure: String?, metrics: WorkerPool<SimulationWorker>.Pending<[[String: Double]]>?)] = [
            (nil, pool.submit { try $0.metrics(of: global, on: sites, in: data) })
        ]
        for model in training {
            if stop() { return nil }
            switch try model.value() {
            case .failed(let reason): pending.append((reason, nil))
            case .trained(let kept):
                pending.append((nil, pool.submit { try $0.metrics(of: kept.weights(), on: sites, in: data) }))
            }
        }
        var rows: [CrossSiteMatrix.Row] = []
        for (index, part) in pending.enumerated() {
            if stop() { return nil }
            rows.append(
                .init(
                    site: index == 0 ? nil : sites[index - 1].name, failure: part.failure,
                    metrics: try part.metrics?.value() ?? sites.map { _ in [:] }))
        }
        return CrossSiteMatrix(
            rounds: round, weights: latest.weights,
            sites: sites.map {
                .init(
                    name: $0.name, trained: $0.rows.count,
                    evaluated: $0.heldOut.isEmpty ? $0.rows.count : $0.heldOut.count, isHeldOut: !$0.heldOut.isEmpty)
            },
            models: rows, metric: specification.selectBy.metric)
    }

    /// What a daemon would report as a failed task; nil for what must end the run.
    private static func trainingFailure(_ error: any Error) -> String? {
        switch error {
        case let error as TrainingError where error.code != .output && error.code != .weights: "\(error)"
        case is TensorError, is DatasetError: "\(error)"
        default: nil
        }
    }
}

extension SimulationWorker {
    /// The finite metrics of one model on the examples of each site.
    func metrics(
        of weights: Weights, on sites: [VirtualClient], in data: SimulationData
    ) throws -> [[String: Double]] {
        try sites.map { site in
            let view = try evaluationView(of: site, in: data)
            return try finite {
                try RoundTraining(entry: entry, strategy: strategy).evaluate(
                    on: view, evaluation, global: weights, state: nil)
            }.filter { $0.value.isFinite }
        }
    }
}
