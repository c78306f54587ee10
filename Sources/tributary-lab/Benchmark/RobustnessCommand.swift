import ArgumentParser
import Datasets
import Foundation
import Jobs
import Simulation

/// `tributary-lab benchmark robustness`.
struct RobustnessCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "robustness",
        abstract: "Run every aggregation rule under every attack.",
        discussion: """
            Every setting is run once a seed on a small fully connected network, all clients in every round, and scored on the \
            test split after the last round. Rules reckon with --reckoned or the largest of --shares, whatever the real share is. \
            Runs that are complete are kept and an interrupted one goes on when the same command is given again. The output \
            folder gets runs.json, tables.md and a heat map. A rule or an attack may have numbers of its own behind colons.

            EXAMPLE
              tributary benchmark robustness --data ~/data/uci-har --output runs/robustness
              tributary benchmark robustness --data ~/data --dataset mnist --rules mean,median,krum --attacks alie:z=1.5 \
            --shares 0,0.2 --seeds 8,16,24 --output runs/alie
            """
    )

    @Option(
        help: "A data set, or synthetic- and one for generated data.",
        completion: .list(SitePartition.Source.names))
    var dataset = "uci-har"

    @Option(help: "The folder of the data set (TRIBUTARY_DATA); generated data need none.", completion: .directory)
    var data: String?

    @Option(help: "The part of the real number of examples that synthetic-NAME makes, up to 1.")
    var scale: Double?

    @Option(help: "The folder for runs, tables and heat maps.", completion: .directory)
    var output: String

    @Option(help: "Aggregation rules, with commas between.")
    var rules =
        "mean,uniform-mean,q-fedavg,median,trimmed-mean,krum,multi-krum,bulyan,geometric-median,centred-clipping:radius=1,"
        + "foolsgold,fltrust,norm-bounded-mean:bound=1,sign-majority:step=0.01"

    @Option(help: "Attacks, with commas between.")
    var attacks =
        "label-flip,sign-flip,scaling,gaussian,alie,ipm,backdoor,free-rider,nan,giant-weight"

    @Option(help: "Shares of hostile clients, with commas between; 0 is the clean run.")
    var shares = "0,0.1,0.2,0.3"

    @Option(help: "The share of hostile clients that the rules reckon with; the largest of --shares unless given.")
    var reckoned: Double?

    @Option(help: "Seeds, with commas between.")
    var seeds = "8"

    @Option(help: "Rounds.")
    var rounds = 40

    @Option(help: "Clients, all of which take part in every round.")
    var clients = 30

    @Option(help: "The concentration of a Dirichlet partition over labels; clients are alike unless given.")
    var alpha: Double?

    @Option(help: "How many clients train at once; the machine's cores unless given. Results do not depend on it.")
    var workers: Int?

    @Flag(help: "Print one JSON object a row.")
    var json = false

    func validate() throws {
        if let reckoned, !(0...0.9).contains(reckoned) {
            throw ValidationError("--reckoned: found \(reckoned), expected a number from 0 to 0.9")
        }
    }

    func run() throws {
        Interruption.install()
        let levels = try numbers(shares)
        let benchmark = RobustnessBenchmark(
            cells: try cells(levels),
            setting: RobustnessSetting(
                rounds: rounds, clients: clients, alpha: alpha, reckoned: reckoned ?? levels.max() ?? 0),
            seeds: try SeedList(seeds).seeds, data: data ?? ProcessInfo.processInfo.environment["TRIBUTARY_DATA"],
            scale: scale, output: output, workers: workers ?? ProcessInfo.processInfo.activeProcessorCount)
        do {
            try run(benchmark)
        } catch let error where !(error is ExitCode) && !(error is ValidationError) {
            FileHandle.standardError.write(Data("tributary benchmark: \(error)\n".utf8))
            throw ExitCode.failure
        }
    }

    private func run(_ benchmark: RobustnessBenchmark) throws {
        var display: SimulationDisplay?
        let (rows, isComplete) = try benchmark.run(stop: { Interruption.isRaised }) { progress in
            switch progress {
            case .note(let note): FileHandle.standardError.write(Data("\(note)\n".utf8))
            case .run(let cell, _, let done, let total):
                display?.end()
                display = SimulationDisplay(rounds: rounds, label: "[\(done + 1)/\(total)] \(cell.name)")
            case .failed(let cell, let seed, let reason):
                display?.end()
                FileHandle.standardError.write(Data("\(cell.name) seed \(seed) failed: \(reason)\n".utf8))
            case .simulation(let seed, let event): display?.show(seed: seed, event)
            }
        }
        display?.end()
        try BenchmarkRows.show(rows, tables: RobustnessText.tables(rows), json: json, isComplete: isComplete)
    }

    /// The grid of all settings: for every rule the clean run, if share 0 is asked for, and every attack by every other
    /// share.
    private func cells(_ levels: [Double]) throws -> [RobustnessCell] {
        let rules = try named(rules, "--rules")
        let attacks = try named(attacks, "--attacks")
        return rules.flatMap { rule in
            levels.flatMap { share in
                share == 0
                    ? [RobustnessCell(dataset: dataset, rule: rule, attack: nil, share: 0)]
                    : attacks.map { RobustnessCell(dataset: dataset, rule: rule, attack: $0, share: share) }
            }
        }
    }

    private func named(_ list: String, _ option: String) throws -> [NamedSettings] {
        try list.split(separator: ",").map { word in
            let text = word.trimmingCharacters(in: .whitespaces)
            guard let named = NamedSettings(parsing: text) else {
                throw ValidationError("\(option): found \"\(text)\", expected a name, or NAME:key=value")
            }
            return named
        }
    }

    private func numbers(_ list: String) throws -> [Double] {
        try list.split(separator: ",").map { word in
            guard let number = Double(word.trimmingCharacters(in: .whitespaces)), (0...0.9).contains(number) else {
                throw ValidationError(
                    "--shares: found \"\(word)\", expected numbers from 0 to 0.9 with commas between")
            }
            return number
        }
    }
}
