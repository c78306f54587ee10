internal import Durability
internal import Foundation
internal import Jobs

/// The FedMultimodal benchmark: many cells over several seeds, each a simulation in a folder of its own.
///
/// `runs.json` in the output folder holds the score of every complete run; those are kept, and an interrupted one goes on
/// from its checkpoint: the same command does what is left, also where only that file was carried over. Runs on other data
/// than those that are there are refused. Seeds are the outer loop, so that all cells have the first seed early.
public struct FedMultimodalBenchmark {
    /// What is run. The clean cell of every corrupted one is added, to compare with.
    public let cells: [BenchmarkCell]
    /// The seeds of each cell.
    public var seeds: [UInt64]
    /// The benchmark's number of rounds when nil.
    public var rounds: Int?
    /// Whether the test split is evaluated in every round.
    public var testsAlways: Bool
    /// Where the data lie.
    public var data: String?
    /// The part of the real number of examples that is generated; nil for what fits a laptop.
    public var scale: Double?
    /// Where everything is written.
    public var output: String
    /// How many clients train at once.
    public var workers: Int

    /// Describes a benchmark.
    public init(
        cells: [BenchmarkCell], seeds: [UInt64], rounds: Int? = nil, testsAlways: Bool = false, data: String?,
        scale: Double? = nil, output: String, workers: Int
    ) {
        var all: [BenchmarkCell] = []
        for cell in cells.map(\.clean) + cells where !all.contains(cell) { all.append(cell) }
        self.cells = all
        self.seeds = seeds
        self.rounds = rounds
        self.testsAlways = testsAlways
        self.data = data
        self.scale = scale
        self.output = output
        self.workers = workers
    }

    /// What is told while it runs.
    public enum Progress {
        /// A run begins; `done` of `total` are complete.
        case run(BenchmarkCell, seed: UInt64, done: Int, total: Int)
        /// Something about the data that people should know.
        case note(String)
        /// A run was complete before.
        case kept(BenchmarkCell, seed: UInt64)
        /// Something happened in the current run.
        case simulation(seed: UInt64, SimulationRun.Progress)
    }

    /// Runs what is not complete yet and writes the tables and figures after every run.
    ///
    /// - Parameters:
    ///   - stop: asked between events; true ends the run with a checkpoint.
    ///   - progress: called on this thread.
    /// - Returns: the rows of these cells and seeds so far, and whether all are complete.
    /// - Throws: ``SimulationError``; whatever a simulation throws.
    public func run(
        stop: @escaping @Sendable () -> Bool, progress: @escaping (Progress) -> Void
    ) throws -> (rows: [BenchmarkRow], isComplete: Bool) {
        // A mistake in the last cell must not show after hours.
        for cell in cells { _ = try job(cell, seed: seeds.first ?? 0) }
        var ledger = try BenchmarkLedger<BenchmarkRun>(folder: output)
        var data = BenchmarkSources(path: self.data, scale: scale, file: ledger.file) { progress(.note($0)) }
        let isComplete = try ledger.complete(
            cells, seeds: seeds,
            steps: .init(
                keep: { run, runs in
                    let job = try job(run.cell, seed: run.seed)
                    if let way = otherWay(run, job) { return way }
                    try data.compare(job, with: runs)
                    progress(.kept(run.cell, seed: run.seed))
                    return nil
                },
                make: { place, runs in
                    progress(.run(place.cell, seed: place.seed, done: place.done, total: place.total))
                    let job = try job(place.cell, seed: place.seed)
                    return try run(place.cell, job, data.source(job, beside: runs), stop: stop, progress)
                }, report: write))
        return (rows(ledger.entries), isComplete)
    }

    private func job(_ cell: BenchmarkCell, seed: UInt64) throws -> JobSpecification {
        try cell.job(seed: seed, rounds: rounds, testsAlways: testsAlways)
    }

    /// How a complete run was made, when that is not what is asked for.
    private func otherWay(_ run: BenchmarkRun, _ job: JobSpecification) -> String? {
        func text(_ scale: Double?) -> String { scale.map { "--scale \($0)" } ?? "no --scale" }
        if run.rounds != job.rounds { return "for \(run.rounds) rounds, this command asks for \(job.rounds)" }
        return run.scale == scale ? nil : "with \(text(run.scale)), this command with \(text(scale))"
    }

    /// One run; nil when it was stopped.
    private func run(
        _ cell: BenchmarkCell, _ job: JobSpecification, _ source: SimulationSource,
        stop: @escaping @Sendable () -> Bool, _ progress: @escaping (Progress) -> Void
    ) throws -> BenchmarkRun? {
        let folder = "\(output)/\(cell.name)/seed-\(job.seed)"
        try PosixFileSystem().makeDirectory(folder)
        var study = SimulationStudy(
            job: job, seeds: [job.seed], output: folder, workers: workers, resumes: true,
            isGenerated: source.isGenerated)
        study.notes = source.notes
        let report = try study.run(data: { try source.data(for: $0) }, stop: stop) {
            progress(.simulation(seed: $0, $1))
        }
        guard let report else { return nil }
        guard let run = BenchmarkRun(report, of: cell, scale: scale, fingerprint: source.fingerprint) else {
            throw SimulationError(.failed, "\(folder): no round has a score on dev and test")
        }
        return run
    }

    /// The rows of this benchmark's cells and seeds.
    private func rows(_ runs: [BenchmarkRun]) -> [BenchmarkRow] {
        let own = runs.filter { seeds.contains($0.seed) }
        return cells.compactMap { Self.row($0, own) }
    }

    private static func row(_ cell: BenchmarkCell, _ runs: [BenchmarkRun]) -> BenchmarkRow? {
        BenchmarkRow(
            runs.filter { $0.cell == cell }.sorted { $0.seed < $1.seed },
            clean: cell.corruption == nil ? [] : runs.filter { $0.cell == cell.clean })
    }

    /// Writes tables and figures of everything that the folder has.
    private func write(_ runs: [BenchmarkRun]) throws {
        var cells: [BenchmarkCell] = []
        for run in runs where !cells.contains(run.cell) { cells.append(run.cell) }
        let rows = cells.sorted { $0.order < $1.order }.compactMap { Self.row($0, runs) }
        try DurableFile.write(BenchmarkText.tables(rows) + "\n", to: "\(output)/tables.md", permissions: 0o644)
        for figure in CorruptionFigure.figures(rows) {
            try DurableFile.write(figure.svg(), to: "\(output)/\(figure.name).svg", permissions: 0o644)
        }
    }
}
