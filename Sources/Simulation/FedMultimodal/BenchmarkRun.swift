public import Datasets
internal import Jobs

/// The score of one cell under one seed: a line of `runs.json`, which is all that later runs need of it.
public struct BenchmarkRun: Sendable, Hashable, Codable {
    /// The setting.
    public var cell: BenchmarkCell
    /// The seed.
    public var seed: UInt64
    /// How many rounds were run.
    public var rounds: Int
    /// The metric that was selected by.
    public var metric: String
    /// The metric on the test split at the round that is best on dev, in percent.
    public var score: Double
    /// That round, from 0.
    public var bestRound: Int?
    /// Seconds of work.
    public var seconds: Double?
    /// SHA-256 of the weights after the last round.
    public var weights: String?
    /// The part of the real number of examples that was generated, where it was asked for.
    public var scale: Double?
    /// The marks of the data and their partition; nil in runs of earlier versions.
    public var fingerprint: DataFingerprint?
    /// Whether a generator made the data: then nothing can be compared with the paper.
    public var isGenerated: Bool

    /// Takes the score from the report of one seed.
    ///
    /// - Returns: nil when the run is not complete or no round was evaluated.
    init?(
        _ report: SimulationReport, of cell: BenchmarkCell, scale: Double? = nil,
        fingerprint: DataFingerprint? = nil
    ) {
        guard let run = report.runs.first, run.isComplete, let share = run.best["test"]?[report.job.selectBy.metric]
        else { return nil }
        self.cell = cell
        seed = run.seed
        rounds = report.job.rounds
        metric = report.job.selectBy.metric
        score = 100 * share
        bestRound = run.bestRound
        seconds = run.seconds
        weights = run.weights
        isGenerated = report.isGenerated
        self.scale = scale
        self.fingerprint = fingerprint
    }
}
