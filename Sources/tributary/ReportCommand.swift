import ArgumentParser
import Foundation
import Jobs
import Operator

struct ReportCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "report",
        abstract: "Show a job's cross-site matrix and contribution scores, and write them as JSON, CSV and SVG.",
        discussion: """
            For jobs with crossSite or contributions, when their rounds are over. The files are those of `tributary simulate`.

            EXAMPLE
              tributary report har-fedavg --output report
              tributary report har-fedavg --json | jq .crossSite.summary
            """
    )

    @Argument(help: "The job's identifier, or the name of the newest job of that name.")
    var job: String

    @Option(help: "The folder to write to; nothing is written without.", completion: .directory)
    var output: String?

    @OptionGroup var connection: ConnectionOptions
    @OptionGroup var printing: OutputOptions

    struct Result: Encodable {
        var job: String
        var crossSite: CrossSiteMatrix?
        var contributions: ContributionTotals?
        var files: [String]
    }

    func run() async throws {
        let card = try await connection.withConnection { try await $0.card(job: job) }
        guard card.crossSite != nil || card.contributions != nil else {
            throw OperatorError(.refused, "the job \(card.job.id) \(Self.absence(in: card))")
        }
        let report = JobReport(card: card)
        let files = try output.map { try report.write(to: $0) } ?? []
        let result = Result(
            job: card.job.id, crossSite: card.crossSite, contributions: card.contributions, files: files)
        try printing.printer.print(result) { report.lines() + files }
    }

    /// Why there is nothing to report.
    private static func absence(in card: ModelCard) -> String {
        if card.specification.crossSite == nil, card.specification.contributions == nil {
            return "asks for no report: crossSite and contributions in its file do"
        }
        return card.job.status.state.isFinal
            ? "is \(card.job.status.state.rawValue), and no site evaluated all that a report needs"
            : "has nothing to report yet: sites are asked when its rounds are over"
    }
}
