internal import Foundation
public import Measurement

/// Bulk transfer as used: one client, one stream, mutual TLS on loopback. Down, the client hashes and writes to its
/// cache; up, the coordinator checks, hashes, spools, synchronises and commits before it acknowledges.
public struct WireMeasure: Sendable {
    /// The folder with the programs.
    public var programs: String
    /// The size of the model, in bytes; a multiple of 4.
    public var bytes: Int
    /// How many transfers each way count, after one that does not.
    public var repetitions: Int

    /// A measure; nothing runs yet.
    public init(programs: String, bytes: Int, repetitions: Int) {
        self.programs = programs
        self.bytes = bytes
        self.repetitions = repetitions
    }

    /// Measures the machine and the transfers. Speeds are in GB/s (10⁹ bytes a second).
    public func run() async throws -> [BenchmarkFigure] {
        let cipher = try MachineLimits.cipherSpeed()
        let hash = MachineLimits.hashSpeed()
        let loopback = try MachineLimits.loopbackSpeed()
        let (down, up, small, disk) = try await LoadFederation.with(.init(programs: programs)) { federation in
            let small = try MachineLimits.durableFileTimes(in: federation.folder)
            let disk = try MachineLimits.durableWriteSpeed(in: federation.folder)
            let model = try EchoModel(bytes: bytes, folder: federation.folder)
            var fleet = try LoadFleet(federation, clients: 1)
            fleet.model = model
            fleet.writesWeights = true
            let (down, up) = try await fleet.run { recorder, _ in
                _ = try await federation.roundTimes(model.job(rounds: repetitions + 1, clients: 1), model, warmUp: 0)
                return (Self.speeds(recorder.transfers(.down)), Self.speeds(recorder.transfers(.up)))
            }
            return (down, up, small, disk)
        }
        // Each byte is sealed, opened and hashed once, on as many cores as there are; the disk takes it beside that.
        let limit = Self.limit(cipher: cipher, hash: hash, loopback: loopback)
        let size = String(format: "%.1f MiB", Double(bytes) / 1_048_576)
        return [
            BenchmarkFigure("AES-256-GCM, one core", cipher, unit: "GB/s"),
            BenchmarkFigure("SHA-256, one core", hash, unit: "GB/s"),
            BenchmarkFigure("TCP over loopback", loopback, unit: "GB/s"),
            BenchmarkFigure("file written and synchronised", disk, unit: "GB/s"),
            BenchmarkFigure("small file made durable", small, unit: "ms"),
            BenchmarkFigure("coordinator to client, \(size)", down, unit: "GB/s", limit: limit),
            BenchmarkFigure("client to coordinator, \(size)", up, unit: "GB/s", limit: limit),
        ]
    }

    private static func speeds(_ transfers: [LoadRecorder.Transfer]) -> [Double] {
        transfers.dropFirst().map { Double($0.bytes) / 1e9 / $0.seconds }
    }

    /// What the machine could do if nothing but sealing, opening, hashing and copying through the kernel took time: the
    /// sum of their times for a byte, spread over two cores.
    private static func limit(cipher: [Double], hash: [Double], loopback: [Double]) -> Double {
        func median(_ values: [Double]) -> Double { values.sorted()[values.count / 2] }
        let cores = Double(min(2, max(1, ProcessInfo.processInfo.activeProcessorCount)))
        let work = 2 / median(cipher) + 1 / median(hash) + cores / median(loopback)
        return cores / work
    }
}
