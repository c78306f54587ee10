internal import Datasets
internal import Federation
internal import Foundation
internal import Jobs
internal import Training
internal import Weights

/// How the weights do client by client: `evaluation.perClient`.
extension SimulationRun {
    /// The name that the lines of metrics have in place of a split.
    static let clientsName = "clients"

    /// Counts on every client's own examples with the weights after a round, where the job asks for it, and writes a line
    /// of how each metric is spread.
    ///
    /// A strategy that keeps something at its clients is evaluated with what each has kept up to this round. No task of
    /// the next round has been offered yet, so the result does not depend on the workers.
    func evaluateClients(after result: RoundResult) throws {
        guard specification.isEvaluatedPerClient(round: result.round) else { return }
        guard let global = weights[result.weightsDigest] else {
            throw SimulationError(.checkpoint, "the weights of round \(result.round) are not there any more")
        }
        let start = ContinuousClock.now
        let (data, round) = (data, result.round)
        let pending = data.clients.filter { !$0.rows.isEmpty }.map { client in
            pool.submit { try $0.evaluate(client, of: data, after: round, weights: global) }
        }
        let counted = try pending.map { try $0.value() }
        waiting += ContinuousClock.now - start
        try report(
            MetricsLine(
                round: round, split: Self.clientsName, examples: counted.reduce(0) { $0 + $1.examples },
                clients: counted.count, metrics: [:], distribution: MetricDistribution.over(counted.map(\.metrics))))
    }
}

/// What one client's evaluation comes to; the counts themselves are many and are not kept.
struct ClientEvaluation: Sendable {
    var examples: Int
    /// Empty where the loss is not finite.
    var metrics: [String: Double]
}

extension SimulationWorker {
    /// Counts on what a client holds out, or else on the rows it trains on, as its sensors record them and without the
    /// job's corruption.
    func evaluate(
        _ client: VirtualClient, of data: SimulationData, after round: Int, weights: Weights
    ) throws -> ClientEvaluation {
        let view = try recorded(client.heldOut.isEmpty ? client.rows : client.heldOut, by: client, in: data)
        do {
            let statistics = try RoundTraining(entry: entry, strategy: strategy).evaluate(
                on: view, evaluation, global: weights,
                state: FolderClientState(folder: "\(state)/\(client.name)", round: round + 1))
            return ClientEvaluation(examples: statistics.examples, metrics: Metrics.derive(from: statistics))
        } catch let error as TrainingError where error.code == .diverged {
            return ClientEvaluation(examples: view.count, metrics: [:])
        }
    }
}
