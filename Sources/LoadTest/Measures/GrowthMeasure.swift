internal import Foundation
internal import Measurement

/// How the time of a round and the coordinator's memory grow with the number of clients and with the size of the model:
/// clients are sessions of this process, all of which take part in every round.
public struct GrowthMeasure: Sendable {
    /// One point of a curve.
    public struct Point: Sendable {
        /// Clients, or bytes of the model.
        public var size: Double
        /// Seconds of a round, by round.
        public var seconds: [Double]
        /// The coordinator's peak, in bytes.
        public var peakBytes: Double
    }

    /// The curves over the number of clients and over the size of the model.
    public struct Result: Sendable {
        /// With a model of 4 KiB.
        public var overClients: [Point]
        /// With two clients.
        public var overBytes: [Point]
    }

    /// The folder with the programs.
    public var programs: String
    /// The numbers of clients.
    public var clients = [2, 16, 128, 1000, 5000]
    /// The sizes of the model in bytes.
    public var sizes = [4000, 40_000, 400_000, 4_000_000, 40_000_000, 100_000_000]
    /// Rounds that count at each point; a fifth of them, at least two, with a thousand clients and more.
    public var rounds = 20

    /// A measure with the sizes of the documentation; nothing runs yet.
    public init(programs: String) { self.programs = programs }

    /// Measures every point with a coordinator of its own.
    public func run(note: (String) -> Void) async throws -> Result {
        var result = Result(overClients: [], overBytes: [])
        for bytes in sizes {
            note("model of \(bytes) bytes, 2 clients")
            result.overBytes.append(try await point(Double(bytes), bytes: bytes, clients: 2, rounds: rounds))
        }
        for count in clients {
            note("\(count) clients")
            result.overClients.append(
                try await point(
                    Double(count), bytes: RoundMeasure.emptyBytes, clients: count,
                    rounds: count >= 1000 ? max(2, rounds / 5) : rounds))
        }
        return result
    }

    private func point(_ size: Double, bytes: Int, clients: Int, rounds: Int) async throws -> Point {
        var options = LoadFederation.Options(programs: programs)
        options.arguments = ["--max-sessions", "\(max(5000, clients))"]
        return try await LoadFederation.with(options) { federation in
            let model = try EchoModel(bytes: bytes, folder: federation.folder)
            var fleet = try LoadFleet(federation, clients: clients)
            fleet.model = model
            return try await fleet.run { _, _ in
                let times = try await federation.roundTimes(
                    model.job(rounds: rounds + 2, clients: clients), model, warmUp: 1)
                return Point(
                    size: size, seconds: times, peakBytes: Double(try federation.coordinator.usage().peakBytes))
            }
        }
    }
}
