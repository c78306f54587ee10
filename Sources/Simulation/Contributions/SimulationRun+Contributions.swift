internal import Aggregation
internal import Datasets
internal import Durability
internal import Federation
internal import Foundation
public import Jobs
internal import Training
internal import Weights

/// The run was asked to stop in the middle of something long that a resumed run does again.
struct RunInterruption: Error {}

/// What each client's update contributed to a round.
extension SimulationRun {
    static func contributionFolder(_ output: String) -> String { "\(output)/contributions" }

    private static func file(_ output: String, round: Int) -> String {
        "\(contributionFolder(output))/round-\(round).json"
    }

    /// What the command line calls the settings.
    private static let options = [
        "every": "--contribution-every", "permutations": "--permutations", "tolerance": "--truncation",
        "budget": "--contribution-budget",
    ]

    /// - Throws: ``SimulationError`` `job` for a job whose rounds cannot be taken apart.
    static func check(
        _ contributions: ContributionSettings?, _ specification: JobSpecification, _ data: SimulationData
    ) throws(SimulationError) {
        guard let contributions else { return }
        if let problem = contributions.problems.first {
            throw SimulationError(
                .job,
                "\(Self.options[problem.key] ?? problem.key): found \(problem.found), expected \(problem.expected)")
        }
        guard specification.privacy.isEmpty else {
            throw SimulationError(
                .job, "--contributions: found a job with privacy, expected one without: scores look at single updates")
        }
        guard (data.heldOut[specification.evaluation.split]?.count ?? 0) > 0 else {
            throw SimulationError(
                .job,
                "--contributions: the data have no split \"\(specification.evaluation.split)\" "
                    + "(evaluation.split) to take the utility on")
        }
    }

    /// Scores the updates of a round and writes the file of it.
    ///
    /// The utility of a coalition is the metric of `selectBy` (its negative where lower is better) on `evaluation.split`,
    /// with the weights that the job's own aggregation makes of the coalition's updates and the weights before the round.
    /// A coalition that the aggregation refuses, as Krum does when it is too small, changes nothing: it is worth as
    /// much as the weights before the round.
    ///
    /// - Throws: ``RunInterruption``; ``SimulationError``; an error of the disk.
    func scoreContributions(
        _ settings: ContributionSettings, to order: AggregationOrder, sources: [any UpdateSource], global: Weights,
        report: AggregationReport?
    ) throws {
        guard let view = data.heldOut[specification.evaluation.split] else { return }
        let split = specification.evaluation.split
        var refused = 0
        func utilities(_ coalitions: ArraySlice<[Int]>) throws -> [Double] {
            let parts = try coalitions.map { coalition -> Report in
                if stop() { throw RunInterruption() }
                guard !coalition.isEmpty else { return evaluate(global, on: view, split: split) }
                do {
                    let folded = try strategy.aggregate(
                        global: global, updates: coalition.map { sources[$0] }, rules: rules)
                    return evaluate(folded, on: view, split: split)
                } catch is AggregationError {
                    refused += 1
                    return evaluate(global, on: view, split: split)
                }
            }
            return try zip(coalitions, parts).map { try utility(of: $1, members: $0.count, round: order.round) }
        }
        var game = CoalitionGame(players: sources.count, budget: settings.budget) { coalitions in
            // A few at a time: each holds weights of its own.
            let size = 2 * self.pool.count
            return try stride(from: 0, to: coalitions.count, by: size).flatMap {
                try utilities(coalitions[$0..<min($0 + size, coalitions.count)])
            }
        }
        let scores = try settings.scores(of: &game, seed: specification.seed, round: order.round)
        guard let scores else {
            throw SimulationError(
                .job,
                "--contribution-budget: found \(settings.budget), expected at least \(sources.count + 2) for the "
                    + "\(sources.count) updates of round \(order.round)")
        }
        let weights = Dictionary(report?.contributions.map { ($0.clientID, $0.weight) } ?? []) { first, _ in first }
        let result = RoundContributions(
            round: order.round, settings: settings, utility: "\(specification.selectBy)", split: split, scores: scores,
            evaluations: game.evaluations, refused: refused,
            updates: sources.map { ($0.clientID, $0.examples, weights[$0.clientID]) })
        try PosixFileSystem().makeDirectory(Self.contributionFolder(options.output))
        try DurableFile.write(
            try JSONText.of(result), to: Self.file(options.output, round: order.round), permissions: 0o644)
    }

    private func utility(of report: Report, members: Int, round: Int) throws -> Double {
        let metrics: [String: Double]
        do {
            metrics = Metrics.derive(from: try report.statistics())
        } catch let error as TrainingError where error.code == .diverged {
            throw SimulationError(
                .failed, "--contributions: the fold of \(members) updates of round \(round) has no finite loss",
                cause: error)
        }
        guard let value = metrics[specification.selectBy.metric], value.isFinite else {
            throw SimulationError(
                .failed,
                "--contributions: the split \"\(report.split)\" gives no \(specification.selectBy.metric) (selectBy), "
                    + "expected one of \(metrics.keys.sorted().joined(separator: ", "))")
        }
        return specification.selectBy.lowerIsBetter ? -value : value
    }

    /// The scores of every round that was asked for; empty without.
    ///
    /// - Throws: ``SimulationError`` `checkpoint` when a round was completed before they were asked for, or with others.
    public func contributions() throws -> [RoundContributions] {
        guard let settings = options.contributions else { return [] }
        return try (0..<specification.rounds).filter { settings.includes($0, of: specification.rounds) }.map { round in
            let path = Self.file(options.output, round: round)
            guard let data = FileManager.default.contents(atPath: path),
                let result = try? JSONDecoder().decode(RoundContributions.self, from: data),
                result.settings == settings
            else {
                throw SimulationError(
                    .checkpoint,
                    "\(path): not there or made with other options: contributions are computed while a round is folded, so "
                        + "expected the options that the run was begun with, or another output folder")
            }
            return result
        }
    }
}
