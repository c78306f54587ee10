internal import Durability
internal import Foundation
public import Jobs
internal import Weights

/// Runs of one job over several seeds, each in its own folder, and their report.
///
/// One seed runs in the output folder itself, several in `seed-N`. Weights and model card of the last run, `report.json` and
/// `report.html` are written beside them. A study that is resumed goes over what is complete at once.
public struct SimulationStudy {
    /// The job; each run has it with its own seed.
    public var job: JobSpecification
    /// The seeds, at least one.
    public var seeds: [UInt64]
    /// Where everything is written.
    public var output: String
    /// How many clients train at once.
    public var workers: Int
    /// Whether to go on with what is there.
    public var resumes: Bool
    /// Whether the data are made by a generator.
    public var isGenerated: Bool
    /// What a user should know about the data, a sentence each.
    public var notes: [String] = []
    /// See ``SimulationRun/Options/memoryBytes``.
    public var memoryBytes = SimulationRun.Options.defaultMemoryBytes
    /// Which sites are evaluated across when a run is over; what the job says unless set.
    public var crossSite: CrossSiteSelection?
    /// Which contribution scores are computed; what the job says unless set.
    public var contributions: ContributionSettings?
    /// Further drawings for the page, as SVG.
    public var drawings: [(heading: String, svg: String)] = []

    /// Describes a study.
    public init(
        job: JobSpecification, seeds: [UInt64], output: String, workers: Int, resumes: Bool, isGenerated: Bool
    ) {
        self.job = job
        self.seeds = seeds
        self.output = output
        self.workers = workers
        self.resumes = resumes
        self.isGenerated = isGenerated
        (crossSite, contributions) = (job.crossSite, job.contributions)
    }

    /// Carries the study out.
    ///
    /// - Parameters:
    ///   - data: the data and clients for a run's job.
    ///   - stop: asked between events; true ends the study with checkpoints.
    ///   - progress: called with the seed and what happened.
    /// - Returns: the report, or nil when it was stopped.
    public func run(
        data: (JobSpecification) throws -> SimulationData, stop: @escaping @Sendable () -> Bool,
        progress: @escaping (UInt64, SimulationRun.Progress) -> Void
    ) throws -> SimulationReport? {
        let files = PosixFileSystem()
        var runs: [SimulationReport.Run] = []
        var lines: [[MetricsLine]] = []
        var shape = (clients: 0, examples: 0)
        var sections: [Section] = []
        for seed in seeds {
            var own = job
            own.seed = seed
            let folder = seeds.count == 1 ? output : "\(output)/seed-\(seed)"
            try files.makeDirectory(folder)
            let shared = try data(own)
            // Before anything is trained.
            if let crossSite { _ = try crossSite.sites(of: shared.clients) }
            shape = (shared.clients.count, shared.clients.reduce(0) { $0 + $1.rows.count })
            let run = try SimulationRun(
                own, data: shared,
                options: .init(
                    output: folder, workers: workers, resumes: resumes, memoryBytes: memoryBytes,
                    contributions: contributions),
                stop: stop
            ) { progress(seed, $0) }
            let outcome = try run.run()
            guard outcome.isComplete else { return nil }
            let metrics = try Self.lines(of: "\(folder)/metrics.jsonl")
            var figures = SimulationReport.Run(
                seed: seed, outcome: outcome, lines: metrics, peakResidentBytes: Self.peakResidentBytes,
                hostile: run.hostileClients)
            sections += try contributions(of: run, seed: seed, folder: folder, into: &figures)
            guard let across = try crossSite(of: run, seed: seed, folder: folder, into: &figures) else { return nil }
            sections += across
            runs.append(figures)
            lines.append(metrics)
            let model = try outcome.weights.filtered { !AuxiliaryTensors.isAuxiliary($0.name) }
            try DurableFile.write(
                Safetensors.encode(model), to: "\(folder)/weights.safetensors", permissions: 0o644)
            try DurableFile.write(
                card(own, outcome, model).markdown(), to: "\(folder)/model-card.md", permissions: 0o644)
        }
        let report = SimulationReport(
            job: job, isGenerated: isGenerated, notes: notes, clients: shape.clients, examples: shape.examples,
            runs: runs)
        try DurableFile.write(Array(try report.json()), to: "\(output)/report.json", permissions: 0o644)
        let page = ReportPage(report: report, lines: lines, drawings: drawings + sections)
        try DurableFile.write(page.html(), to: "\(output)/report.html", permissions: 0o644)
        return report
    }

    private func card(_ job: JobSpecification, _ outcome: SimulationRun.Outcome, _ model: Weights) -> ModelCard {
        ModelCard(
            federation: "simulation",
            job: .init(
                id: job.name, operator: "simulation", status: outcome.status, submittedAt: 0),
            specification: job,
            weights: .init(
                digest: model.digest(), bytes: Int64(Safetensors.canonicalSize(model.schema)),
                schema: model.schema.digest, tensors: model.schema.tensors.count,
                parameters: model.schema.elementCount, round: outcome.completedRounds - 1),
            initialWeights: outcome.initialDigest, metrics: [:], bestRound: outcome.best?.round, lineage: [],
            software: "tributary-lab 0.1.0", epsilon: outcome.epsilon)
    }

    /// The lines of a metrics file, read one after another; only the last of each split with its confusion matrix.
    ///
    /// - Throws: ``SimulationError`` `checkpoint` naming the line that cannot be read.
    static func lines(of path: String) throws -> [MetricsLine] {
        var lines: [MetricsLine] = []
        var latest: [String: Int] = [:]
        try MetricsLog.forEachLine(of: path) { text in
            do {
                lines.append(try JSONDecoder().decode(MetricsLine.self, from: text))
            } catch {
                throw SimulationError(.checkpoint, "\(path): line \(lines.count + 1) cannot be read", cause: error)
            }
            let index = lines.count - 1
            if let before = latest.updateValue(index, forKey: lines[index].split) { lines[before].confusion = nil }
        }
        return lines
    }

    /// The largest resident memory of this process so far; 0 where the system does not tell.
    static var peakResidentBytes: Int {
        guard let status = try? String(contentsOfFile: "/proc/self/status", encoding: .utf8),
            let line = status.split(separator: "\n").first(where: { $0.hasPrefix("VmHWM:") }),
            let kilobytes = line.split(separator: " ").compactMap({ Int($0) }).first
        else { return 0 }
        return kilobytes << 10
    }
}
