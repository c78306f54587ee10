import Synchronization
import Wire
import WireMessages

/// Tells the coordinator how far tasks are, at most four times a second for each; what cannot be sent is dropped.
final class ProgressReporter: Sendable {
    private static let interval: Duration = .milliseconds(250)

    private let link: SessionLink
    private let last = Mutex([TaskIdentity: ContinuousClock.Instant]())

    init(link: SessionLink) {
        self.link = link
    }

    /// A task enters a stage: "fetching", "training", "evaluating" or "uploading". Sent with the first figures, or never
    /// for a stage that is over at once.
    func stage(_ stage: String, _ identity: TaskIdentity) {
        last.withLock { $0[identity] = .now }
    }

    /// The figures of a stage.
    func report(_ identity: TaskIdentity, _ stage: String, fraction: Double, metrics: [String: Double]) {
        let isDue = last.withLock { last in
            let now = ContinuousClock.now
            if let previous = last[identity], now - previous < Self.interval { return false }
            last[identity] = now
            return true
        }
        guard isDue else { return }
        var progress = Tributary_V1_TaskProgress()
        progress.identity = identity.message
        progress.stage = stage
        progress.fraction = fraction.isFinite ? min(max(fraction, 0), 1) : 0
        progress.metrics = PeerText.figures(metrics)
        link.send(.progress(progress))
    }

    /// The task is over.
    func forget(_ identity: TaskIdentity) {
        last.withLock { _ = $0.removeValue(forKey: identity) }
    }
}
