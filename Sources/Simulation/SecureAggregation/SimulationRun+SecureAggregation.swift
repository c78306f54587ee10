internal import Aggregation
internal import Federation
internal import Jobs
internal import Privacy
internal import Weights

/// What a run does for a job with secure aggregation.
extension SimulationRun {
    /// Takes the steps before the training; nothing in a job without secure aggregation.
    func beginExchange(_ record: CohortRecord) throws {
        guard let settings = secureSettings else { return }
        secure = try SecureAttempt(record, of: specification, settings, privacy: engine.privacy, on: pool)
    }

    /// Why a client gives no update to a task, if so.
    func leave(_ task: RoundTask, _ client: String) -> TaskRefusal? {
        guard task.kind == .train, let secure, secure.task == task,
            case .failure(let refusal) = secure.masking(of: client)
        else { return nil }
        return TaskRefusal(client: client, code: refusal.code, reason: refusal.reason)
    }

    /// What a client masks its update with; nil in a job without secure aggregation.
    func masking(of client: String) -> SecureAttempt.Masking? {
        try? secure?.masking(of: client).get()
    }

    /// The sum of the round's masked updates, for the fold.
    ///
    /// - Throws: `PrivacyError` when the masks cannot be taken off, ``MaskedNormRefusal`` when updates are too long.
    func secureSum() throws -> SecureSum? {
        guard var attempt = secure, let encoding = attempt.encoding else { return nil }
        let words = try MaskedUpdate.schema(of: encoded.plain)
        let update = { [updates] (name: String) throws -> KeptWeights in
            guard let update = updates[name] else {
                throw SimulationError(.failed, "the masked update of \(name) is not there any more")
            }
            return update
        }
        let (survivors, masks) = try attempt.unmask(on: pool, words: words, updates: update)
        secure = attempt
        return try SecureSum(
            of: survivors.map(update), removing: masks, as: encoding, words: words, schema: foldSchema, rules: rules)
    }

    /// Forgets the exchange of an attempt that is over.
    ///
    /// - Parameter failure: why it gave nothing, if so.
    func endExchange(failure: String? = nil) {
        guard secureSettings != nil else { return }
        secure = nil
        if let failure { aborts.append(failure) } else { aborts = [] }
    }
}
