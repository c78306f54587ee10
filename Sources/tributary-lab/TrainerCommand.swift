import ArgumentParser
import Training

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// `tributary-lab trainer`: the default trainer of a client daemon.
struct TrainerCommand: ParsableCommand {
    static let version = TrainerSessions.trainerName
    static let configuration = CommandConfiguration(
        commandName: "trainer",
        abstract: "Serves the trainer contract on standard input and output.",
        discussion: """
            One JSON object a line each way; paths are relative to the working folder; standard error is the log. The \
            end of input ends the process at once.

            Example (what a client daemon's configuration names):
              trainer: {command: [tributary-lab, trainer]}
            """
    )

    func run() throws {
        // A daemon that went away is seen as the end of input, not as a signal.
        signal(SIGPIPE, SIG_IGN)
        // Replies go to a private copy of standard output, so that a library that prints there lands in the log.
        let replies = dup(STDOUT_FILENO)
        guard replies >= 0, dup2(STDERR_FILENO, STDOUT_FILENO) >= 0 else {
            throw ValidationError("standard output is not open")
        }
        let status = TrainerService(input: STDIN_FILENO, output: replies).run()
        throw ExitCode(status)
    }
}
