/// What came of one cell over its seeds, beside the paper.
public struct BenchmarkRow: Sendable, Codable {
    /// The setting.
    public var cell: BenchmarkCell
    /// The metric, measured on the test split at the round where it is best on dev.
    public var metric: String
    /// The seeds that were run.
    public var seeds: [UInt64]
    /// The score of each seed, in percent.
    public var scores: [Double]
    /// The scores' mean.
    public var mean: Double
    /// Their standard deviation with n − 1; nil for one seed.
    public var deviation: Double?
    /// The paper's score in percent, where it prints one.
    public var published: Double?
    /// `mean` minus `published`.
    public var difference: Double?
    /// For corrupted data: the change of the mean from the clean cell's, in percent of it.
    public var relativeChange: Double?
    /// The paper's, read off its figures.
    public var publishedChange: Double?
    /// Whether a generator made the data: then nothing can be compared with the paper.
    public var isGenerated: Bool

    /// Gathers the runs of one cell.
    ///
    /// - Parameter clean: the runs of the clean cell, where this one is corrupted. They are compared over the seeds that
    ///   both have.
    /// - Returns: nil when there is no run.
    init?(_ runs: [BenchmarkRun], clean: [BenchmarkRun]) {
        guard let first = runs.first, let spread = SimulationReport.Spread(runs.map(\.score)) else { return nil }
        cell = first.cell
        metric = first.metric
        seeds = runs.map(\.seed)
        scores = runs.map(\.score)
        mean = spread.mean
        deviation = spread.runs > 1 ? spread.deviation : nil
        isGenerated = first.isGenerated
        guard !isGenerated else { return }
        published = cell.published
        // A shorter run, or seeds of one fold, are not what the paper has.
        let isComparable = cell.isWhole(rounds: first.rounds) && !cell.isFolded
        difference = isComparable ? published.map { spread.mean - $0 } : nil
        guard let corruption = cell.corruption else { return }
        let shared = clean.filter { seeds.contains($0.seed) }
        let spoilt = runs.filter { run in shared.contains { $0.seed == run.seed } }
        if let before = SimulationReport.Spread(shared.map(\.score))?.mean,
            let after = SimulationReport.Spread(spoilt.map(\.score))?.mean
        {
            relativeChange = 100 * (after - before) / before
        }
        publishedChange = PublishedResults.relativeChange(
            dataset: cell.dataset, kind: corruption.kind, rate: corruption.rate)
    }
}
