import Foundation
import Simulation

/// A simulation's progress on standard error: a bar on a terminal, a line every tenth of the rounds elsewhere.
final class SimulationDisplay {
    private let rounds: Int
    private let label: String
    private let isTerminal = isatty(STDERR_FILENO) == 1
    private var seed: UInt64?
    private var start = ContinuousClock.now
    private var first = 0
    private var figures = ""
    private var limited = ""
    private var isLineOpen = false

    init(rounds: Int, label: String) {
        self.rounds = rounds
        self.label = label
    }

    func show(seed: UInt64, _ progress: SimulationRun.Progress) {
        switch progress {
        case .metrics(let line):
            for reason in line.aborts ?? [] {
                end()
                write("round \(line.round + 1): an attempt failed: \(reason)\n")
            }
            if let saturated = line.saturated { limited = saturated > 0 ? "  \(saturated) elements limited" : "" }
            guard line.split != "train", line.distribution == nil else { return }
            let shown = ["accuracy", "macroF1"].compactMap { name in
                line.metrics[name].map { String(format: "%.4f", $0) }
            }
            figures = "\(line.split) accuracy/F1 \(shown.joined(separator: "/"))"
        case .round(let round, let total):
            if self.seed != seed {
                end()
                self.seed = seed
                start = .now
                first = round
            }
            draw(round: round, of: total, seed: seed)
        }
    }

    private func draw(round: Int, of total: Int, seed: UInt64) {
        let done = round + 1
        let seconds = (ContinuousClock.now - start) / .seconds(1)
        let rate = done > first + 1 ? Double(done - first - 1) / max(seconds, 1e-9) : 0
        let left = rate > 0 ? Double(total - done) / rate : 0
        let head = (label.isEmpty ? "" : label + "  ") + "seed \(seed)"
        let speed = String(format: "%.2f rounds/s  %.0f s left", rate, left)
        if isTerminal {
            let width = 24
            let filled = width * done / max(1, total)
            let bar = String(repeating: "█", count: filled) + String(repeating: "░", count: width - filled)
            write("\r\u{1B}[K\(head)  \(bar)  \(done)/\(total)  \(speed)  \(figures)\(limited)")
            isLineOpen = true
        } else if done == total || done % max(1, total / 10) == 0 {
            write("\(head)  round \(done)/\(total)  \(speed)  \(figures)\(limited)\n")
        }
    }

    /// Ends the line of a bar.
    func end() {
        if isLineOpen { write("\n") }
        isLineOpen = false
    }

    private func write(_ text: String) {
        FileHandle.standardError.write(Data(text.utf8))
    }
}
