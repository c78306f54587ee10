internal import Crypto
internal import Datasets
internal import Federation
internal import Foundation
internal import Jobs

/// Where a run stands after each round, and how another goes on from there.
extension SimulationRun {
    /// Notes the state after a round that was just committed, or at the end of the job; forgets weights that nothing needs.
    func capture(_ result: RoundResult? = nil) {
        // The engine counts a round once its commit is answered.
        var charged = engine.privacy
        if let charge = result?.charge { charged?.committed(charge, nextClipNorm: result?.nextClipNorm) }
        let digest = result?.weightsDigest ?? engine.weightsDigest
        let history = result.map { engine.selectionHistory(after: $0) } ?? engine.history
        let checkpoint = SimulationCheckpoint(
            fingerprint: fingerprint, data: dataMark,
            completedRounds: result.map { $0.round + 1 } ?? engine.completedRounds,
            weights: digest, initialWeights: initialDigest, best: best,
            evaluations: openEvaluations.values.sorted { $0.round < $1.round }.map(
                SimulationCheckpoint.OpenEvaluation.init),
            declined: declined.sorted(), history: history.entries.isEmpty ? nil : history,
            asked: (result.map { engine.buffer(after: $0) } ?? engine.buffer)?.inOrder,
            offences: engine.offences.isEmpty ? nil : engine.offences,
            simulatedMilliseconds: time?.now, metricsBytes: metrics.bytes,
            timingsBytes: timings.bytes, seconds: elapsed, spent: charged?.spent)
        latest = checkpoint
        let needed = checkpoint.blobs.union(evaluated.values)
        for digest in weights.keys where !needed.contains(digest) { weights[digest] = nil }
    }

    /// Makes the noted state durable.
    func save() throws {
        guard let latest else { return }
        try metrics.synchronise()
        try timings.synchronise()
        try states.persist(through: latest.completedRounds - 1)
        try folder.save(latest, weights: weights)
        states.checkpointed(nextRound: latest.completedRounds)
        lastSave = .now
    }

    /// SHA-256 over the specification, the labels and the partition; `dataMark` stands for the values.
    static func fingerprint(_ specification: JobSpecification, _ data: SimulationData) throws -> String {
        var hash = SHA256()
        hash.update(data: try specification.canonicalJSON())
        func update(_ name: String, _ numbers: [Int]) {
            // By hand: of hundreds of thousands of clients the text of an array by interpolation takes seconds.
            var text = Array("\(name) [".utf8)
            for (index, number) in numbers.enumerated() {
                if index > 0 { text += [0x2C, 0x20] }
                text += String(number).utf8
            }
            text.append(0x5D)
            hash.update(data: text)
        }
        update("\(data.train.name) \(data.train.count)", data.train.labels)
        if let targets = data.train.targets { hash.update(data: Data(targets.map { $0 == 1 ? 1 : 0 })) }
        for client in data.clients {
            update(client.name, client.rows)
            if !client.heldOut.isEmpty { update("held out", client.heldOut) }
        }
        for (split, view) in data.heldOut.sorted(by: { $0.key < $1.key }) { update(split, view.labels) }
        return hash.finalize().map { byte in
            let text = String(byte, radix: 16)
            return text.count == 1 ? "0" + text : text
        }.joined()
    }

    /// The checkpoint to go on from; nil to begin.
    ///
    /// - Throws: ``SimulationError`` `checkpoint` when there is one and it is not to be used, or it is another job's.
    static func check(
        _ checkpoint: SimulationCheckpoint?, _ fingerprint: String, _ dataMark: String, _ options: Options
    ) throws(SimulationError) -> SimulationCheckpoint? {
        guard let checkpoint else { return nil }
        guard options.resumes else {
            throw SimulationError(
                .checkpoint,
                "\(options.output) holds a run that completed \(checkpoint.completedRounds) rounds: go on with --resume, or "
                    + "choose another output folder")
        }
        guard checkpoint.fingerprint == fingerprint else {
            throw SimulationError(
                .checkpoint,
                "\(options.output) holds the run of another job, seed or partition: expected the ones it was begun with"
            )
        }
        guard checkpoint.data == nil || checkpoint.data == dataMark else {
            throw SimulationError(
                .checkpoint,
                "\(options.output) holds a run on other data (\(checkpoint.data ?? ""), here \(dataMark)): expected the "
                    + "data it was begun with")
        }
        return checkpoint
    }

    /// What the engine starts from.
    static func snapshot(
        _ specification: JobSpecification, _ checkpoint: SimulationCheckpoint?, _ initialDigest: String
    ) -> EngineSnapshot {
        guard let checkpoint else {
            return EngineSnapshot(
                specification: specification, weightsDigest: initialDigest, status: JobStatus(.queued))
        }
        return EngineSnapshot(
            specification: specification, weightsDigest: checkpoint.weights, status: JobStatus(.running),
            completedRounds: checkpoint.completedRounds, declined: Set(checkpoint.declined),
            offences: checkpoint.offences ?? [:],
            evaluations: checkpoint.evaluations.map { .init(record: $0.record) },
            history: checkpoint.history ?? SelectionHistory(),
            buffer: checkpoint.asked.map { UpdateBuffer(asked: $0, startedAt: checkpoint.simulatedMilliseconds) })
    }
}

extension SimulationCheckpoint.OpenEvaluation {
    init(_ record: EvaluationRecord) {
        self.init(
            round: record.round, attempt: record.attempt, weights: record.weightsDigest,
            evaluators: record.evaluators, deadline: record.deadline)
    }

    var record: EvaluationRecord {
        EvaluationRecord(
            round: round, attempt: attempt, weightsDigest: weights, evaluators: evaluators, deadline: deadline)
    }
}
