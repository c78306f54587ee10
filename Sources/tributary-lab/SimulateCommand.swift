import ArgumentParser
import Datasets
import Foundation
import Jobs
import Simulation
import Synchronization

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
            """
    )

    @Argument(help: "The job file.", completion: .file(extensions: ["yaml", "yml"]))
    var job: String

    @Option(
        help: "The folder of the job's data set (TRIBUTARY_DATA); generated data need none.", completion: .directory)
    var data: String?

    @Option(help: "The folder for metrics, report, weights and checkpoints.", completion: .directory)
    var output: String

    @Option(help: "How many clients train at once; the machine's cores unless given. Results do not depend on it.")
    var workers: Int?

    @Option(help: "Seeds of repetitions, as 8,16,24; the job's seed unless given.")
    var seeds: String?

    @Option(name: .customLong("set"), help: "A value over the job's, as training.learningRate=0.01; may be repeated.")
    var overrides: [String] = []

    @Option(help: "Values to go through, as partition.alpha=0.1,5.0; repeated, a grid.")
    var sweep: [String] = []

    @Flag(help: "Go on from the checkpoint in the output folder.")
    var resume = false

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
            let specification = try JobSpecification.load(
                path: job, overrides: base.merging(cell.values) { $1 })
            let source = try SimulationSource(
                specification, path: data ?? ProcessInfo.processInfo.environment["TRIBUTARY_DATA"])
            let folder = cell.name.isEmpty ? output : "\(output)/\(cell.name)"
            var study = SimulationStudy(
                job: specification, seeds: try seedList() ?? [specification.seed], output: folder,
                workers: workers ?? ProcessInfo.processInfo.activeProcessorCount, resumes: resume,
                isGenerated: source.isGenerated)
            study.drawings = source.drawings
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
                let text = ["accuracy", "macroF1", "UAR", "loss"].compactMap { name in
                    metrics[name].map { spread in
                        String(format: "%@ %.4f", name as NSString, spread.mean)
                            + (spread.runs > 1 ? String(format: " ± %.4f", spread.deviation) : "")
                    }
                }
                print("\(title)  \(split)  \(text.joined(separator: "  "))")
            }
        }
        for run in report.runs {
            guard let clock = run.clock else { continue }
            print("clock, seed \(run.seed)  \(clock.summary(rounds: run.rounds))")
        }
        print("report: \(folder)/report.html")
    }

    private func seedList() throws -> [UInt64]? {
        guard let seeds else { return nil }
        let list = try seeds.split(separator: ",").map { text in
            guard let seed = UInt64(text) else {
                throw ValidationError("--seeds: found \"\(text)\", expected whole numbers with commas between")
            }
            return seed
        }
        guard !list.isEmpty, Set(list).count == list.count else {
            throw ValidationError("--seeds: expected at least one seed and none twice")
        }
        return list
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

/// Ctrl-C and SIGTERM: the first asks the run to stop after the current task, the second ends the process.
private enum Interruption {
    private static let count = Atomic<Int>(0)

    static var isRaised: Bool { count.load(ordering: .relaxed) > 0 }

    static func install() {
        // Made here and not in the handler, where that would not be safe.
        _ = isRaised
        for number in [SIGINT, SIGTERM] {
            signal(number) { _ in
                if Interruption.count.wrappingAdd(1, ordering: .relaxed).oldValue > 0 { _exit(130) }
            }
        }
    }
}
