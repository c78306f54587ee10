internal import Foundation
internal import Jobs

/// What a report says about clients' own models.
extension ReportPage {
    /// A table of both models and the change, and the change over the rounds; nothing without `evaluation.personalise`.
    func personalisationParts() -> [String] {
        var parts: [String] = []
        var names = [report.job.selectBy.metric]
        if !names.contains("accuracy") { names.append("accuracy") }
        for metric in names {
            let rows = report.runs.flatMap { run in
                [
                    ("global model", run.personalisation?.global), ("own model", run.personalisation?.own),
                    ("change", run.personalisation?.change),
                ]
                .compactMap { title, figures in
                    figures?[metric].map { Self.row("seed \(run.seed), \(title)", $0) }
                }
            }
            guard !rows.isEmpty else { continue }
            let heads = ["model", "clients", "mean", "worst tenth", "smallest", "median", "largest"]
            parts.append(
                "<h2>\(Self.escape(metric)) of the global model and of the clients' own</h2><table><tr>"
                    + heads.map { "<th>\($0)</th>" }.joined() + "</tr>\(rows.joined())</table>")
            let boxes = (lines.first ?? []).compactMap { line in
                line.personalisation?.change[metric].map { (round: line.round, values: $0) }
            }
            guard !boxes.isEmpty else { continue }
            parts.append(
                BoxPlot(boxes: boxes).svg()
                    + "<p>Own minus global over the clients, by round, seed \(report.runs.first?.seed ?? 0): quartiles and "
                    + "extremes; the dot is the mean of the worst tenth.</p>")
        }
        return parts
    }

    private static func row(_ title: String, _ values: MetricDistribution) -> String {
        let figures = [values.mean, values.worstTenth, values.minimum, values.median, values.maximum]
        return "<tr><td>\(title)</td><td>\(values.clients)</td>"
            + figures.map { "<td>\(String(format: "%.4f", $0))</td>" }.joined() + "</tr>"
    }
}
