import ArgumentParser
import Datasets
import Foundation
import Jobs
import Operator

struct PartitionCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "partition",
        abstract: "Deal a data set to the clients of a federation: show who gets what, or write a folder for each.",
        discussion: """
            With --output, each client gets a folder, and 'evaluator' one with the test split, and with a split 'dev' \
            where the scheme holds rows out. Without it nothing is written: the clients and how much they differ are \
            shown, or with --json one object from client to its rows of the training split, counted from 0.

            With --job, the data set and the partition are those of a simulation of that job: what is shown is what its \
            clients train on, without what they hold out for their own evaluation, and --describe also shows what the \
            job's corruption leaves to each. Folders get all rows of a client.

            EXAMPLE
              tributary partition --dataset uci-har --data ~/data/uci-har --sites 5 --output sites
              tributary partition --dataset synthetic-har --sites 3 --output sites --json
              tributary partition --dataset synthetic-har --scheme dirichlet --clients 20 --alpha 0.1
              tributary partition --dataset synthetic-har --scheme shards --clients 10 --describe --plot shards.svg
              tributary partition --dataset uci-har --data ~/data/uci-har --scheme fedmultimodal --alpha 0.1 --json
              tributary partition --job job.yaml --data ~/data/uci-har --describe

            Without a data set at hand, synthetic-har generates six activities recorded by two sensors, and \
            synthetic-NAME examples in the form of the data set NAME:
            \((BenchmarkDataset.all + BenchmarkDataset.images).map(\.name).joined(separator: ", ")).
            """
    )

    @Option(
        help: "A data set of the benchmark, synthetic- and one, or synthetic-har: see above.",
        completion: .list(SitePartition.Source.names))
    var dataset: String?

    @Option(
        help: "A job file in place of --dataset and the partition's options.",
        completion: .file(extensions: ["yaml", "yml"]))
    var job: String?

    @Option(help: "The data set's folder, in the publisher's layout or as features.", completion: .directory)
    var data: String?

    @Option(help: "How the training rows are dealt, by subject unless given.")
    var scheme: PartitionScheme?

    @Option(help: "How many sites the scheme 'subject' deals the training subjects to; 3 by default.")
    var sites: Int?

    @Option(help: "The folder for the clients' folders.", completion: .directory)
    var output: String?

    @Option(help: "The seed of generated data, 8 by default.")
    var seed: UInt64?

    @Option(help: "Subjects of generated data, 30 by default.")
    var subjects: Int?

    @Option(help: "Windows of each activity and subject of generated data, 24 by default.")
    var windows: Int?

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

    private var chosenScheme: PartitionScheme { scheme ?? .subject }

    func validate() throws {
        do {
            if let dataset { _ = try SitePartition.Source(named: dataset) }
        } catch {
            throw ValidationError("--dataset: \(error.message)")
        }
        guard (dataset == nil) != (job == nil) else {
            throw ValidationError("expected either --dataset or --job, a job file that says which.")
        }
        if job != nil {
            guard scheme == nil, sites == nil, seed == nil, subjects == nil, windows == nil, permuteLabels == nil,
                numbers.areDefaults
            else {
                throw ValidationError(
                    "--job goes with --data, --scale, --output, --describe, --plot and --json only: the file "
                        + "says the rest.")
            }
        }
        guard sites == nil || chosenScheme == .subject else {
            throw ValidationError(
                "--sites goes with the scheme 'subject'; expected --clients for '\(chosenScheme.rawValue)'.")
        }
        guard sites == nil || numbers.clients == nil else {
            throw ValidationError("--sites and --clients are the same for the scheme 'subject'; expected one of them.")
        }
    }

    func run() throws {
        let specification = try job.map { try JobSpecification.load(path: $0) }
        let request = try request(of: specification)
        let prepared = try SitePartition.prepare(request)
        for note in prepared.notes { FileHandle.standardError.write(Data("\(note)\n".utf8)) }
        let shown = try prepared.holdingOut(specification?.evaluation.perClientHoldOut ?? 0)
        let report = try HeterogeneityReport(
            shown.partition, labels: prepared.train.labels, classes: prepared.train.classes.count)
        if let plot {
            let title = "\(request.source.name), scheme \(request.partition.scheme.rawValue)"
            let picture = HeterogeneityPlot(report, classes: prepared.train.classes, title: title)
            do {
                try Data(picture.svg().utf8).write(to: URL(fileURLWithPath: plot), options: .atomic)
            } catch {
                throw DatasetError(.inputOutput, "\(plot): cannot be written: \(error.localizedDescription)")
            }
        }
        let corruption = try specification.map { try CorruptionSummary.describe($0, shown) }
        let written = try output.map { try SitePartition.write(prepared, to: $0) }
        let printer = printing.printer
        if describe {
            try printer.print(FederationDescription(report: report, corruption: corruption)) {
                PartitionText.figures(report)
                    + (corruption.map { [""] + PartitionText.corruption($0, prepared.train.modalities.map(\.name)) }
                        ?? [])
            }
        } else if let written {
            if printer.isJSON {
                for site in written { try printer.print(site) { [] } }
            } else {
                for line in PartitionText.folders(written) { print(line) }
            }
        } else if printer.isJSON {
            FileHandle.standardOutput.write(Data((shown.partition.json() + "\n").utf8))
        } else {
            for line in PartitionText.clients(report) + [""] + PartitionText.figures(report) { print(line) }
        }
    }

    /// What is partitioned, by the job or by the options.
    private func request(of job: JobSpecification?) throws -> SitePartition.Request {
        let request: SitePartition.Request
        if let job {
            request = try .init(job, data: data, scale: scale)
        } else if let dataset {
            var parameters = numbers.parameters(chosenScheme)
            if let sites { parameters.clients = sites }
            let source = try SitePartition.Source(named: dataset)
            if let idle = parameters.idle(for: source) {
                let option = idle.key == "seed" ? "partition-seed" : idle.key
                throw ValidationError("--\(option) has no effect here: \(idle.reason).")
            }
            request = .init(
                source: source, data: data, partition: parameters, permuteLabels: permuteLabels,
                synthetic: .init(seed: seed ?? 8, subjects: subjects ?? 30, windowsPerActivity: windows ?? 24),
                scale: scale)
        } else {
            throw ValidationError("expected either --dataset or --job.")
        }
        let given = [
            ("data", data != nil), ("seed", seed != nil), ("subjects", subjects != nil), ("windows", windows != nil),
            ("scale", scale != nil),
        ]
        try request.source.check(given: given.filter(\.1).map(\.0))
        return request
    }
}

/// The figures of a partition, and with `corruption` what a job leaves of them: one JSON object.
private struct FederationDescription: Encodable {
    var report: HeterogeneityReport
    var corruption: CorruptionSummary?

    private enum CodingKeys: CodingKey { case corruption }

    func encode(to encoder: any Encoder) throws {
        try report.encode(to: encoder)
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encodeIfPresent(corruption, forKey: .corruption)
    }
}
