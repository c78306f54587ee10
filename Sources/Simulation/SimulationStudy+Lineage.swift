internal import Durability
internal import Foundation
internal import Jobs

/// What a study asks of each run once it is over: whose model does what where, and who contributed what.
extension SimulationStudy {
    /// A part of the page.
    typealias Section = (heading: String, svg: String)

    /// Evaluates the sites across, if asked to, and writes its files.
    ///
    /// - Returns: nil when the run was asked to stop.
    func crossSite(
        of run: SimulationRun, seed: UInt64, folder: String, into figures: inout SimulationReport.Run
    ) throws -> [Section]? {
        guard let crossSite else { return [] }
        guard let matrix = try run.crossSite(crossSite) else { return nil }
        try Self.write(matrix.files(), to: folder)
        figures.crossSite = matrix.summary
        let summary = matrix.summary
        let means = [("own site", summary.own), ("other sites", summary.others), ("global model", summary.global)]
            .compactMap { name, value in value.map { String(format: "%@ %.4f", name as NSString, $0) } }
        return [
            (
                "Every site's model on every site's examples, seed \(seed)",
                matrix.heatMap().svg()
                    + "<p>Mean \(ReportPage.escape(summary.metric)): \(means.joined(separator: ", ")). "
                    + links(["cross-site.json", "cross-site.csv", "cross-site.svg"], seed) + "</p>"
            )
        ]
    }

    /// Gathers the contribution scores, if there are any, and writes their files.
    func contributions(
        of run: SimulationRun, seed: UInt64, folder: String, into figures: inout SimulationReport.Run
    ) throws -> [Section] {
        let rounds = try run.contributions()
        guard let last = rounds.last else { return [] }
        let totals = ContributionTotals(rounds)
        try Self.write(totals.files(), to: folder)
        figures.contributions = Dictionary(totals.clients.map { ($0.name, $0.score) }) { first, _ in first }
        let method =
            switch last.settings.method {
            case .loo: "Leave-one-out"
            case .shapley: "Shapley values"
            }
        let rows = rounds.map { round in
            "<tr><td>\(round.round)</td><td>\(round.clients.count)</td><td>\(String(format: "%.4f", round.nobody))</td>"
                + "<td>\(String(format: "%.4f", round.everyone))</td><td>\(round.permutations.map { "\($0)" } ?? "")</td>"
                + "<td>\(round.evaluations)</td><td>\(round.refused)</td></tr>"
        }
        let heads = ["round", "updates", "without any", "with all", "orders", "evaluations", "refused coalitions"]
        return [
            (
                "\(method) of the clients' updates, seed \(seed)",
                ContributionChart(totals: totals).svg()
                    + "<p>In units of \(ReportPage.escape(last.utility)) on \(ReportPage.escape(last.split)), summed over the "
                    + "rounds below; lines are one standard error of the sampling to either side. "
                    + links(["contributions.json", "contributions.csv"], seed) + "</p><table><tr>"
                    + heads.map { "<th>\($0)</th>" }.joined() + "</tr>\(rows.joined())</table>"
            )
        ]
    }

    private static func write(_ files: [(name: String, bytes: [UInt8])], to folder: String) throws {
        for file in files { try DurableFile.write(file.bytes, to: "\(folder)/\(file.name)", permissions: 0o644) }
    }

    private func links(_ names: [String], _ seed: UInt64) -> String {
        let folder = seeds.count == 1 ? "" : "seed-\(seed)/"
        return names.map { "<a href=\"\(folder)\($0)\">\($0)</a>" }.joined(separator: ", ")
    }
}
