import ArgumentParser
import Foundation
import Jobs
import Operator
import Weights

struct ExportCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "export",
        abstract: "Write a job's weights as safetensors or NPZ, with a model card in JSON and Markdown.",
        discussion: """
            EXAMPLE
              tributary export har-fedavg --round best --format safetensors --output model
              python3 -c 'from safetensors.torch import load_file; print(load_file("model/weights.safetensors").keys())'
            """
    )

    enum Format: String, ExpressibleByArgument, CaseIterable {
        case safetensors, npz
    }

    @Argument(help: "The job's identifier, or the name of the newest job of that name.")
    var job: String

    @Option(help: "last, best, initial, or a round number.")
    var round = "last"

    @Option(help: "safetensors or npz.")
    var format = Format.safetensors

    @Option(help: "The folder to write to; it is made if it is not there.", completion: .directory)
    var output: String

    @OptionGroup var connection: ConnectionOptions
    @OptionGroup var printing: OutputOptions

    func validate() throws {
        guard ["last", "best", "initial"].contains(round) || (Int(round).map { $0 >= 0 } ?? false) else {
            throw ValidationError("--round is '\(round)'; expected last, best, initial, or a round number from 0.")
        }
    }

    struct Result: Encodable {
        var job: String
        var round: Int?
        var rounds: Int
        var metrics: [String: Double]
        var digest: String
        var weights: String
        var card: String
    }

    func run() async throws {
        do {
            try FileManager.default.createDirectory(atPath: output, withIntermediateDirectories: true)
        } catch {
            throw OperatorError(writing: output, error)
        }
        let folder = URL(fileURLWithPath: output)
        let safetensors = folder.appendingPathComponent("weights.safetensors").path
        let display = ProgressNote("Fetching the weights")
        let exported = try await connection.withConnection {
            try await $0.export(job: job, round: round, to: safetensors) { display.update($0) }
        }
        display.finish()

        let card = try ModelCard(json: exported.card)
        var weights = safetensors
        if format == .npz {
            weights = folder.appendingPathComponent("weights.npz").path
            let values = try SafetensorsFile(path: safetensors).read()
            try NPZ.write(values, to: weights)
            try FileManager.default.removeItem(atPath: safetensors)
        }
        let cardPath = folder.appendingPathComponent("model-card.json")
        do {
            try exported.card.write(to: cardPath, options: .atomic)
            try Data(card.markdown().utf8).write(to: folder.appendingPathComponent("model-card.md"), options: .atomic)
        } catch {
            throw OperatorError(writing: cardPath.path, error)
        }

        let result = Result(
            job: job,
            round: exported.round,
            rounds: exported.round.map { $0 + 1 } ?? 0,
            metrics: card.metrics,
            digest: exported.digest,
            weights: weights,
            card: cardPath.path
        )
        try printing.printer.print(result) {
            var lines = [
                "\(weights)  (round \(exported.round.map(String.init) ?? "initial"), SHA-256 \(exported.digest))"
            ]
            lines.append("\(cardPath.path)  and model-card.md beside it")
            if !result.metrics.isEmpty {
                lines.append(
                    result.metrics.sorted { $0.key < $1.key }.map { "\($0.key) \(String(format: "%.4f", $0.value))" }
                        .joined(separator: "  ")
                )
            }
            return lines
        }
    }
}
