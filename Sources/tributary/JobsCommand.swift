import ArgumentParser
import Foundation
import Operator

struct JobsCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "jobs",
        abstract: "List the jobs: queued, running, paused, finished, failed or stopped, each with its reason.",
        discussion: """
            EXAMPLE
              tributary jobs --config identities/operators/alice/operator.yaml
              tributary jobs --json | jq -r 'select(.state == "running") | .job'
            """
    )

    @OptionGroup var connection: ConnectionOptions
    @OptionGroup var output: OutputOptions

    func run() async throws {
        let jobs = try await connection.withConnection { try await $0.jobs() }
        let printer = output.printer
        if printer.isJSON {
            for job in jobs { try printer.print(job) { [] } }
            return
        }
        guard !jobs.isEmpty else {
            Printer.note("There are no jobs yet. `tributary submit JOB.yaml` starts one.")
            return
        }
        var table = TextTable([
            ("job", .left), ("name", .left), ("state", .left), ("rounds", .right), ("macro F1", .right),
            ("best", .right), ("operator", .left), ("submitted", .left), ("reason", .left),
        ])
        for job in jobs {
            table.add([
                job.job, job.name, job.state, "\(job.rounds)/\(job.roundsTotal)",
                job.metrics["macroF1"].map { String(format: "%.4f", $0) } ?? "-",
                job.bestRound.map(String.init) ?? "-", job.operator,
                job.submitted.formatted(.iso8601), job.reason,
            ])
        }
        for line in table.lines() { print(line) }
    }
}
