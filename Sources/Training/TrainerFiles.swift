import Foundation
import Weights

/// The files that trainer and daemon exchange.
enum TrainerFiles {
    /// Reads weights that must have the model's schema, or another one.
    ///
    /// - Throws: `TrainingError` with code `weights`.
    static func read(
        _ path: String, schema: WeightsSchema, or other: WeightsSchema? = nil
    ) throws(TrainingError) -> Weights {
        let weights: Weights
        do {
            let limits = ReadLimits(
                dataBytes: max(schema.byteCount, other?.byteCount ?? 0),
                tensors: max(schema.tensors.count, other?.tensors.count ?? 0))
            weights = try SafetensorsFile(path: path, limits: limits).read()
        } catch {
            throw TrainingError(.weights, "\(path): the weights cannot be read", cause: error)
        }
        guard weights.schema == schema || weights.schema == other else {
            let differences = weights.schema.difference(from: schema)
            throw TrainingError(
                .weights, "\(path): not this model's weights: \(differences.prefix(5).joined(separator: "; "))")
        }
        return weights
    }

    /// Writes canonical safetensors under a name ending in `.part`, then renames: the file is whole or absent.
    ///
    /// Not synchronised to disk: the daemon does that when it takes the file into its outbox.
    ///
    /// - Throws: `TrainingError` with code `output`.
    static func write(_ weights: Weights, to path: String) throws(TrainingError) {
        let part = path + ".part"
        do {
            let folder = URL(fileURLWithPath: path).deletingLastPathComponent()
            try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
            try Safetensors.write(weights, to: part)
            guard rename(part, path) == 0 else {
                throw CocoaError(.fileWriteUnknown, userInfo: [NSFilePathErrorKey: path])
            }
        } catch {
            unlink(part)
            throw TrainingError(.output, "\(path): cannot be written", cause: error)
        }
    }
}
