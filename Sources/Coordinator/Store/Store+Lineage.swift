internal import Federation
internal import GRDB
internal import Jobs

extension Store {
    /// The completed rounds of a job up to one, with the updates that were folded, for a model card.
    func lineage(job: String, through last: Int) async throws -> [ModelCard.Round] {
        try await read { db in
            var updates: [Int: [ModelCard.Update]] = [:]
            let rows = try db.rows(
                """
                SELECT updates.round AS round, updates.client AS client, updates.digest AS digest,
                    updates.bytes AS bytes, updates.statistics AS statistics, updates.trainer AS trainer
                FROM updates JOIN rounds ON rounds.job = updates.job AND rounds.round = updates.round
                    AND rounds.attempt = updates.attempt
                WHERE updates.job = ? AND updates.round <= ? AND rounds.phase = 'completed'
                """,
                [job, last])
            let folded = try Self.folded(of: job, through: last, in: db)
            for row in folded.isEmpty ? rows : [] {
                let statistics: TaskStatistics = try StoredJSON.value(row["statistics"])
                updates[row["round"], default: []].append(
                    ModelCard.Update(
                        client: row["client"], examples: statistics.knownExamples, digest: row["digest"],
                        bytes: row["bytes"], trainer: try StoredJSON.value(row["trainer"])))
            }
            updates.merge(folded) { first, _ in first }
            return try rounds(of: job, from: 0, to: last, in: db).filter { $0.phase == .completed }.map { round in
                var entry = ModelCard.Round(
                    round: round.round, attempt: round.attempt, cohort: round.cohort,
                    admitted: (updates[round.round] ?? []).map { $0.weighed(by: round.contributions[$0.client]) }
                        .sorted { Participants.precedes($0.client, $1.client) },
                    refusals: round.refusals.map {
                        ModelCard.Refusal(client: $0.client, code: $0.code, reason: $0.reason)
                    },
                    weights: round.weightsDigest ?? "",
                    training: round.training(round.totals.map { Metrics.derive(from: $0) } ?? [:]),
                    evaluation: round.metrics,
                    evaluationExamples: round.evaluation?.examples ?? 0, startedAt: round.startedAt,
                    completedAt: round.endedAt ?? round.startedAt)
                if round.totals?.isWithheld == true { entry.figures = ReportedFigures.withheld.rawValue }
                return entry
            }
        }
    }
}

extension ModelCard.Update {
    /// This with what it weighs in the round's weights.
    fileprivate func weighed(by contribution: StoredContribution?) -> ModelCard.Update {
        var update = self
        update.weight = contribution?.weight
        update.leftOut = contribution?.leftOut
        update.staleness = contribution?.staleness
        return update
    }
}
