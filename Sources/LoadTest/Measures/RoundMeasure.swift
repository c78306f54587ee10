internal import Foundation
public import Measurement

/// What a round costs without learning, and what the daemons need in memory.
public struct RoundMeasure: Sendable {
    /// What can be measured.
    public enum Part: String, Sendable, CaseIterable {
        /// Rounds of a 4 KiB model with shipped client daemons, and the daemons' idle memory.
        case empty
        /// Rounds of a 4 KiB model with many sessions of this process.
        case sessions
        /// Rounds of a large model with shipped client daemons.
        case large
        /// The coordinator's peak with a large model and clients of which half stall in a transfer.
        case memory
    }

    /// The bytes of the empty rounds' model.
    public static let emptyBytes = 4096
    /// Rounds that are not counted.
    public static let warmUp = 5

    /// The folder with the programs.
    public var programs: String
    /// How many empty rounds count.
    public var rounds = 60
    /// How many sessions of this process take part.
    public var sessions = 200
    /// The bytes of the large model.
    public var largeBytes = 100_000_000
    /// How many large rounds count.
    public var largeRounds = 10
    /// The numbers of clients whose transfers the coordinator's memory is measured with.
    public var stalledFleets = [2, 8, 24]

    /// A measure with the numbers of the design; nothing runs yet.
    public init(programs: String) { self.programs = programs }

    /// Measures some parts; each figure is handed out as soon as it is there.
    public func run(_ parts: [Part], show: ([BenchmarkFigure]) throws -> Void) async throws {
        for part in parts {
            switch part {
            case .empty: try show(try await emptyRounds())
            case .sessions: try show(try await sessionRounds())
            case .large: try show(try await largeRoundTimes())
            case .memory: for clients in stalledFleets { try show([try await peak(clients: clients)]) }
            }
        }
    }

    private var daemonOptions: LoadFederation.Options {
        var options = LoadFederation.Options(programs: programs)
        options.daemons = 2
        options.hasEvaluator = true
        return options
    }

    private func emptyRounds() async throws -> [BenchmarkFigure] {
        try await LoadFederation.with(daemonOptions) { federation in
            let disk = try MachineLimits.durableFileTimes(in: federation.folder)
            // A moment for what the start left behind.
            try await Task.sleep(for: .seconds(2))
            let coordinator = try federation.coordinator.usage()
            let client = try federation.daemons[0].usage()
            let model = try EchoModel(bytes: Self.emptyBytes, folder: federation.folder)
            let times = try await federation.roundTimes(
                model.job(rounds: Self.warmUp + rounds + 1, clients: 2, evaluates: true), model, warmUp: Self.warmUp)
            return [
                BenchmarkFigure("coordinator, idle", [Double(coordinator.residentBytes) / 1e6], unit: "MB", limit: 60),
                BenchmarkFigure("client, idle", [Double(client.residentBytes) / 1e6], unit: "MB", limit: 40),
                BenchmarkFigure("small file made durable", disk, unit: "ms"),
                BenchmarkFigure("empty round, 2 daemons", times.map { $0 * 1000 }, unit: "ms"),
            ]
        }
    }

    private func sessionRounds() async throws -> [BenchmarkFigure] {
        var options = LoadFederation.Options(programs: programs)
        options.arguments = ["--max-sessions", "\(sessions + 1)"]
        return try await LoadFederation.with(options) { federation in
            let disk = try MachineLimits.durableFileTimes(in: federation.folder)
            let model = try EchoModel(bytes: Self.emptyBytes, folder: federation.folder)
            // One more that evaluates, as in the other rounds.
            var fleet = try LoadFleet(federation, clients: sessions + 1)
            let count = sessions
            fleet.model = model
            fleet.split = { $0 == count ? "test" : "train" }
            let times = try await fleet.run { _, _ in
                try await federation.roundTimes(
                    model.job(rounds: Self.warmUp + rounds + 1, clients: count, evaluates: true), model,
                    warmUp: Self.warmUp)
            }
            return [
                BenchmarkFigure("small file made durable", disk, unit: "ms"),
                BenchmarkFigure("empty round, \(count) sessions", times.map { $0 * 1000 }, unit: "ms"),
            ]
        }
    }

    private func largeRoundTimes() async throws -> [BenchmarkFigure] {
        try await LoadFederation.with(daemonOptions) { federation in
            let disk = try MachineLimits.durableWriteSpeed(in: federation.folder)
            let model = try EchoModel(bytes: largeBytes, folder: federation.folder)
            let times = try await federation.roundTimes(
                model.job(rounds: 2 + largeRounds + 1, clients: 2, evaluates: true), model, warmUp: 2)
            let coordinator = try federation.coordinator.usage()
            let client = try federation.daemons[0].usage()
            return [
                BenchmarkFigure("file written and synchronised", disk, unit: "GB/s"),
                BenchmarkFigure("round of \(size), 2 daemons", times, unit: "s"),
                BenchmarkFigure(
                    "coordinator, peak with \(size) and 2 daemons", [Double(coordinator.peakBytes) / 1e6], unit: "MB",
                    limit: bound(sessions: 3)),
                BenchmarkFigure("client after the job", [Double(client.residentBytes) / 1e6], unit: "MB"),
            ]
        }
    }

    /// Half of the clients stop in the middle of a transfer, by turns in a fetch and in an upload, and never go on.
    private func peak(clients: Int) async throws -> BenchmarkFigure {
        var options = LoadFederation.Options(programs: programs)
        options.environment = ["TRIBUTARY_COORDINATOR_STALL": "3"]
        return try await LoadFederation.with(options) { federation in
            let model = try EchoModel(bytes: largeBytes, folder: federation.folder)
            var fleet = try LoadFleet(federation, clients: clients)
            fleet.model = model
            fleet.conduct = { index in
                guard index.isMultiple(of: 2) else { return .echo }
                return index.isMultiple(of: 4) ? .stallsUploading : .stallsFetching
            }
            let peak = try await fleet.run { _, _ in
                let job = model.job(rounds: 2, clients: clients, needed: clients / 2)
                _ = try await federation.roundTimes(job, model, warmUp: 0)
                return try federation.coordinator.usage().peakBytes
            }
            return BenchmarkFigure(
                "coordinator, peak with \(size), \(clients) clients, \(clients - clients / 2) stalled",
                [Double(peak) / 1e6], unit: "MB", limit: bound(sessions: clients))
        }
    }

    private var size: String { String(format: "%.0f MiB", Double(largeBytes) / 1_048_576) }

    /// What the coordinator may use with that many sessions and the large model, in MB.
    private func bound(sessions: Int) -> Double {
        60 + Double(sessions) * 131_072 / 1e6 + 2.5 * Double(largeBytes) / 1e6
    }
}
