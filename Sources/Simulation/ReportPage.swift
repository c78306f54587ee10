internal import Foundation
internal import Jobs
internal import Measurement

/// `report.html`: the figures of a report for people, in one file that needs nothing else.
struct ReportPage {
    let report: SimulationReport
    /// The lines of each run's metrics, in the order of the report's runs.
    let lines: [[MetricsLine]]
    /// Further drawings, as SVG, with a heading each.
    var drawings: [(heading: String, svg: String)] = []

    func html() -> String {
        var parts: [String] = []
        let job = report.job
        parts.append("<h1>\(Self.escape(job.name))</h1>")
        if report.isGenerated {
            parts.append(
                "<p class=note>The data were made by a generator: no figure here says anything about real data.</p>")
        }
        parts += report.notes.map { "<p class=note>\(Self.escape($0))</p>" }
        parts.append(
            "<p>\(Self.escape(job.modelName)) on \(Self.escape(job.data)), \(Self.escape(job.strategyName)), "
                + "\(report.clients) clients with \(report.examples) examples, \(job.rounds) rounds, "
                + "seeds \(report.runs.map { "\($0.seed)" }.joined(separator: ", ")).</p>")
        parts += hostileParts()
        parts.append(table("After the last round", report.last))
        if !report.best.isEmpty {
            parts.append(table("At each run's best round by \(Self.escape("\(job.selectBy)"))", report.best))
        }
        for metric in [job.selectBy.metric, "accuracy", "loss"].uniqued() {
            let curves = self.curves(metric)
            if !curves.isEmpty {
                let chart = LineChart(curves: curves, scale: .linear(end: Double(job.rounds - 1)))
                parts.append("<h2>\(Self.escape(metric))</h2>" + chart.svg())
            }
        }
        if !report.perClient.isEmpty {
            parts.append(table("Over the clients", report.perClient, rows: "metric"))
            for metric in [job.selectBy.metric, "accuracy"].uniqued() {
                let plot = BoxPlot(boxes: boxes(metric))
                guard !plot.boxes.isEmpty else { continue }
                parts.append(
                    "<h2>\(Self.escape(metric)) over the clients, seed \(report.runs.first?.seed ?? 0)</h2>\(plot.svg())"
                        + "<p>By round: quartiles and extremes; the dot is the mean of the worst tenth.</p>")
            }
        }
        parts += personalisationParts()
        parts += clockParts()
        for (heading, svg) in drawings { parts.append("<h2>\(Self.escape(heading))</h2>\(svg)") }
        for (split, matrix) in (report.runs.first?.confusion ?? [:]).sorted(by: { $0.key < $1.key }) {
            parts.append(
                "<h2>Answers on \(Self.escape(split)), seed \(report.runs.first?.seed ?? 0)</h2>" + confusion(matrix))
        }
        parts.append(runsTable())
        if let data = try? job.canonicalJSON() {
            parts.append("<h2>Job</h2><pre>\(Self.escape(String(decoding: data, as: UTF8.self)))</pre>")
        }
        return """
            <!doctype html><html lang="en"><meta charset="utf-8"><title>\(Self.escape(job.name))</title><style>
            body{font:15px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem;color:#222}
            table{border-collapse:collapse;margin:1rem 0}td,th{padding:.2rem .7rem;border-bottom:1px solid #ddd;text-align:right}
            td:first-child,th:first-child{text-align:left}pre{white-space:pre-wrap;word-break:break-all;background:#f6f6f6;padding:1rem}
            .note{background:#fff3cd;padding:.5rem 1rem}svg{max-width:100%;height:auto}code{word-break:break-all}
            </style><body>\(parts.joined(separator: "\n"))</body></html>

            """
    }

    private func table(
        _ heading: String, _ figures: [String: [String: SimulationReport.Spread]], rows first: String = "split"
    ) -> String {
        let names = Set(figures.values.flatMap(\.keys)).sorted()
        let head = "<tr><th>\(first)</th>" + names.map { "<th>\(Self.escape($0))</th>" }.joined() + "</tr>"
        let rows = figures.sorted { $0.key < $1.key }.map { split, metrics in
            "<tr><td>\(Self.escape(split))</td>"
                + names.map { "<td>\(metrics[$0].map(Self.figure) ?? "")</td>" }.joined() + "</tr>"
        }
        return "<h2>\(heading)</h2><table>\(head)\(rows.joined())</table>"
    }

    /// Who was hostile in each run.
    private func hostileParts() -> [String] {
        report.runs.compactMap { run in
            guard let hostile = run.hostile else { return nil }
            let kind = report.job.attack["kind"]?.stringValue ?? ""
            return
                "<p class=note>Seed \(run.seed): \(Self.escape(kind)) by \(hostile.count) of \(report.clients) clients: "
                + "\(Self.escape(hostile.joined(separator: ", "))).</p>"
        }
    }

    private func runsTable() -> String {
        let rows = report.runs.map { run in
            "<tr><td>\(run.seed)</td><td>\(run.rounds)</td><td>\(run.bestRound.map { "\($0)" } ?? "")</td>"
                + "<td>\(String(format: "%.1f", run.seconds))</td>"
                + "<td>\(Self.mebibytes(run.bytesDown))</td><td>\(Self.mebibytes(run.bytesUp))</td>"
                + "<td><code>\(run.weights.prefix(16))</code></td></tr>"
        }
        return "<h2>Runs</h2><table><tr><th>seed</th><th>rounds</th><th>best</th><th>seconds</th>"
            + "<th>MiB to clients</th><th>MiB from clients</th><th>weights</th></tr>\(rows.joined())</table>"
    }

    private func confusion(_ matrix: [[Int]]) -> String {
        let rows = matrix.enumerated().map { index, row in
            let total = max(1, row.reduce(0, +))
            let cells = row.map { count in
                let share = Double(count) / Double(total)
                return "<td style=\"background:rgba(31,119,180,\(String(format: "%.2f", share)))\">\(count)</td>"
            }
            return "<tr><th>\(index)</th>\(cells.joined())</tr>"
        }
        let head = "<tr><th>true \\ answer</th>" + matrix.indices.map { "<th>\($0)</th>" }.joined() + "</tr>"
        return "<table>\(head)\(rows.joined())</table>"
    }

    /// A curve for each split that has the metric: mean, smallest and largest over the runs.
    private func curves(_ metric: String) -> [LineChart.Curve] {
        var values: [String: [Int: [Double]]] = [:]
        for line in lines.joined() {
            guard let value = line.metrics[metric], value.isFinite else { continue }
            values[line.split, default: [:]][line.round, default: []].append(value)
        }
        return values.sorted { $0.key < $1.key }.map { split, rounds in
            LineChart.Curve(
                name: split,
                points: rounds.sorted { $0.key < $1.key }.compactMap { round, values in
                    SimulationReport.Spread(values).map { LineChart.Point(x: Double(round), $0) }
                })
        }
    }

    /// The first run's boxes by round.
    private func boxes(_ metric: String) -> [(round: Int, values: MetricDistribution)] {
        (lines.first ?? []).compactMap { line in line.distribution?[metric].map { (line.round, $0) } }
    }

    private static func mebibytes(_ bytes: Int) -> String { String(format: "%.1f", Double(bytes) / 1_048_576) }

    static func figure(_ spread: SimulationReport.Spread) -> String {
        spread.runs > 1
            ? String(format: "%.4f ± %.4f", spread.mean, spread.deviation) : String(format: "%.4f", spread.mean)
    }

    static func escape(_ text: String) -> String { MarkupText.escape(text) }
}

extension LineChart.Point {
    /// A spread as a point.
    init(x: Double, _ spread: SimulationReport.Spread) {
        self.init(x: x, low: spread.low, mean: spread.mean, high: spread.high)
    }
}

extension Sequence where Element: Hashable {
    fileprivate func uniqued() -> [Element] {
        var seen: Set<Element> = []
        return filter { seen.insert($0).inserted }
    }
}
