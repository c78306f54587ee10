import ArgumentParser
import Operator

struct WatchCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "watch",
        abstract:
            "Follow a job: rounds, clients, metrics and transfers as they happen. Exit status 1 if the job fails.",
        discussion: """
            EXAMPLE
              tributary watch har-fedavg
              tributary watch har-fedavg --json      # one object for each change, the job under "job"

            A coordinator that is started again is watched again. Exit status 3 when it stays away for two minutes, or
            ends eleven times while the job completes no round: the job itself goes on when the coordinator does.
            """
    )

    @Argument(help: "The job's identifier, or the name of the newest job of that name.")
    var job: String

    @Option(help: "Leave earlier rounds out.")
    var fromRound = 0

    @OptionGroup var connection: ConnectionOptions
    @OptionGroup var output: OutputOptions

    func run() async throws {
        try await connection.withConnection { connection in
            try await output.following { follower in
                _ = try await follower.follow(job, from: fromRound, on: connection)
            }
        }
    }
}
