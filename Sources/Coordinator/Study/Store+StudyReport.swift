internal import Federation
internal import GRDB
internal import Jobs

/// What came of the evaluations of studied models, in the forms that a simulation writes.
extension Store {
    /// Every site's model on every site's examples, as far as it is known; nil for a job that does not ask for it and before
    /// the first model.
    func crossSite(of job: JobRecord) async throws -> CrossSiteMatrix? {
        guard let selection = job.specification.crossSite else { return nil }
        return try await read { db in
            let models = try Self.studied(job, in: db).filter(\.model.isAcross)
            let round = try db.row(
                "SELECT * FROM rounds WHERE job = ? AND round = ? AND phase = 'shown'",
                [job.id, job.specification.rounds])
            guard let round, let global = models.first else { return nil }
            let refused: [StoredRefusal] = try StoredJSON.value(round["refusals"])
            var failures = Dictionary(refused.map { ($0.client, $0.reason) }) { first, _ in first }
            var trained: [String: Int] = [:]
            for row in try db.rows(
                "SELECT client, statistics FROM updates WHERE job = ? AND round = ? AND attempt = 0",
                [job.id, job.specification.rounds])
            {
                trained[row["client"]] = try StoredJSON.value(TaskStatistics.self, row["statistics"]).examples
            }
            let cohort: [String] = try StoredJSON.value(round["cohort"])
            if case .named(let names) = selection {
                for name in names where !cohort.contains(name) && !global.evaluators.contains(name) {
                    failures[name] = "it was not there when the sites were asked"
                }
            }
            let columns = global.evaluators
            let split = job.specification.evaluation.split
            func row(_ evaluation: StudiedEvaluation, site: String?) -> CrossSiteMatrix.Row {
                let missing = columns.compactMap { site in evaluation.reason(site).map { (site, $0) } }
                return CrossSiteMatrix.Row(
                    site: site, failure: evaluation.failure, metrics: columns.map(evaluation.metrics),
                    missing: missing.isEmpty ? nil : Dictionary(missing) { first, _ in first })
            }
            let own = Dictionary(
                models.filter { $0.model.kind == .site }.map { ($0.model.clients.first ?? "", $0) }
            ) { first, _ in first }
            let sites = Participants.sorted(Set(cohort).union(failures.keys))
            return CrossSiteMatrix(
                rounds: job.specification.rounds, weights: global.digest,
                sites: columns.map { site in
                    CrossSiteMatrix.Site(
                        name: site, trained: trained[site] ?? 0,
                        evaluated: models.compactMap { $0.reports[site]?.examples }.max() ?? 0,
                        isHeldOut: split != "train")
                },
                models: [row(global, site: nil)]
                    + sites.map { site in
                        if let evaluation = own[site] { return row(evaluation, site: site) }
                        return CrossSiteMatrix.Row(
                            site: site, failure: failures[site] ?? "its model is not evaluated yet",
                            metrics: columns.map { _ in [:] })
                    },
                metric: job.specification.selectBy.metric)
        }
    }

    /// What each client's update contributed to the last round; nil for a job that does not ask for it, and before every
    /// coalition is evaluated.
    ///
    /// The utility of a coalition is the metric of `selectBy` (its negative where lower is better) of the sum of the reports
    /// of those sites that evaluated every coalition. One that the aggregation refuses is worth as much as no update.
    func contributions(of job: JobRecord) async throws -> ContributionTotals? {
        guard let settings = job.specification.contributions else { return nil }
        return try await read { db in
            let study = try Self.study(job, in: db)
            guard let lastRound = study.lastRound else { return nil }
            let clients = lastRound.updates.map(\.client)
            let wanted = settings.coalitions(
                players: clients.count, seed: job.specification.seed, round: lastRound.round)
            let studied = try Self.studied(job, in: db).filter { !$0.model.isAcross }
            guard !wanted.isEmpty, studied.count == wanted.count, !studied.contains(where: \.isOpen) else { return nil }
            let made = studied.filter { $0.failure == nil }
            let jury = Participants.sorted(
                made.dropFirst().reduce(into: Set(made.first?.reports.keys.map { $0 } ?? [])) { jury, evaluation in
                    jury.formIntersection(evaluation.reports.keys)
                })
            let selector = job.specification.selectBy
            var values: [[String]: Double] = [:]
            for evaluation in made {
                let reports = evaluation.reports.filter { jury.contains($0.key) }
                guard let value = Metrics.derive(from: TaskStatistics.total(reports))[selector.metric], value.isFinite
                else { return nil }
                values[evaluation.model.clients] = selector.lowerIsBetter ? -value : value
            }
            guard let nobody = values[[]] else { return nil }
            var game = CoalitionGame(players: clients.count, budget: settings.budget) { coalitions in
                coalitions.map { places in values[places.map { clients[$0] }] ?? nobody }
            }
            guard
                let scores = try settings.scores(of: &game, seed: job.specification.seed, round: lastRound.round)
            else { return nil }
            let weights =
                try self.rounds(of: job.id, from: lastRound.round, to: lastRound.round, in: db)
                .last?.contributions ?? [:]
            return ContributionTotals([
                RoundContributions(
                    round: lastRound.round, settings: settings, utility: "\(selector)",
                    split: job.specification.evaluation.split, scores: scores, evaluations: game.evaluations,
                    refused: studied.count - made.count,
                    updates: lastRound.updates.map { ($0.client, $0.statistics.examples, weights[$0.client]?.weight) },
                    evaluators: jury)
            ])
        }
    }
}
