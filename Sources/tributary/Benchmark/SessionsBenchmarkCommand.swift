import ArgumentParser
import LoadTest
import Measurement
import Operator

/// `tributary benchmark sessions`
struct SessionsBenchmarkCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "sessions",
        abstract: "Measure many idle sessions with one coordinator, and the refusal of one too many.",
        discussion: """
            EXAMPLE
              tributary benchmark sessions --sessions 1000
              tributary benchmark sessions --sessions 20 --limit 10

            Each session has a certificate and a connection of its own; both ends run on this machine. One file is open \
            for each session on either side: the hard limit (ulimit -Hn) has to allow that.
            """
    )

    @Option(help: "How many sessions are opened.")
    var sessions = 5000

    @Option(help: "The coordinator's maxSessions; as many as are opened unless given.")
    var limit: Int?

    @Option(help: "Seconds for which the idle coordinator is looked at.")
    var idle = 15.0

    @OptionGroup var output: OutputOptions

    func validate() throws {
        guard (1...100_000).contains(sessions), (1...100_000).contains(limit ?? sessions) else {
            throw ValidationError("--sessions and --limit: expected 1 to 100000")
        }
        guard (0.1...3600).contains(idle) else { throw ValidationError("--idle: expected 0.1 to 3600 seconds") }
    }

    func run() async throws {
        let measure = SessionsMeasure(
            programs: try OwnPrograms.folder(), sessions: sessions, limit: limit ?? sessions, idleSeconds: idle)
        let (refusal, figures) = try await measure.run()
        try BenchmarkFigure.show(figures, json: output.json)
        if !refusal.isEmpty { Printer.note("one session more was refused: \(refusal)") }
    }
}
