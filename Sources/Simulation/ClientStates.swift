internal import Synchronization
internal import Training
internal import Weights

/// What the clients of a simulation remember from round to round.
///
/// A client's state is in the ``WeightsStore`` from its round to the next checkpoint, which writes it to the client's
/// folder in the form that a daemon's trainer uses (`FolderClientState`), and in that folder from then on. It is read
/// when the client trains again: no more states are in memory than clients are at work, plus what the store's budget
/// allows. Loading is safe from several threads while states are committed; a round sees what earlier rounds
/// committed, whatever is committed for it and for later ones.
final class ClientStates: Sendable {
    private struct Recent {
        var round: Int
        var weights: KeptWeights
    }

    private let folder: String
    /// By client and name, in order of rounds.
    private let recent = Mutex<[String: [String: [Recent]]]>([:])
    /// The round from which the last checkpoint goes on.
    private let nextRound = Mutex(0)

    /// States under a folder that need not exist.
    init(folder: String) { self.folder = folder }

    /// What a client remembers as a round sees it. Saving through it does nothing: states are committed.
    func state(of client: String, round: Int) -> any ClientState {
        View(states: self, client: client, round: round)
    }

    /// Takes what a client is to remember of a round, in place of what it had for the same round.
    ///
    /// - Parameter round: not before the round of the client's last commit.
    func commit(_ client: String, round: Int, _ state: [String: KeptWeights]) {
        guard !state.isEmpty else { return }
        recent.withLock { recent in
            for (name, weights) in state {
                // If this round is tried again, it starts from the newest before it.
                let earlier = recent[client]?[name]?.last(where: { $0.round < round })
                recent[client, default: [:]][name] =
                    (earlier.map { [$0] } ?? []) + [Recent(round: round, weights: weights)]
            }
        }
    }

    /// Writes the states of all rounds up to one to the clients' folders and forgets them here.
    ///
    /// Only the newest of a client is written; the folder keeps what the last checkpoint needs, until
    /// ``checkpointed(nextRound:)`` says that there is a newer one.
    ///
    /// - Throws: `TrainingError` with code `output`, or when the store's file cannot be read.
    func persist(through round: Int) throws {
        let due = recent.withLock { $0 }
        let kept = nextRound.withLock { $0 }
        for (client, names) in due.sorted(by: { $0.key < $1.key }) {
            for (name, states) in names.sorted(by: { $0.key < $1.key }) {
                guard let newest = states.last(where: { $0.round <= round }) else { continue }
                try FolderClientState(folder: path(client), round: newest.round, keptRound: kept)
                    .save(name, newest.weights.weights())
                recent.withLock { recent in
                    recent[client]?[name]?.removeAll { $0.round <= round }
                    if recent[client]?[name]?.isEmpty == true { recent[client]?[name] = nil }
                    if recent[client]?.isEmpty == true { recent[client] = nil }
                }
            }
        }
    }

    /// Says that a checkpoint is there from which a run goes on with a round.
    func checkpointed(nextRound round: Int) { nextRound.withLock { $0 = round } }

    private func path(_ client: String) -> String { "\(folder)/\(client)" }

    private func load(
        _ client: String, _ name: String, before round: Int, schema: WeightsSchema
    ) throws -> Weights? {
        let kept = recent.withLock { $0[client]?[name]?.last(where: { $0.round < round })?.weights }
        guard let kept else {
            return try FolderClientState(folder: path(client), round: round).load(name, schema: schema)
        }
        guard kept.schema == schema else {
            throw TrainingError(.weights, "the state \(name) of client \(client): not of this model")
        }
        return try kept.weights()
    }

    private struct View: ClientState {
        let states: ClientStates
        let client: String
        let round: Int

        func load(_ name: String, schema: WeightsSchema) throws -> Weights? {
            try states.load(client, name, before: round, schema: schema)
        }

        func save(_ name: String, _ weights: Weights) {}
    }
}
