import Client
import Foundation
import Jobs
import Logging
import Operator
import Weights

/// The weights that a job starts from.
struct InitialWeights {
    /// A canonical safetensors file.
    var path: String
    var digest: String
    var bytes: Int
    /// The trainer and libraries that made them; empty for a given file.
    var trainer: [String: String]

    /// Takes a safetensors file over: any valid one, rewritten in canonical form inside `folder`. Tensors that the job's
    /// strategy needs beside the model's are added as zeros where they are missing.
    static func file(
        _ path: String, for specification: JobSpecification, folder: String
    ) throws -> InitialWeights {
        let weights = try SafetensorsFile(path: path).read()
        guard weights.allFinite else { throw OperatorError(.file, "\(path): holds values that are not finite") }
        return try canonical(weights, for: specification, folder: folder, trainer: [:])
    }

    /// Has a trainer draw them from the job's seed.
    static func drawn(
        for specification: JobSpecification, job: String, command: [String], folder: String, logger: Logger
    ) async throws -> InitialWeights {
        var configuration = TrainerConfiguration.defaults
        if !command.isEmpty { configuration.command = command }
        configuration.command = try configuration.resolvedCommand(relativeTo: FileManager.default.currentDirectoryPath)
        let trainer = try TrainerProcess.start(
            configuration,
            folder: folder,
            logPath: folder + "/trainer.log",
            logger: logger
        )
        do {
            let hello = try await trainer.greet(
                TrainerRequest.Hello(
                    job: job,
                    client: "operator",
                    clientIndex: clientIndex("operator"),
                    seed: specification.seed,
                    threads: 1,
                    model: specification.model,
                    strategy: specification.strategy,
                    corruption: specification.corruption,
                    data: nil
                )
            )
            try await trainer.initialise(output: "initial.safetensors")
            await trainer.end()
            let weights = try SafetensorsFile(path: folder + "/initial.safetensors").read()
            return try canonical(
                weights,
                for: specification,
                folder: folder,
                trainer: hello.libraries.merging(["trainer": hello.trainer]) { first, _ in first }
            )
        } catch {
            await trainer.end()
            throw error
        }
    }

    private static func canonical(
        _ given: Weights, for specification: JobSpecification, folder: String, trainer: [String: String]
    ) throws -> InitialWeights {
        let weights = try specification.auxiliaryTensors.completing(given)
        let path = folder + "/canonical.safetensors"
        try Safetensors.write(weights, to: path)
        let bytes = try FileManager.default.attributesOfItem(atPath: path)[.size] as? Int ?? 0
        return InitialWeights(path: path, digest: weights.digest(), bytes: bytes, trainer: trainer)
    }
}
