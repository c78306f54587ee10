import ArgumentParser
import Datasets
import Foundation
import Operator

struct PartitionCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "partition",
        abstract: "Deal a data set to the clients of a federation: show who gets what, or write a folder for each.",
        discussion: """
            With --output, each client gets a folder, and 'evaluator' one with the test split, and with a split 'dev' \
            where the scheme holds rows out. Without it nothing is written: the clients and how much they differ are \
            shown, or with --json one object from client to its rows of the training split, counted from 0.

            EXAMPLE
              tributary partition --dataset uci-har --data ~/data/uci-har --sites 5 --output sites
              tributary partition --dataset synthetic-har --sites 3 --output sites --json
              tributary partition --dataset synthetic-har --scheme dirichlet --clients 20 --alpha 0.1
              tributary partition --dataset synthetic-har --scheme shards --clients 10 --describe --plot shards.svg
              tributary partition --dataset uci-har --data ~/data/uci-har --scheme fedmultimodal --alpha 0.1 --json

            Without a data set at hand, synthetic-har generates six activities recorded by two sensors, and \
            synthetic-NAME examples in the form of the FedMultimodal benchmark's data set NAME:
            \(BenchmarkDataset.all.map(\.name).joined(separator: ", ")).
            """
    )

    @Option(
        help: "A data set of the benchmark, synthetic- and one, or synthetic-har: see above.",
        completion: .list(SitePartition.Source.names))
    var dataset: String

    @Option(help: "The data set's folder, in the publisher's layout or as features.", completion: .directory)
    var data: String?

    @Option(help: "How the training rows are dealt.")
    var scheme = PartitionScheme.subject

    @Option(help: "How many sites the scheme 'subject' deals the training subjects to; 3 by default.")
    var sites: Int?

    @Option(help: "The folder for the clients' folders.", completion: .directory)
    var output: String?

    @Option(help: "The seed of generated data.")
    var seed: UInt64 = 8

    @Option(help: "Subjects of generated data.")
    var subjects = 30

    @Option(help: "Windows of each activity and subject of generated data.")
    var windows = 24

    @Option(help: "The part of the real number of examples that synthetic-NAME makes, up to 1.")
    var scale: Double?

    @Option(help: "Shuffle the training labels by this seed: a control that must not learn.")
    var permuteLabels: UInt64?

    @Flag(help: "Print sizes, label entropies and distances between clients instead of rows or folders.")
    var describe = false

    @Option(
        help: "Write a picture of the clients' sizes and labels, an SVG file.", completion: .file(extensions: ["svg"]))
    var plot: String?

    @OptionGroup var numbers: PartitionOptions
    @OptionGroup var printing: OutputOptions

    func validate() throws {
        do {
            _ = try SitePartition.Source(named: dataset)
        } catch {
            throw ValidationError("--dataset: \(error.message)")
        }
        guard sites == nil || scheme == .subject else {
            throw ValidationError(
                "--sites goes with the scheme 'subject'; expected --clients for '\(scheme.rawValue)'.")
        }
        guard sites == nil || numbers.clients == nil else {
            throw ValidationError("--sites and --clients are the same for the scheme 'subject'; expected one of them.")
        }
    }

    func run() throws {
        var parameters = numbers.parameters(scheme)
        if let sites { parameters.clients = sites }
        let prepared = try SitePartition.prepare(
            SitePartition.Request(
                source: SitePartition.Source(named: dataset),
                data: data,
                partition: parameters,
                statistic: numbers.by,
                statisticModality: numbers.modality,
                permuteLabels: permuteLabels,
                synthetic: SyntheticHAR.Configuration(seed: seed, subjects: subjects, windowsPerActivity: windows),
                scale: scale
            )
        )
        for note in prepared.notes { FileHandle.standardError.write(Data("\(note)\n".utf8)) }
        let report = try HeterogeneityReport(
            prepared.partition, labels: prepared.train.labels, classes: prepared.train.classes.count)
        if let plot {
            let picture = HeterogeneityPlot(
                report, classes: prepared.train.classes, title: "\(dataset), scheme \(scheme.rawValue)")
            do {
                try Data(picture.svg().utf8).write(to: URL(fileURLWithPath: plot), options: .atomic)
            } catch {
                throw DatasetError(.inputOutput, "\(plot): cannot be written: \(error.localizedDescription)")
            }
        }
        let written = try output.map { try SitePartition.write(prepared, to: $0) }
        let printer = printing.printer
        if describe {
            try printer.print(report) { PartitionText.figures(report) }
        } else if let written {
            if printer.isJSON {
                for site in written { try printer.print(site) { [] } }
            } else {
                for line in PartitionText.folders(written) { print(line) }
            }
        } else if printer.isJSON {
            FileHandle.standardOutput.write(Data((prepared.partition.json() + "\n").utf8))
        } else {
            for line in PartitionText.clients(report) + [""] + PartitionText.figures(report) { print(line) }
        }
    }
}
