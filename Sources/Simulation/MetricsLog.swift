internal import Foundation
public import Jobs

/// A file of one JSON object a line, written as rounds complete and cut back to a checkpoint on resumption.
final class MetricsLog {
    private let handle: FileHandle
    /// The bytes written so far.
    private(set) var bytes: Int

    /// Opens a file and drops what follows `kept` bytes.
    ///
    /// - Throws: ``SimulationError`` `checkpoint` when the file is shorter than that.
    init(path: String, keeping kept: Int) throws {
        let files = FileManager.default
        guard files.fileExists(atPath: path) || files.createFile(atPath: path, contents: nil),
            let handle = FileHandle(forUpdatingAtPath: path)
        else {
            throw SimulationError(.checkpoint, "\(path): cannot be opened for writing")
        }
        let size = Int(try handle.seekToEnd())
        guard size >= kept else {
            throw SimulationError(.checkpoint, "\(path): has \(size) bytes, the checkpoint was made after \(kept)")
        }
        try handle.truncate(atOffset: UInt64(kept))
        self.handle = handle
        bytes = kept
    }

    /// Appends one object.
    func append<Line: Encodable>(_ line: Line) throws {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        let data = try encoder.encode(line) + Data("\n".utf8)
        try handle.write(contentsOf: data)
        bytes += data.count
    }

    /// The longest line that is read.
    static let longestLine = 64 << 20

    /// Reads a file line by line; empty lines are left out. Memory is a block and the longest line.
    ///
    /// - Throws: ``SimulationError`` `checkpoint` when it cannot be read or a line is too long; what `body` throws.
    static func forEachLine(of path: String, block: Int = 1 << 20, _ body: (Data) throws -> Void) throws {
        guard let handle = FileHandle(forReadingAtPath: path) else {
            throw SimulationError(.checkpoint, "\(path): cannot be opened for reading")
        }
        defer { try? handle.close() }
        var rest = Data()
        while let read = try handle.read(upToCount: max(1, block)), !read.isEmpty {
            var pieces = (rest + read).split(separator: 0x0A, omittingEmptySubsequences: false)
            // What follows the last line break is the beginning of a line.
            rest = Data(pieces.removeLast())
            guard rest.count <= longestLine else {
                throw SimulationError(.checkpoint, "\(path): a line has more than \(longestLine) bytes")
            }
            for piece in pieces where !piece.isEmpty { try body(piece) }
        }
        if !rest.isEmpty { try body(rest) }
    }

    /// Makes what was written durable.
    func synchronise() throws {
        try handle.synchronize()
    }
}

/// One line of `metrics.jsonl`: a round's training, or its weights on one held-out split. Nothing in it depends on real
/// time or on how many workers there are.
public struct MetricsLine: Sendable, Hashable, Codable {
    /// The round, from 0.
    public var round: Int
    /// "train", the held-out split, or "clients" for an evaluation on every client's own examples.
    public var split: String
    /// Examples counted.
    public var examples: Int
    /// How many clients gave an update, for training.
    public var clients: Int?
    /// Clients without an update, with the reason's word.
    public var refusals: [String: String]?
    /// Every ratio of the totals.
    public var metrics: [String: Double]
    /// Counts by true class (rows) and answer, where there are any.
    public var confusion: [[Int]]?
    /// Bytes that the round's cohort received and sent, for training.
    public var bytesDown: Int?
    /// See `bytesDown`.
    public var bytesUp: Int?
    /// How each metric is spread over the clients, for "clients".
    public var distribution: [String: MetricDistribution]?
    /// The global model beside each client's own, for "clients" with `evaluation.personalise`.
    public var personalisation: PersonalisationFigures?
    /// What the round took and cost by the job's virtual clock, for training; nil without a clock.
    public var clock: ClockFigures?
    /// ε of the job up to this round, for training; nil in a job without privacy.
    public var epsilon: Double?
    /// The norm to which the round's updates were clipped, for training; nil in a job without privacy.
    public var clipNorm: Double?
    /// The weights of the clients in the round's update, for training where the job has an `aggregation`.
    public var weights: [String: Double]?
    /// Clients whose update the job's rules left out of the round's update, with the reason.
    public var leftOut: [String: String]?
    /// How many elements of the round's updates were limited to the range, for training in a job with secure aggregation.
    public var saturated: Int?
    /// Why attempts of the round failed, for training in a job with secure aggregation.
    public var aborts: [String]?
    /// How many versions of the weights the clients' updates were behind, for training in an asynchronous job.
    public var staleness: [String: Int]?
}

/// One line of `timings.jsonl`.
public struct TimingsLine: Sendable, Hashable, Codable {
    /// The round, from 0.
    public var round: Int
    /// Real seconds from the round before.
    public var seconds: Double
    /// Of these, waiting for workers.
    public var waiting: Double
    /// Of these, folding the updates.
    public var folding: Double
}
