import ArgumentParser
import Configuration
import Datasets
import Foundation
import Jobs
import Simulation

/// `tributary-lab simulate`, which `tributary simulate` becomes.
struct SimulateCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "simulate",
        abstract: "Run a job over virtual clients on this machine.",
        discussion: """
            The same round engine, trainer and aggregation as in a federation of daemons, and the same bits, whatever the \
            number of workers. Ctrl-C saves a checkpoint; --resume goes on from it.

            EXAMPLE
              tributary simulate Configs/jobs/har-simulated.yaml --output runs/har
              tributary simulate job.yaml --data ~/data/uci-har --seeds 8,16 --set rounds=50 --output runs/two-seeds
              tributary simulate job.yaml --sweep partition.alpha=0.1,5.0 --output runs/alpha --json
              tributary simulate job.yaml --output runs/har --resume
              tributary simulate Configs/fedmultimodal/ku-har.yaml --generated --scale 0.1 --output runs/ku-har
            """
    )

    @Argument(help: "The job file.", completion: .file(extensions: ["yaml", "yml"]))
    var job: String

    @Option(
        help: "The folder of the job's data set (TRIBUTARY_DATA); generated data need none.", completion: .directory)
    var data: String?

    @Flag(help: "Train on data made in the form of the job's data set, for those who do not have it.")
    var generated = false

    @Option(help: "The part of the real number of examples that is generated, up to 1; 1 GiB of values unless given.")
    var scale: Double?

    @Option(help: "The folder for metrics, report, weights and checkpoints.", completion: .directory)
    var output: String

    @Option(help: "How many clients train at once; the machine's cores unless given. Results do not depend on it.")
    var workers: Int?

    @Option(
        help: "How much memory waiting updates and client states may take, as 1GiB; the others wait on disk.",
        transform: { text in
            guard let count = ByteCount(text) else {
                throw ValidationError("--memory: found \"\(text)\", expected a size like 512MiB or 1GiB")
            }
            return count
        })
    var memory = ByteCount.mebibytes(256)

    @Option(help: "Seeds of repetitions, as 8,16,24; the job's seed unless given.")
    var seeds: String?

    @Option(name: .customLong("set"), help: "A value over the job's, as training.learningRate=0.01; may be repeated.")
    var overrides: [String] = []

    @Option(help: "Values to go through, as partition.alpha=0.1,5.0; repeated, a grid.")
    var sweep: [String] = []

    @Flag(help: "Go on from the checkpoint in the output folder.")
    var resume = false

    @OptionGroup(title: "Sites and clients")
    var lineage: LineageOptions

    @Flag(help: "Print the report as one JSON object a line.")
    var json = false

    func run() throws {
        Interruption.install()
        do {
            try simulate()
        } catch let error where !(error is ExitCode) && !(error is ValidationError) {
            FileHandle.standardError.write(Data("tributary simulate: \(error)\n".utf8))
            throw ExitCode.failure
        }
    }

    private func simulate() throws {
        let cells = try SweepGrid(sweep).cells
        let base = try assignments(overrides)
        var hasFailed = false
        for cell in cells {
            var specification = try JobSpecification.load(
                path: job, overrides: base.merging(cell.values) { $1 })
            let prefix = SitePartition.Source.generatedPrefix
            if generated, !specification.data.hasPrefix(prefix) { specification.data = prefix + specification.data }
            let source = try SimulationSource(
                specification, path: data ?? ProcessInfo.processInfo.environment["TRIBUTARY_DATA"], scale: scale)
            for note in source.notes { FileHandle.standardError.write(Data("\(note)\n".utf8)) }
            let folder = cell.name.isEmpty ? output : "\(output)/\(cell.name)"
            var study = SimulationStudy(
                job: specification, seeds: try seeds.map(SeedList.init)?.seeds ?? [specification.seed], output: folder,
                workers: workers ?? ProcessInfo.processInfo.activeProcessorCount, resumes: resume,
                isGenerated: source.isGenerated)
            study.notes = source.notes
            study.memoryBytes = memory.bytes
            study.drawings = source.drawings
            if let sites = lineage.sites { study.crossSite = sites }
            if let settings = lineage.settings { study.contributions = settings }
            let display = SimulationDisplay(rounds: specification.rounds, label: cell.name)
            let report: SimulationReport?
            do {
                report = try study.run(data: { try source.data(for: $0) }, stop: { Interruption.isRaised }) {
                    display.show(seed: $0, $1)
                }
            } catch let error as SimulationError where error.code == .failed && cells.count > 1 {
                display.end()
                FileHandle.standardError.write(Data("\(cell.name): \(error)\n".utf8))
                hasFailed = true
                continue
            }
            display.end()
            guard let report else {
                FileHandle.standardError.write(
                    Data("stopped; go on with the same command and --resume\n".utf8))
                throw ExitCode(130)
            }
            try show(report, cell: cell.name, folder: folder)
        }
        if hasFailed { throw ExitCode.failure }
    }

    private func show(_ report: SimulationReport, cell: String, folder: String) throws {
        if json {
            let encoder = JSONEncoder()
            encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
            print(String(decoding: try encoder.encode(report), as: UTF8.self))
            return
        }
        if !cell.isEmpty { print(cell) }
        if report.isGenerated { print("generated data: no figure says anything about real data") }
        for (title, figures) in [("last round", report.last), ("best round", report.best)] where !figures.isEmpty {
            for (split, metrics) in figures.sorted(by: { $0.key < $1.key }) {
                let shown = ["accuracy", "top5", "macroF1", "UAR", "AUC", "ECE", "loss", "attackSuccess"]
                let chosen = report.job.selectBy.metric
                let text = (shown.contains(chosen) ? shown : shown + [chosen]).compactMap { name in
                    metrics[name].map { spread in
                        String(format: "%@ %.4f", name as NSString, spread.mean)
                            + (spread.runs > 1 ? String(format: " ± %.4f", spread.deviation) : "")
                    }
                }
                print("\(title)  \(split)  \(text.joined(separator: "  "))")
            }
        }
        for run in report.runs {
            guard let hostile = run.hostile else { continue }
            print(
                "hostile, seed \(run.seed)  \(report.job.attack["kind"]?.stringValue ?? "")  \(hostile.count) of "
                    + "\(report.clients) clients: \(hostile.joined(separator: ", "))")
        }
        for run in report.runs {
            guard let clock = run.clock else { continue }
            print("clock, seed \(run.seed)  \(clock.summary(rounds: run.rounds))")
        }
        for name in ["accuracy", "macroF1"] {
            guard let figures = report.perClient[name] else { continue }
            let text = [("mean", "mean"), ("worst tenth", "worstTenth"), ("variance", "variance")].compactMap {
                label, key in
                figures[key].map { String(format: "%@ %.4f", label as NSString, $0.mean) }
            }
            print("over clients  \(name)  \(text.joined(separator: "  "))")
        }
        showLineage(of: report)
        let (down, up) = report.runs.reduce((0, 0)) { ($0.0 + $1.bytesDown, $0.1 + $1.bytesUp) }
        print(
            String(
                format: "communication  to clients %.1f MiB  from clients %.1f MiB", Double(down) / 1_048_576,
                Double(up) / 1_048_576))
        print("report: \(folder)/report.html")
    }

    private func showLineage(of report: SimulationReport) {
        for run in report.runs {
            if let own = run.personalisation, let change = own.change[report.job.selectBy.metric] {
                print(
                    String(
                        format: "own models, seed %@  change of %@  mean %+.4f  worst tenth %+.4f",
                        "\(run.seed)" as NSString,
                        report.job.selectBy.metric as NSString, change.mean, change.worstTenth))
            }
            if let across = run.crossSite {
                let text = [("own site", across.own), ("other sites", across.others), ("global model", across.global)]
                    .compactMap { name, value in value.map { String(format: "%@ %.4f", name as NSString, $0) } }
                print("cross-site, seed \(run.seed)  \(across.metric)  \(text.joined(separator: "  "))")
            }
            if let scores = run.contributions {
                let sorted = scores.sorted { ($1.value, $0.key) < ($0.value, $1.key) }
                let shown = sorted.count > 10 ? Array(sorted.prefix(5) + sorted.suffix(5)) : sorted
                let text = shown.map { String(format: "%@ %+.4f", $0.key as NSString, $0.value) }
                print("contributions, seed \(run.seed)  \(text.joined(separator: "  "))")
            }
        }
    }

    private func assignments(_ texts: [String]) throws -> [String: String] {
        var all: [String: String] = [:]
        for text in texts {
            let (key, value) = try SweepGrid.assignment(text, option: "--set")
            all[key] = value
        }
        return all
    }
}
