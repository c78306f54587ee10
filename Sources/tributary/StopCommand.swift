import ArgumentParser
import Operator
import WireMessages

struct StopCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "stop",
        abstract: "Stop a job for good, or pause and resume it. Its weights stay and can be exported.",
        discussion: """
            EXAMPLE
              tributary stop har-fedavg --reason "wrong learning rate"
              tributary stop har-fedavg --pause
              tributary stop har-fedavg --resume
            """
    )

    @Argument(help: "The job's identifier, or the name of the newest job of that name.")
    var job: String

    @Flag(help: "Hold the job; --resume goes on with it.")
    var pause = false

    @Flag(help: "Go on with a paused job.")
    var resume = false

    @Option(help: "Why, for the audit log and the list of jobs.")
    var reason = ""

    @OptionGroup var connection: ConnectionOptions
    @OptionGroup var output: OutputOptions

    func validate() throws {
        if pause, resume { throw ValidationError("--pause and --resume exclude each other.") }
    }

    func run() async throws {
        let action: Tributary_V1_JobAction = pause ? .pause : resume ? .resume : .stop
        let view = try await connection.withConnection {
            try await $0.control(job: job, action: action, reason: reason)
        }
        try output.printer.print(view) {
            ["\(view.name) (\(view.job)) is \(view.state)\(view.reason.isEmpty ? "" : ": \(view.reason)")"]
        }
    }
}
