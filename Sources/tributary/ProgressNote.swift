import Operator
import Synchronization

/// A progress bar on standard error, on a terminal only.
final class ProgressNote: Sendable {
    private struct State {
        var display = LiveDisplay()
        var percent = -1
    }

    private let title: String
    private let state = Mutex(State())

    init(_ title: String) { self.title = title }

    /// Draws the bar when the whole percentage has changed.
    func update(_ fraction: Double) {
        state.withLock { state in
            let percent = Int((min(max(fraction, 0), 1) * 100).rounded(.down))
            guard percent != state.percent else { return }
            state.percent = percent
            state.display.draw(["\(title)  \(LiveDisplay.bar(fraction, width: 30))  \(percent) %"])
        }
    }

    /// Takes the bar away.
    func finish() { state.withLock { $0.display.clear() } }
}
