/// What came of one cell under one seed: a line of `runs.json`, which is all that later runs need of it.
public struct RobustnessRun: Sendable, Hashable, Codable {
    /// The cell.
    public var cell: RobustnessCell
    /// The seed.
    public var seed: UInt64
    /// The federation.
    public var setting: RobustnessSetting
    /// The share of right answers on the test split after the last round; nil when the run failed.
    public var accuracy: Double?
    /// The macro F1 there.
    public var macroF1: Double?
    /// The share of triggered examples that are given a backdoor's target.
    public var attackSuccess: Double?
    /// Why the run failed, for instance because the weights grew without bound.
    public var failure: String?
    /// Seconds of work.
    public var seconds: Double?
    /// SHA-256 of the weights after the last round.
    public var weights: String?
    /// Whether a generator made the data.
    public var isGenerated: Bool

    /// A run that ended; one whose weights could not be evaluated has no scores.
    init(_ report: SimulationReport, _ cell: RobustnessCell, _ seed: UInt64, _ setting: RobustnessSetting) {
        self.cell = cell
        self.seed = seed
        self.setting = setting
        isGenerated = report.isGenerated
        let run = report.runs.first
        accuracy = run?.last["test"]?["accuracy"]
        macroF1 = run?.last["test"]?["macroF1"]
        attackSuccess = run?.last[Backdoor.split]?[Backdoor.metric]
        if macroF1 == nil { failure = "the last weights cannot be evaluated" }
        seconds = run?.seconds
        weights = run?.weights
    }

    /// A run that failed.
    init(
        failure: String, _ cell: RobustnessCell, _ seed: UInt64, _ setting: RobustnessSetting, isGenerated: Bool
    ) {
        self.cell = cell
        self.seed = seed
        self.setting = setting
        self.failure = failure
        self.isGenerated = isGenerated
    }
}

/// What came of one cell over its seeds.
public struct RobustnessRow: Sendable, Hashable, Codable {
    /// The cell.
    public var cell: RobustnessCell
    /// The seeds that were run.
    public var seeds: [UInt64]
    /// How many of them failed; they count with accuracy and macro F1 0.
    public var failed: Int
    /// The mean accuracy.
    public var accuracy: Double
    /// The mean macro F1.
    public var macroF1: Double
    /// The standard deviation of macro F1 with n − 1; nil for one seed.
    public var deviation: Double?
    /// The same of accuracy.
    public var accuracyDeviation: Double?
    /// The mean share of triggered examples that are given a backdoor's target.
    public var attackSuccess: Double?
    /// Whether a generator made the data.
    public var isGenerated: Bool

    /// Gathers the runs of one cell; nil when there is none.
    init?(_ runs: [RobustnessRun]) {
        guard let first = runs.first, let spread = SimulationReport.Spread(runs.map { $0.macroF1 ?? 0 }),
            let accuracies = SimulationReport.Spread(runs.map { $0.accuracy ?? 0 })
        else { return nil }
        cell = first.cell
        seeds = runs.map(\.seed).sorted()
        failed = runs.count { $0.failure != nil }
        accuracy = accuracies.mean
        accuracyDeviation = accuracies.runs > 1 ? accuracies.deviation : nil
        macroF1 = spread.mean
        deviation = spread.runs > 1 ? spread.deviation : nil
        attackSuccess = SimulationReport.Spread(runs.compactMap(\.attackSuccess))?.mean
        isGenerated = first.isGenerated
    }
}
