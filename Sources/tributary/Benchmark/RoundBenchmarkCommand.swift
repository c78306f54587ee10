import ArgumentParser
import Configuration
import LoadTest
import Measurement

/// `tributary benchmark round`
struct RoundBenchmarkCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "round",
        abstract: "Measure rounds without learning, and the memory of the daemons.",
        discussion: """
            EXAMPLE
              tributary benchmark round
              tributary benchmark round --part empty --rounds 100 --json
              tributary benchmark round --part memory --clients 24 --size 100MB

            Starts the shipped programs with certificates of their own in a temporary folder: mutual TLS, durable \
            updates, a child trainer that computes nothing, one evaluation a round. Parts:
              empty     a 4 KiB model with two client daemons and an evaluator; idle memory
              sessions  a 4 KiB model with sessions of this process, all of which take part in every round
              large     a large model with two client daemons and an evaluator
              memory    the coordinator's peak while half of the clients stop in a transfer and never go on
            """
    )

    @Option(name: .customLong("part"), help: "empty, sessions, large or memory; repeatable; all unless given.")
    var parts: [RoundPart] = []

    @Option(help: "How many empty rounds count, after five that do not.")
    var rounds = 60

    @Option(help: "How many sessions of this process take part.")
    var sessions = 200

    @Option(help: "The size of the large model.", transform: byteCount)
    var size = ByteCount(100_000_000)

    @Option(help: "How many large rounds count, after two that do not.")
    var largeRounds = 10

    @Option(help: "With how many clients the memory is measured; repeatable; 2, 8 and 24 unless given.")
    var clients: [Int] = []

    @OptionGroup var output: OutputOptions

    func validate() throws {
        guard rounds > 0, largeRounds > 0, rounds <= 100_000, largeRounds <= 10_000 else {
            throw ValidationError("--rounds and --large-rounds: expected 1 to 100000 and 1 to 10000")
        }
        guard (1...10_000).contains(sessions) else { throw ValidationError("--sessions: expected 1 to 10000") }
        guard (4...(2 << 30)).contains(size.bytes) else { throw ValidationError("--size: expected 4B to 2GiB") }
        guard clients.allSatisfy({ (2...1000).contains($0) }) else {
            throw ValidationError("--clients: expected 2 to 1000")
        }
    }

    func run() async throws {
        var measure = RoundMeasure(programs: try OwnPrograms.folder())
        measure.rounds = rounds
        measure.sessions = sessions
        measure.largeBytes = size.bytes / 4 * 4
        measure.largeRounds = largeRounds
        if !clients.isEmpty { measure.stalledFleets = clients }
        let wanted = parts.isEmpty ? RoundPart.allCases : parts
        try await measure.run(wanted.map(\.part)) { try BenchmarkFigure.show($0, json: output.json) }
    }
}

/// A part of the measure, as people type it.
enum RoundPart: String, CaseIterable, ExpressibleByArgument {
    case empty, sessions, large, memory

    var part: RoundMeasure.Part {
        switch self {
        case .empty: .empty
        case .sessions: .sessions
        case .large: .large
        case .memory: .memory
        }
    }
}
