import ArgumentParser
import Client
import Foundation
import Jobs
import Logging

/// `tributary-client check`
struct CheckCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "check",
        abstract: "Checks everything a site needs and says how to mend what is wrong.",
        discussion: """
            Certificate, the coordinator's name and port, session and clock, disk, data, trainer and its schema: one line \
            each. The exit status is 1 when anything failed. A running daemon is not disturbed.

            Examples:
              tributary-client check --config client.yaml
              tributary-client check --job job.yaml --weights initial.safetensors --json
            """
    )

    @OptionGroup var options: ConfigurationOptions

    @Option(help: "A job file: the trainer is asked for its model.", completion: .file(extensions: ["yaml", "yml"]))
    var job: String?

    @Option(
        help: "A weights file that the trainer's schema has to match.",
        completion: .file(extensions: ["safetensors"]))
    var weights: String?

    @Flag(help: "One JSON object a line.")
    var json = false

    func run() async throws {
        let logger = try options.makeLogger(standard: .error)
        let configuration: ClientConfiguration
        let specification: JobSpecification?
        do {
            configuration = try options.load()
            specification = try job.map { try JobSpecification.load(path: $0) }
        } catch let error where !(error is ValidationError) {
            show(CheckResult("file", .failed, "\(error)", remedy: "correct the file"))
            throw ExitCode.failure
        }
        let check = SiteCheck(configuration, job: specification, weightsPath: weights, logger: logger)
        guard await check.run(show) else { throw ExitCode.failure }
    }

    private func show(_ result: CheckResult) {
        var line = "\(result)"
        if json {
            let encoder = JSONEncoder()
            encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
            line = (try? encoder.encode(result)).map { String(decoding: $0, as: UTF8.self) } ?? line
        }
        // A reader that left is no reason to stop checking: the exit status counts.
        try? FileHandle.standardOutput.write(contentsOf: Data((line + "\n").utf8))
    }
}
