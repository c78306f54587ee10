import ArgumentParser
import Client
import Configuration
import Foundation
import Jobs
import Logging
import Operator

struct SubmitCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "submit",
        abstract: "Submit a job with its initial weights. Prints the job's identifier.",
        discussion: """
            EXAMPLE
              tributary submit job.yaml --watch
              tributary submit job.yaml --set rounds=50 --set training.learningRate=0.1
              tributary submit job.yaml --weights pretrained.safetensors --token night-2026-11-22

            Without --weights the initial values are drawn from the job's seed by the trainer on this machine.
            """
    )

    @Argument(help: "The job's YAML file.", completion: .file(extensions: ["yaml"]))
    var job: String

    @Option(
        help: "Initial weights (safetensors) instead of drawn ones.", completion: .file(extensions: ["safetensors"]))
    var weights: String?

    @Option(help: "The command that draws initial weights; default: tributary-lab trainer.")
    var trainer: String?

    @Option(help: "Makes the submission idempotent: the same token gives the same job.")
    var token = ""

    @Option(name: .customLong("set"), help: "Override a key of the file, as key=value; repeat for more.")
    var overrides: [String] = []

    @Flag(help: "Follow the job until it ends; exit status as of `tributary watch`.")
    var watch = false

    @OptionGroup var connection: ConnectionOptions
    @OptionGroup var output: OutputOptions

    func run() async throws {
        let specification = try readSpecification()
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent("tributary-\(UUID().uuidString)")
        try FileManager.default.createDirectory(
            at: folder,
            withIntermediateDirectories: true,
            attributes: [.posixPermissions: 0o700]
        )
        defer { try? FileManager.default.removeItem(at: folder) }

        var logger = Logger(label: "tributary") { StandardErrorLog(label: $0) }
        logger.logLevel = .warning
        let initial =
            if let weights {
                try InitialWeights.file(weights, for: specification, folder: folder.path)
            } else {
                try await InitialWeights.drawn(
                    for: specification,
                    job: specification.name,
                    command: trainer?.split(separator: " ").map(String.init) ?? [],
                    folder: folder.path,
                    logger: logger
                )
            }
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        let submission = JobSubmission(
            specification: Array(try encoder.encode(specification)),
            weightsPath: initial.path,
            weightsDigest: initial.digest,
            weightsBytes: initial.bytes,
            token: token,
            trainer: initial.trainer
        )
        let note = ProgressNote("Sending the weights")
        try await connection.withConnection { connection in
            let receipt = try await connection.submit(submission) { note.update($0) }
            note.finish()
            try output.printer.print(receipt) { [receipt.job] }
            if receipt.existed { Printer.note("the token was used before: this is the job it started") }
            guard watch else { return }
            try await output.following { follower in
                _ = try await follower.follow(receipt.job, on: connection)
            }
        }
    }

    private func readSpecification() throws -> JobSpecification {
        var values: [String: String] = [:]
        for override in overrides {
            guard let equals = override.firstIndex(of: "="), equals > override.startIndex else {
                throw ValidationError("--set is '\(override)'; expected key=value.")
            }
            values[String(override[..<equals])] = String(override[override.index(after: equals)...])
        }
        return try JobSpecification.load(path: job, overrides: values)
    }
}
