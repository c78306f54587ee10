public import ArgumentParser
public import Datasets
import Operator

struct PartitionCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "partition",
        abstract:
            "Deal a data set's subjects to sites: one folder for each site, and one with the test split for an evaluator.",
        discussion: """
            EXAMPLE
              tributary partition --dataset uci-har --data ~/data/uci-har --sites 5 --output sites
              tributary partition --dataset synthetic-har --sites 3 --output sites --json

            Without a data set at hand, synthetic-har generates six activities recorded by two sensors.
            """
    )

    @Option(help: "uci-har or synthetic-har.")
    var dataset: SitePartition.Source

    @Option(help: "The data set's folder, in the publisher's layout or as float32 files.", completion: .directory)
    var data: String?

    @Option(help: "How many sites the training subjects are dealt to.")
    var sites = 3

    @Option(help: "The folder for the sites' folders.", completion: .directory)
    var output: String

    @Option(help: "The seed of generated data.")
    var seed: UInt64 = 8

    @Option(help: "Subjects of generated data.")
    var subjects = 30

    @Option(help: "Windows of each activity and subject of generated data.")
    var windows = 24

    @Option(help: "Shuffle the training labels by this seed: a control that must not learn.")
    var permuteLabels: UInt64?

    @OptionGroup var printing: OutputOptions

    func run() throws {
        let request = SitePartition.Request(
            source: dataset,
            data: data,
            sites: sites,
            output: output,
            permuteLabels: permuteLabels,
            synthetic: SyntheticHAR.Configuration(seed: seed, subjects: subjects, windowsPerActivity: windows)
        )
        let sites = try SitePartition.write(request)
        let printer = printing.printer
        if printer.isJSON {
            for site in sites { try printer.print(site) { [] } }
            return
        }
        var table = TextTable([
            ("site", .left), ("split", .left), ("examples", .right), ("by class", .left), ("subjects", .left),
            ("folder", .left),
        ])
        for site in sites {
            table.add([
                site.name, site.split, String(site.examples), site.classes.map(String.init).joined(separator: " "),
                site.subjects.map(String.init).joined(separator: " "), site.path,
            ])
        }
        for line in table.lines() { print(line) }
    }
}

extension SitePartition.Source: ExpressibleByArgument {}
