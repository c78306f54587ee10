import ArgumentParser
import Datasets
import Foundation
import Jobs
import Simulation

/// `tributary-lab benchmark fedmultimodal`.
struct FedMultimodalCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "fedmultimodal",
        abstract: "Run cells of the FedMultimodal benchmark and print them beside the paper's.",
        discussion: """
            Every setting is run once a seed, each in its own folder; runs that are complete are kept and an interrupted \
            one goes on from its checkpoint when the same command is given again. Scores are taken on the test split at \
            the round with the best dev score. The output folder gets runs.json (every score; enough to go on elsewhere), \
            tables.md and, for corrupted cells, the paper's figures 4 to 7 as SVG.

            EXAMPLE
              tributary benchmark fedmultimodal --data ~/data/uci-har --output runs/fedmultimodal
              tributary benchmark fedmultimodal --data ~/data/uci-har --output runs/curves --fusion attention --alpha 0.1 \
            --algorithm fedopt --seeds 8 --corruption missing-modality,missing-labels,erroneous-labels
            """
    )

    @Option(
        help: "A data set of the benchmark, or synthetic- and one for generated data.",
        completion: .list(BenchmarkDataset.all.flatMap { [$0.name, "synthetic-\($0.name)"] }))
    var dataset = "uci-har"

    @Option(help: "The folder of the data set (TRIBUTARY_DATA); generated data need none.", completion: .directory)
    var data: String?

    @Option(help: "The folder for runs, tables and figures.", completion: .directory)
    var output: String

    @Option(help: "Concentrations of the partition, with commas between; the paper's unless given.")
    var alpha: String?

    @Option(help: "The part of the real number of examples that synthetic-NAME makes, up to 1.")
    var scale: Double?

    @Option(help: "Fusions, with commas between.")
    var fusion = "attention,concat"

    @Option(
        help: """
            Algorithms, with commas between: fedavg, fedprox, fedrs, fedopt, scaffold; the paper's unless given.
            """)
    var algorithm: String?

    @Option(help: "Seeds, with commas between; the paper has 8,16,24,32,40.")
    var seeds = "8,16"

    @Option(help: "Corruptions, with commas between: missing-modality, missing-labels, erroneous-labels.")
    var corruption: String?

    @Option(help: "Rates of corruption, with commas between.")
    var rates = "0.1,0.2,0.3,0.4,0.5"

    @Option(help: "Modes of corruption, with commas between: faithful, right.")
    var mode = "faithful,right"

    @Option(help: "Rounds; the paper's number unless given.")
    var rounds: Int?

    @Option(help: "How many clients train at once; the machine's cores unless given. Results do not depend on it.")
    var workers: Int?

    @Flag(help: "Evaluate the test split in every round, for curves; the scores are the same.")
    var testAlways = false

    @Flag(help: "Print one JSON object a row.")
    var json = false

    func run() throws {
        Interruption.install()
        let benchmark = FedMultimodalBenchmark(
            cells: try cells(), seeds: try SeedList(seeds).seeds, rounds: rounds, testsAlways: testAlways,
            data: data ?? ProcessInfo.processInfo.environment["TRIBUTARY_DATA"],
            scale: scale, output: output,
            workers: workers ?? ProcessInfo.processInfo.activeProcessorCount)
        do {
            try run(benchmark)
        } catch let error where !(error is ExitCode) && !(error is ValidationError) {
            FileHandle.standardError.write(Data("tributary benchmark: \(error)\n".utf8))
            throw ExitCode.failure
        }
    }

    private func run(_ benchmark: FedMultimodalBenchmark) throws {
        var display: SimulationDisplay?
        let (rows, isComplete) = try benchmark.run(stop: { Interruption.isRaised }) { progress in
            switch progress {
            case .note(let note):
                FileHandle.standardError.write(Data("\(note)\n".utf8))
            case .run(let cell, let seed, let done, let total):
                display?.end()
                display = SimulationDisplay(
                    rounds: (try? cell.job(seed: seed, rounds: rounds).rounds) ?? 1,
                    label: "[\(done + 1)/\(total)] \(cell.name)")
            case .kept(let cell, let seed):
                FileHandle.standardError.write(Data("\(cell.name) seed \(seed): complete before\n".utf8))
            case .simulation(let seed, let event):
                display?.show(seed: seed, event)
            }
        }
        display?.end()
        try BenchmarkRows.show(rows, tables: BenchmarkText.tables(rows), json: json, isComplete: isComplete)
    }

    /// The grid of all settings.
    private func cells() throws -> [BenchmarkCell] {
        let levels = try numbers(rates, "--rates", in: 0...1)
        let kinds = try words(corruption ?? "").map { word in
            guard let kind = CorruptionKind(rawValue: word) else {
                throw ValidationError(
                    "--corruption: found \"\(word)\", expected one of "
                        + CorruptionKind.allCases.map(\.rawValue).joined(separator: ", "))
            }
            return kind
        }
        let facts = try SitePartition.Source(named: dataset).benchmark
        guard BenchmarkDataset.all.contains(where: { $0.name == facts.name }) else {
            throw ValidationError("--dataset: \(dataset) is none of the benchmark's, which are \(Self.datasets)")
        }
        let published = facts.alphas
        // Several labels an example: the paper has no FedRS and no wrong labels there either.
        let algorithms = try words(
            algorithm ?? (facts.isMultilabel ? "fedavg,fedprox,fedopt" : "fedavg,fedprox,fedrs,fedopt"))
        guard !facts.isMultilabel || (!algorithms.contains("fedrs") && !kinds.contains(.erroneousLabels)) else {
            throw ValidationError(
                "\(dataset) has several labels an example: expected neither fedrs nor erroneous-labels")
        }
        let given = try alpha.map { try numbers($0, "--alpha", in: 1e-6...1e6) }
        guard given == nil || !published.isEmpty else {
            throw ValidationError("--alpha: the clients of \(dataset) are natural; expected none")
        }
        let alphas: [Double?] = published.isEmpty ? [nil] : given ?? published
        let modes = try words(mode)
        guard modes.allSatisfy({ ["faithful", "right"].contains($0) }) else {
            throw ValidationError("--mode: found \"\(mode)\", expected faithful, right or both")
        }
        let fusions = try words(fusion)
        guard fusions.allSatisfy({ ["attention", "concat"].contains($0) }) else {
            throw ValidationError("--fusion: found \"\(fusion)\", expected attention, concat or both")
        }
        var cells: [BenchmarkCell] = []
        for fusion in fusions {
            for alpha in alphas {
                for algorithm in algorithms {
                    let clean = BenchmarkCell(dataset: dataset, fusion: fusion, alpha: alpha, algorithm: algorithm)
                    guard !kinds.isEmpty else {
                        cells.append(clean)
                        continue
                    }
                    for kind in kinds {
                        for mode in modes {
                            for rate in levels {
                                var cell = clean
                                cell.corruption = .init(kind: kind, rate: rate, mode: mode)
                                cells.append(cell)
                            }
                        }
                    }
                }
            }
        }
        return cells
    }

    private static let datasets = BenchmarkDataset.all.map(\.name).joined(separator: ", ")

    private func words(_ list: String) throws -> [String] {
        list.split(separator: ",").map { $0.trimmingCharacters(in: .whitespaces) }
    }

    private func numbers(_ list: String, _ option: String, in range: ClosedRange<Double>) throws -> [Double] {
        try words(list).map { word in
            guard let number = Double(word), range.contains(number) else {
                throw ValidationError(
                    "\(option): found \"\(word)\", expected numbers from \(range.lowerBound) to \(range.upperBound) "
                        + "with commas between")
            }
            return number
        }
    }
}
