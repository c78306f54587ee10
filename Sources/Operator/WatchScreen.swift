import Foundation

/// What `tributary watch` shows: lasting lines, one for each completed round, and a live part for the running round.
///
/// A pure value: feed it updates, print what it returns.
public struct WatchScreen: Sendable {
    /// What an update gives.
    public struct Output: Sendable, Equatable {
        /// Lines to print once.
        public var lasting: [String] = []
        /// Lines to draw over at the next update.
        public var live: [String] = []
    }

    private var printed: Set<Int> = []
    private var rounds: [Int: RoundView] = [:]
    private var hasHeading = false
    private var lastState = ""

    /// The first round that has no line yet: lines come in order.
    public var next: Int { (printed.max() ?? -1) + 1 }

    /// An empty screen.
    public init() {}

    /// Takes an update in. Rounds whose evaluation is still due are held back until it is in, the next evaluated
    /// round is complete, or the job has ended, so that each line is printed once and whole.
    public mutating func apply(_ progress: JobProgress) -> Output {
        var output = Output()
        for round in progress.rounds { rounds[round.round] = round }
        let completed = rounds.values.filter { $0.phase == "completed" || $0.phase == "failed" }
            .sorted { $0.round < $1.round }
        let newestEvaluated = completed.last { !$0.evaluation.isEmpty }?.round ?? -1
        for round in completed where !printed.contains(round.round) {
            let isWhole = !round.evaluation.isEmpty || round.round < newestEvaluated
            guard isWhole || progress.job.hasEnded else { break }
            if !hasHeading {
                output.lasting.append(Self.heading)
                hasHeading = true
            }
            output.lasting.append(Self.line(for: round))
            output.lasting += round.refusals.map {
                "       \(TextTable.printable($0.client)): \(TextTable.printable($0.code)): \(TextTable.printable($0.reason))"
            }
            printed.insert(round.round)
            rounds[round.round] = nil
        }
        if progress.job.hasEnded {
            let reason = progress.job.reason.isEmpty ? "" : ": \(TextTable.printable(progress.job.reason))"
            output.lasting.append("\(progress.job.name) \(progress.job.state)\(reason)")
        } else {
            output.live = live(progress)
            let state = "\(progress.job.state): \(TextTable.printable(progress.job.reason))"
            if !progress.job.reason.isEmpty, state != lastState, progress.job.state != "running" {
                output.lasting.append(state)
            }
            lastState = state
        }
        return output
    }

    static let heading = "round  clients  examples   loss  │  test macro F1  accuracy    loss  seconds"

    static func line(for round: RoundView) -> String {
        func number(_ value: Double?, _ width: Int, _ digits: Int) -> String {
            let text = value.map { String(format: "%.\(digits)f", $0) } ?? "-"
            return String(repeating: " ", count: max(0, width - text.count)) + text
        }
        let clients = "\(round.admitted.count)/\(round.cohort.count)"
        let pad = { (text: String, width: Int) in String(repeating: " ", count: max(0, width - text.count)) + text }
        let examples = pad(round.trainingExamples.map(String.init) ?? round.figures ?? "-", 8)
        // Said once: the two columns are one beside the other. Where some clients report, theirs is the loss.
        let isSaid = round.figures == nil || round.trainingExamples == nil || round.training["loss"] != nil
        let loss = isSaid ? number(round.training["loss"], 7, 3) : "  \(round.figures ?? "")"
        return pad(String(round.round), 5) + "  " + pad(clients, 7) + "  " + examples + loss + "  │  "
            + number(round.evaluation["macroF1"], 13, 4) + number(round.evaluation["accuracy"], 10, 4)
            + number(round.evaluation["loss"], 8, 3) + number(round.seconds, 9, 2) + age(of: round)
    }

    /// How old the updates of an asynchronous job's version were.
    private static func age(of round: RoundView) -> String {
        guard let mean = round.training["staleness"], let most = round.training["maximumStaleness"] else { return "" }
        return String(format: "  staleness %.2f, at most %.0f", mean, most)
    }

    private func live(_ progress: JobProgress) -> [String] {
        let done = progress.job.rounds
        let total = max(progress.job.roundsTotal, 1)
        var lines = [
            "\(LiveDisplay.bar(Double(done) / Double(total), width: 30))  \(done) of \(total) rounds  "
                + "\(progress.job.state) \(TextTable.printable(progress.job.reason))"
        ]
        for activity in progress.activity.prefix(12) {
            let name = TextTable.printable(activity.client).padding(toLength: 14, withPad: " ", startingAt: 0)
            let stage = TextTable.printable(activity.stage).padding(toLength: 10, withPad: " ", startingAt: 0)
            var line = "  \(name)  \(stage)  \(LiveDisplay.bar(activity.fraction))"
            if activity.totalBytes > 0 {
                line += "  \(Self.megabytes(activity.bytes)) of \(Self.megabytes(activity.totalBytes))"
            }
            if let loss = activity.metrics["loss"] { line += "  loss \(String(format: "%.3f", loss))" }
            lines.append(line)
        }
        if progress.activity.count > 12 { lines.append("  and \(progress.activity.count - 12) more") }
        return lines
    }

    private static func megabytes(_ bytes: Int) -> String { String(format: "%.1f MB", Double(bytes) / 1e6) }
}
