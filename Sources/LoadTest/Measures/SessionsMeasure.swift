internal import Durability
internal import Foundation
public import Measurement

/// What idle sessions cost a coordinator, how fast they open, and that there is a limit.
public struct SessionsMeasure: Sendable {
    /// The folder with the programs.
    public var programs: String
    /// How many sessions.
    public var sessions: Int
    /// The coordinator's limit.
    public var limit: Int
    /// How long the idle coordinator is looked at, in seconds.
    public var idleSeconds: Double

    /// A measure; nothing runs yet.
    public init(programs: String, sessions: Int, limit: Int, idleSeconds: Double) {
        self.programs = programs
        self.sessions = sessions
        self.limit = limit
        self.idleSeconds = idleSeconds
    }

    /// The sentence with which the session beyond the limit was refused, and the figures.
    ///
    /// - Throws: ``LoadTestError`` when it was not refused.
    public func run() async throws -> (refusal: String, figures: [BenchmarkFigure]) {
        var options = LoadFederation.Options(programs: programs)
        options.arguments = ["--max-sessions", "\(limit)"]
        return try await LoadFederation.with(options) { federation in
            // After the programs were started: they raise their own limits.
            let files = OpenFileLimit.raise()
            guard files > limit + 200 else {
                throw LoadTestError("this process may open \(files) files, \(limit) sessions need more: ulimit -Hn")
            }
            let before = try federation.coordinator.usage()
            let model = try EchoModel(bytes: RoundMeasure.emptyBytes, folder: federation.folder)
            var fleet = try LoadFleet(federation, clients: min(sessions, limit))
            fleet.conduct = { _ in .silent }
            fleet.model = model
            let measured = try await fleet.run { [fleet] recorder, opening in
                try await measure(federation, fleet, recorder, opening: opening, before: before)
            }
            return measured
        }
    }

    private func measure(
        _ federation: LoadFederation, _ fleet: LoadFleet, _ recorder: LoadRecorder, opening: Double,
        before: ProcessUsage
    ) async throws -> (refusal: String, figures: [BenchmarkFigure]) {
        let count = fleet.materials.count
        try await Task.sleep(for: .seconds(2))
        let opened = try federation.coordinator.usage()
        try await Task.sleep(for: .seconds(idleSeconds))
        let idle = try federation.coordinator.usage()
        let refusal = count == limit ? try await refused(federation, beyond: count) : ""
        guard let model = fleet.model else { throw LoadTestError("a fleet without a model") }
        let job = try await federation.submit(model.job(rounds: 1, clients: count), model)
        try await recorder.wait { $0.tasks.count == count }
        let last = Date().timeIntervalSince1970 - (recorder.tasks.last.map { (.now - $0) / .seconds(1) } ?? 0)
        let start = try await federation.start(of: job, round: 0)
        try await federation.stop(job)
        return (
            refusal,
            [
                BenchmarkFigure("sessions", [Double(count)], unit: ""),
                BenchmarkFigure("sessions opened", [Double(count) / opening], unit: "/s"),
                BenchmarkFigure(
                    "memory of a session", [Double(idle.residentBytes - before.residentBytes) / Double(count) / 1000],
                    unit: "kB", limit: 131.072),
                BenchmarkFigure("coordinator", [Double(idle.residentBytes) / 1e6], unit: "MB"),
                BenchmarkFigure(
                    "processor while idle",
                    [100 * (idle.processorSeconds - opened.processorSeconds) / idleSeconds], unit: "% of a core"),
                BenchmarkFigure(
                    "a task offered to all", [max(0, last - start.timeIntervalSince1970) * 1000], unit: "ms"),
            ]
        )
    }

    /// One session too many; returns what the coordinator said.
    private func refused(_ federation: LoadFederation, beyond count: Int) async throws -> String {
        let fleet = try LoadFleet(federation, clients: 1, first: count)
        do {
            return try await fleet.run { (_, _) -> String in
                throw LoadTestError("session \(count + 1) was taken, the limit is \(limit)")
            }
        } catch let error as LoadTestError {
            throw error
        } catch {
            return SessionRefusal.sentence(error)
        }
    }
}
