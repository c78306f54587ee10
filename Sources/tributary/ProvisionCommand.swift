import ArgumentParser
import Configuration
import Identity
import Operator

struct ProvisionCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "provision",
        abstract:
            "Make the federation's certificate authority and a folder with certificate, key and configuration for each "
            + "participant.",
        discussion: """
            EXAMPLE
              tributary provision Configs/federation.yaml --output identities
              tributary provision Configs/federation.yaml --output identities --renew site-1

            Running it again adds newcomers and never replaces a key or the authority. Give each participant its own folder;
            keep DIR/ca to yourself: whoever holds ca.key can make participants.
            """
    )

    @Argument(help: "The federation's YAML file.", completion: .file(extensions: ["yaml"]))
    var federation: String

    @Option(help: "The folder for the authority and the participants.", completion: .directory)
    var output: String

    @Option(help: "Give this participant a new key and certificate.")
    var renew: String?

    @OptionGroup var printing: OutputOptions

    func run() throws {
        let file = try ConfigurationFile.load(FederationFile.self, path: federation)
        let report = try Provisioner(file, output: output).run(renewing: renew)
        try printing.printer.print(report) {
            var table = TextTable([
                ("participant", .left), ("role", .left), ("", .left), ("days left", .right), ("folder", .left),
            ])
            for entry in report.entries {
                table.add([
                    entry.identity.name, "\(entry.identity.role)", entry.action.rawValue, String(entry.daysLeft),
                    entry.folder,
                ])
            }
            return table.lines() + [
                "certificate authority \(report.authority.rawValue) in \(report.authorityFolder): keep it to yourself"
            ]
        }
        for warning in report.warnings { Printer.note("warning: \(warning)") }
        for problem in report.problems { Printer.note("error: \(problem)") }
        if !report.problems.isEmpty { throw ExitCode(1) }
    }
}
