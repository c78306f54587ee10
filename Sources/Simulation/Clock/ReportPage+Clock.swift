internal import Foundation
internal import Jobs
internal import Measurement

/// What a report says about simulated time.
extension ReportPage {
    /// The job's metric over simulated time, and what each run took and cost; nothing without a clock.
    func clockParts() -> [String] {
        guard report.runs.contains(where: { $0.clock != nil }) else { return [] }
        let metric = report.job.selectBy.metric
        let latest = report.runs.compactMap { $0.clock?.time }.max() ?? 0
        let unit = Self.unit(for: latest)
        let curves = zip(report.runs, lines).compactMap { run, lines in
            curve(of: lines, metric, name: "seed \(run.seed)", secondsPerUnit: unit.seconds)
        }
        var parts: [String] = []
        if !curves.isEmpty {
            let chart = LineChart(curves: curves, scale: .linear(end: (latest / unit.seconds).rounded(.down)))
            parts.append(
                "<h2>\(Self.escape(metric)) on \(Self.escape(report.job.evaluation.split)) over simulated time, in "
                    + "\(unit.name)</h2>" + chart.svg())
        }
        let heads = [
            "seed", "simulated s", "s a round", "tasks", "late", "cancelled", "dropped out", "failed attempts",
            "client s", "wasted", "MiB carried", "wasted",
        ]
        let rows = report.runs.compactMap { run in
            run.clock.map { clock in
                let carried = clock.bytesDown + clock.bytesUp
                let cells = [
                    "\(run.seed)", String(format: "%.1f", clock.time),
                    String(format: "%.2f", clock.seconds / Double(max(1, run.rounds))), "\(clock.tasks)",
                    "\(clock.late)", "\(clock.cancelled)", "\(clock.dropped)", "\(clock.failedAttempts)",
                    String(format: "%.1f", clock.clientSeconds), Self.percent(clock.wastedShare),
                    String(format: "%.1f", Double(carried) / 1_048_576),
                    Self.percent(carried > 0 ? Double(clock.wastedBytes) / Double(carried) : 0),
                ]
                return "<tr>" + cells.map { "<td>\($0)</td>" }.joined() + "</tr>"
            }
        }
        parts.append(
            "<h2>Virtual clock</h2><table><tr>" + heads.map { "<th>\($0)</th>" }.joined()
                + "</tr>\(rows.joined())</table>")
        return parts
    }

    /// One run's metric on the job's split, each round at the time of its end.
    private func curve(
        of lines: [MetricsLine], _ metric: String, name: String, secondsPerUnit: Double
    ) -> LineChart.Curve? {
        var ends: [Int: Double] = [:]
        for line in lines { if let clock = line.clock { ends[line.round] = clock.time } }
        let points: [LineChart.Point] = lines.compactMap { line in
            guard line.split == report.job.evaluation.split, let end = ends[line.round],
                let value = line.metrics[metric],
                value.isFinite, let spread = SimulationReport.Spread([value])
            else { return nil }
            return LineChart.Point(x: (end / secondsPerUnit).rounded(.down), spread)
        }
        return points.isEmpty ? nil : LineChart.Curve(name: name, points: points)
    }

    /// The largest unit in which a time is at least 1000: the chart's axis counts whole units.
    private static func unit(for seconds: Double) -> (name: String, seconds: Double) {
        let units: [(name: String, seconds: Double)] = [
            ("days", 86_400), ("hours", 3600), ("minutes", 60), ("seconds", 1),
        ]
        return units.first { seconds >= 1000 * $0.seconds } ?? ("milliseconds", 0.001)
    }

    private static func percent(_ share: Double) -> String { String(format: "%.1f %%", 100 * share) }
}
