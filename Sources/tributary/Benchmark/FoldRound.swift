import Aggregation
import Foundation
import Randomness
import Weights

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// The files of a round that a benchmark folds: global weights and updates of random numbers.
struct FoldRound {
    private static let history = "aux.server.c.weights"

    private let folder: String
    private let updates: Int
    private let plain: WeightsSchema
    /// With the update of the round before, which one rule reads.
    private let withHistory: WeightsSchema

    /// The name of a client.
    static func client(_ index: Int) -> String { "client-\(index)" }

    /// Writes the files into a new folder within one that exists, that of temporary files by default.
    init(updates: Int, elements: Int, folder parent: String?) throws {
        let place = parent.map { URL(fileURLWithPath: $0) } ?? FileManager.default.temporaryDirectory
        let folder = place.appendingPathComponent("tributary-fold-\(UUID().uuidString)")
        self.folder = folder.path
        self.updates = updates
        let weights = try TensorSpec(name: "weights", dtype: .f32, shape: [elements])
        plain = try WeightsSchema([weights])
        withHistory = try WeightsSchema([weights, TensorSpec(name: Self.history, dtype: .f32, shape: [elements])])
        do {
            try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: false)
            try Self.write(plain, seed: 0, to: folder.path + "/global")
            try Self.write(withHistory, seed: 1, to: folder.path + "/global-history")
            for index in 0..<updates {
                try Self.write(plain, seed: UInt64(index) + 2, to: "\(folder.path)/\(index)")
            }
        } catch {
            try? FileManager.default.removeItem(at: folder)
            throw error
        }
    }

    /// Folds the round into nothing.
    ///
    /// - Parameters:
    ///   - hasHistory: whether the global weights hold the update of the round before.
    ///   - forgetting: whether the page cache is made to forget the files first; not timed.
    /// - Returns: how long the fold took.
    func fold(_ strategy: any AggregationStrategy, hasHistory: Bool, forgetting: Bool) throws -> Duration {
        let schema = hasHistory ? withHistory : plain
        let globalPath = folder + (hasHistory ? "/global-history" : "/global")
        if forgetting {
            for path in (0..<updates).map({ "\(folder)/\($0)" }) + [globalPath] { try Self.forget(path) }
        }
        let start = ContinuousClock.now
        let global = try SafetensorsFile(path: globalPath, limits: ReadLimits(dataBytes: schema.byteCount))
        let sources = try (0..<updates).map { index in
            try PartialUpdate(
                clientID: Self.client(index), examples: 100 + index, loss: 1 + Double(index) / 16,
                tensors: SafetensorsFile(
                    path: "\(folder)/\(index)", limits: ReadLimits(dataBytes: plain.byteCount)),
                expected: plain, shownAs: schema)
        }
        _ = try strategy.aggregate(global: global, updates: sources, sink: { _ in })
        return ContinuousClock.now - start
    }

    /// Removes the files.
    func remove() {
        try? FileManager.default.removeItem(atPath: folder)
    }

    // MARK: Files

    /// Writes uniform numbers from −0.01 to 0.01 as canonical safetensors.
    private static func write(_ schema: WeightsSchema, seed: UInt64, to path: String) throws {
        guard FileManager.default.createFile(atPath: path, contents: Data(Safetensors.canonicalHeader(schema))),
            let file = FileHandle(forWritingAtPath: path)
        else { throw CocoaError(.fileWriteUnknown, userInfo: [NSFilePathErrorKey: path]) }
        defer { try? file.close() }
        _ = try file.seekToEnd()
        var stream = RandomStream(seed: seed, purpose: "benchmark")
        var block = [Float](repeating: 0, count: 1 << 18)
        var left = schema.byteCount / 4
        while left > 0 {
            let count = min(left, block.count)
            block.withUnsafeMutableBufferPointer { stream.fillUniform($0, low: -0.01, high: 0.01) }
            try block.withUnsafeBytes { try file.write(contentsOf: Data($0[..<(count * 4)])) }
            left -= count
        }
    }

    /// Makes the page cache forget a file.
    private static func forget(_ path: String) throws {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw CocoaError(.fileReadUnknown, userInfo: [NSFilePathErrorKey: path]) }
        defer { close(descriptor) }
        #if os(Linux)
        // What was not written yet cannot be forgotten.
        fsync(descriptor)
        _ = posix_fadvise(descriptor, 0, 0, POSIX_FADV_DONTNEED)
        #endif
    }
}
