internal import Durability
internal import Foundation
internal import Jobs

/// Every rule under every attack: many cells over several seeds, each a simulation.
///
/// `runs.json` in the output folder holds the scores of every complete run; those are kept, and an interrupted one goes
/// on from its checkpoint: the same command does what is left. `tables.md` and a heat map for every data set are written
/// after every run. Seeds are the outer loop, so that all cells have the first seed early.
public struct RobustnessBenchmark {
    /// What is run.
    public let cells: [RobustnessCell]
    /// The federation.
    public var setting: RobustnessSetting
    /// The seeds of each cell.
    public var seeds: [UInt64]
    /// Where the data lie.
    public var data: String?
    /// The part of the real number of examples that is generated; nil for what fits a laptop.
    public var scale: Double?
    /// Where everything is written.
    public var output: String
    /// How many clients train at once.
    public var workers: Int

    /// Describes a benchmark; a cell that comes twice is run once.
    public init(
        cells: [RobustnessCell], setting: RobustnessSetting, seeds: [UInt64], data: String?, scale: Double? = nil,
        output: String, workers: Int
    ) {
        var all: [RobustnessCell] = []
        for cell in cells where !all.contains(cell) { all.append(cell) }
        self.cells = all
        self.setting = setting
        self.seeds = seeds
        self.data = data
        self.scale = scale
        self.output = output
        self.workers = workers
    }

    /// What is told while it runs.
    public enum Progress {
        /// A run begins; `done` of `total` are complete.
        case run(RobustnessCell, seed: UInt64, done: Int, total: Int)
        /// Something about the data that people should know.
        case note(String)
        /// A run failed, which is a result: the rule did not stand the attack.
        case failed(RobustnessCell, seed: UInt64, reason: String)
        /// Something happened in the current run.
        case simulation(seed: UInt64, SimulationRun.Progress)
    }

    /// Runs what is not complete yet and writes tables and heat maps after every run.
    ///
    /// - Parameters:
    ///   - stop: asked between events; true ends the run with a checkpoint.
    ///   - progress: called on this thread.
    /// - Returns: the rows of these cells and seeds so far, and whether all are complete.
    /// - Throws: ``SimulationError``; whatever a simulation throws, except that it failed.
    public func run(
        stop: @escaping @Sendable () -> Bool, progress: @escaping (Progress) -> Void
    ) throws -> (rows: [RobustnessRow], isComplete: Bool) {
        // A mistake in the last cell must not show after hours.
        for cell in cells { _ = try setting.job(cell, seed: seeds.first ?? 0) }
        var ledger = try BenchmarkLedger<RobustnessRun>(folder: output)
        var sources: [String: SimulationSource] = [:]
        let isComplete = try ledger.complete(
            cells, seeds: seeds,
            steps: .init(
                keep: { run, _ in
                    run.setting == setting ? nil : "with \(run.setting.text); this command asks for \(setting.text)"
                },
                make: { place, _ in
                    let cell = place.cell
                    progress(.run(cell, seed: place.seed, done: place.done, total: place.total))
                    let job = try setting.job(cell, seed: place.seed)
                    let source = try sources[cell.dataset] ?? SimulationSource(job, path: data, scale: scale)
                    if sources[cell.dataset] == nil { source.notes.forEach { progress(.note($0)) } }
                    sources[cell.dataset] = source
                    return try run(cell, job, source, stop: stop, progress)
                }, report: write))
        return (rows(ledger.entries), isComplete)
    }

    /// One run; nil when it was stopped.
    private func run(
        _ cell: RobustnessCell, _ job: JobSpecification, _ source: SimulationSource,
        stop: @escaping @Sendable () -> Bool,
        _ progress: @escaping (Progress) -> Void
    ) throws -> RobustnessRun? {
        let folder = "\(output)/\(cell.name)/seed-\(job.seed)"
        try PosixFileSystem().makeDirectory(folder)
        let data = try source.data(for: job)
        let study = SimulationStudy(
            job: try Self.trusting(job, data), seeds: [job.seed], output: folder, workers: workers, resumes: true,
            isGenerated: source.isGenerated)
        do {
            let report = try study.run(data: { _ in data }, stop: stop) { progress(.simulation(seed: $0, $1)) }
            return report.map { RobustnessRun($0, cell, job.seed, setting) }
        } catch let error as SimulationError where error.code == .failed {
            progress(.failed(cell, seed: job.seed, reason: "\(error)"))
            return RobustnessRun(
                failure: "\(error)", cell, job.seed, setting, isGenerated: source.isGenerated)
        }
    }

    /// FLTrust's reference comes from the first client that is honest: it is trusted for a reason.
    static func trusting(_ job: JobSpecification, _ data: SimulationData) throws -> JobSpecification {
        guard job.aggregation["rule"] == "fltrust" else { return job }
        let hostile = try AttackPlan(job, data)?.hostile ?? []
        var job = job
        let honest = Participants.sorted(data.clients.map(\.name)).first { !Participants.contains($0, in: hostile) }
        job.aggregation["trusted"] = .string(honest ?? "")
        return job
    }

    /// The rows of this benchmark's cells and seeds.
    private func rows(_ runs: [RobustnessRun]) -> [RobustnessRow] {
        let own = runs.filter { seeds.contains($0.seed) }
        return cells.compactMap { cell in RobustnessRow(own.filter { $0.cell == cell }) }
    }

    /// Writes tables and heat maps of everything that the folder has.
    private func write(_ runs: [RobustnessRun]) throws {
        var cells: [RobustnessCell] = []
        for run in runs where !cells.contains(run.cell) { cells.append(run.cell) }
        let rows = cells.compactMap { cell in RobustnessRow(runs.filter { $0.cell == cell }) }
        try DurableFile.write(RobustnessText.tables(rows) + "\n", to: "\(output)/tables.md", permissions: 0o644)
        for (dataset, table) in RobustnessTable.tables(rows) {
            try DurableFile.write(
                RobustnessHeatMap(table: table).svg(), to: "\(output)/heat-map-\(dataset).svg", permissions: 0o644)
        }
    }
}
