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
        let pairs = counted.compactMap(\.pair)
        try report(
            MetricsLine(
                round: round, split: Self.clientsName, examples: counted.reduce(0) { $0 + $1.examples },
                clients: counted.count, metrics: [:], distribution: MetricDistribution.over(counted.map(\.metrics)),
                personalisation: pairs.isEmpty ? nil : PersonalisationFigures(pairs)))
    }
}

/// What one client's evaluation comes to; the counts themselves are many and are not kept.
struct ClientEvaluation: Sendable {
    /// The metrics of two models on the same examples.
    struct Pair: Sendable {
        var global: [String: Double]
        var own: [String: Double]
    }

    var examples: Int
    /// Empty where the loss is not finite.
    var metrics: [String: Double]
    /// With `evaluation.personalise`.
    var pair: Pair?
}

extension SimulationWorker {
    /// Counts on what a client holds out, or else on the rows it trains on, as its sensors record them and without the
    /// job's corruption.
    ///
    /// With `evaluation.personalise` also with the other model: the global weights where the strategy keeps something at
    /// the client, and otherwise what one epoch on the client's examples makes of them.
    func evaluate(
        _ client: VirtualClient, of data: SimulationData, after round: Int, weights: Weights
    ) throws -> ClientEvaluation {
        let view = try evaluationView(of: client, in: data)
        let local = RoundTraining(entry: entry, strategy: strategy)
        let metrics = try finite {
            try local.evaluate(
                on: view, evaluation, global: weights, state: states.state(of: client.name, round: round + 1))
        }
        var result = ClientEvaluation(examples: view.count, metrics: metrics)
        guard specification.evaluation.personalise else { return result }
        if strategy.isPersonalised {
            let global = try finite { try local.evaluate(on: view, evaluation, global: weights, state: nil) }
            result.pair = .init(global: global, own: metrics)
        } else {
            let own = try finite {
                try makeOwnModel(client, of: data, round: round + 1, global: weights, by: .fineTuning)
                return try Evaluation.run(entry, on: view, evaluation)
            }
            result.pair = .init(global: metrics, own: own)
        }
        return result
    }

    /// The metrics of an evaluation; none where training or loss are not finite, or nothing is left to train on.
    func finite(_ evaluate: () throws -> TaskStatistics) throws -> [String: Double] {
        do {
            return Metrics.derive(from: try evaluate())
        } catch let error as TrainingError where error.code == .diverged || error.code == .data {
            return [:]
        }
    }
}
