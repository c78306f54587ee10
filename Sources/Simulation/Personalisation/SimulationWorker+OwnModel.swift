internal import Datasets
internal import Jobs
internal import Layers
internal import Tensors
internal import Training
internal import Weights

/// How a client comes to a model of its own from the global weights.
enum OwnTraining: Sendable {
    /// A task of the job, as its strategy trains: for a strategy with something personal, with what the client keeps.
    case task
    /// One epoch of plain training with the job's other numbers.
    case fineTuning
}

extension SimulationWorker {
    /// Trains a client's own model and leaves it in the worker's model. Nothing is kept or sent.
    ///
    /// The draws are those of the client's task in `round`, so the result is one for any worker and number of workers.
    ///
    /// - Throws: what training throws, `TrainingError` for no examples and for values that are not finite.
    func makeOwnModel(
        _ client: VirtualClient, of data: SimulationData, round: Int, global: Weights, by training: OwnTraining
    ) throws {
        guard let number = UInt32(exactly: round) else {
            throw SimulationError(.job, "round \(round): expected a number from 0")
        }
        var configuration = self.training
        var strategy = strategy
        if training == .fineTuning {
            configuration.epochs = 1
            strategy = .fedavg
        }
        let result = try RoundTraining(entry: entry, strategy: strategy).run(
            on: examples(of: client, in: data), configuration,
            .init(seed: specification.seed, round: number, client: clientIndex(client.name)), global: global,
            state: states.state(of: client.name, round: round))
        // Ditto's own model is beside the one that it trained for the others.
        try LocalAlgorithms.personalise(entry, strategy, state: SavedState(saved: result.state))
    }

    /// The own model as weights, for others to evaluate.
    func ownModel(
        _ client: VirtualClient, of data: SimulationData, round: Int, global: Weights
    ) throws -> Weights {
        try makeOwnModel(client, of: data, round: round, global: global, by: .task)
        return try entry.model.weights()
    }

    /// What a client is evaluated on: what it holds out, or else the rows it trains on, as its sensors record them.
    func evaluationView(of client: VirtualClient, in data: SimulationData) throws -> DatasetView {
        try recorded(client.heldOut.isEmpty ? client.rows : client.heldOut, by: client, in: data)
    }
}

/// What a client would remember of a task that was not one of a round.
private struct SavedState: ClientState {
    let saved: [String: Weights]

    func load(_ name: String, schema: WeightsSchema) -> Weights? { saved[name] }
    func save(_ name: String, _ weights: Weights) {}
}
