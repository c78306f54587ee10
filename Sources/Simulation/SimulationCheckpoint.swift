internal import Durability
internal import Federation
internal import Foundation
internal import Jobs
internal import Privacy
internal import Weights

/// What a simulation needs to go on after its last completed round, bit for bit. Weights lie beside it under their
/// digests; both are durable before an older checkpoint goes.
struct SimulationCheckpoint: Codable, Hashable {
    /// An evaluation that was open.
    struct OpenEvaluation: Codable, Hashable {
        var round: Int
        var attempt: Int
        var weights: String
        var evaluators: [String]
        var deadline: Int64
    }

    /// SHA-256 over the specification and the partition: a checkpoint of another job is refused.
    var fingerprint: String
    /// The mark of the data's values (``DataFingerprint``); nil in checkpoints of earlier versions, which are taken.
    var data: String?
    var completedRounds: Int
    var weights: String
    var initialWeights: String
    var best: Best?
    var evaluations: [OpenEvaluation]
    var declined: [String]
    /// What selection knows of the clients; nil for jobs that draw without it.
    var history: SelectionHistory?
    /// What clients have in hand, in an asynchronous job.
    var asked: [UpdateBuffer.Asked]?
    /// Refused updates by client; nil where there are none.
    var offences: [String: Int]?
    /// The virtual clock's time; nil without one.
    var simulatedMilliseconds: Int64?
    /// Bytes of `metrics.jsonl` and `timings.jsonl` that belong to it; what follows is cut off.
    var metricsBytes: Int
    var timingsBytes: Int
    var seconds: Double
    /// What was released, in a job with privacy.
    var spent: SpentPrivacy?

    /// The best round by the job's metric.
    struct Best: Codable, Hashable {
        var round: Int
        var value: Double
        var weights: String
    }

    /// Every blob it refers to.
    var blobs: Set<String> {
        Set([weights] + evaluations.map(\.weights) + (best.map { [$0.weights] } ?? []))
            .union(asked?.map(\.weightsDigest) ?? [])
    }
}

/// The folder of a simulation's checkpoints.
struct CheckpointFolder {
    let path: String

    private var file: String { path + "/checkpoint.json" }

    private func blob(_ digest: String) -> String { "\(path)/\(digest).safetensors" }

    /// Makes the folder durable on first use.
    init(_ path: String) throws {
        self.path = path
        try PosixFileSystem().makeDirectory(path)
    }

    /// The last checkpoint; nil when there is none.
    ///
    /// - Throws: ``SimulationError`` `checkpoint` when it cannot be read.
    func load() throws -> (checkpoint: SimulationCheckpoint, weights: [String: Weights])? {
        guard FileManager.default.fileExists(atPath: file) else { return nil }
        do {
            let bytes = try PosixFileSystem().read(file, limit: 64 << 20)
            let checkpoint = try JSONDecoder().decode(SimulationCheckpoint.self, from: Data(bytes))
            var weights: [String: Weights] = [:]
            for digest in checkpoint.blobs {
                let read = try SafetensorsFile(path: blob(digest)).read()
                guard read.digest() == digest else {
                    throw SimulationError(.checkpoint, "\(blob(digest)): its bytes have another digest")
                }
                weights[digest] = read
            }
            return (checkpoint, weights)
        } catch let error as SimulationError {
            throw error
        } catch {
            throw SimulationError(.checkpoint, "\(file): cannot be read", cause: error)
        }
    }

    /// Writes a checkpoint and removes the weights that only older ones had.
    func save(_ checkpoint: SimulationCheckpoint, weights: [String: Weights]) throws {
        let files = FileManager.default
        for digest in checkpoint.blobs where !files.fileExists(atPath: blob(digest)) {
            guard let value = weights[digest] else {
                throw SimulationError(.checkpoint, "the weights \(digest.prefix(12)) are not there any more")
            }
            try DurableFile.write(Safetensors.encode(value), to: blob(digest))
        }
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .prettyPrinted]
        try DurableFile.write(Array(try encoder.encode(checkpoint)), to: file)
        let kept = Set(checkpoint.blobs.map { $0 + ".safetensors" })
        for name in try files.contentsOfDirectory(atPath: path)
        where name.hasSuffix(".safetensors") && !kept.contains(name) {
            try? files.removeItem(atPath: "\(path)/\(name)")
        }
    }
}
