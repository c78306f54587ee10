internal import Federation
internal import Jobs
internal import Synchronization
internal import Wire

/// What operators do with jobs.
extension JobManager {
    /// What an operator may ask of a job.
    enum Control: String, Sendable {
        case stop, pause, resume
    }

    /// Takes a job, once a token. Its weights are a held blob.
    ///
    /// - Returns: the job, and whether it was there before.
    func submit(_ job: JobRecord) async throws -> (id: String, existed: Bool) {
        switch try await store.insertJob(job) {
        case .existed(let known):
            return (known.id, true)
        case .inserted(let sequence):
            state.withLock { $0.scheduler.enqueue(job.id, sequence: sequence) }
            startNext()
            return (job.id, false)
        }
    }

    /// Stops, pauses or resumes a job and returns when that is durable.
    ///
    /// - Throws: ``CoordinatorError`` `conflict` when the job is over, or is not paused and is to be resumed; `unavailable`
    ///   when the coordinator stops before that: whether it was done shows after the next start.
    func control(_ job: JobRecord, _ control: Control, reason: String) async throws {
        guard !job.status.state.isFinal else {
            if control == .stop && job.status.state == .stopped { return }
            throw CoordinatorError(.conflict, "job \(job.id) is \(job.status.state.rawValue)")
        }
        switch control {
        case .stop:
            try await settle(job, JobStatus(.stopped, reason: reason), event: .stop(reason: reason)) {
                $0.isFinal
            }
        case .pause:
            // A job that waits for its turn again is paused already as far as its engine goes.
            try await settle(job, JobStatus(.paused, reason: reason), event: .pause(reason: reason)) {
                $0 == .paused || $0.isFinal
            }
        case .resume:
            try await resume(job)
        }
    }

    private func settle(
        _ job: JobRecord, _ status: JobStatus, event: RoundEvent, until isDone: (JobState) -> Bool
    ) async throws {
        while true {
            if let runner = try await settledRunner(job.id), runner.view.status.state != status.state {
                return try await post(event, to: runner, until: isDone)
            }
            // No engine has it in hand, and it keeps its place from none: the store's word is enough.
            let isFree = state.withLock { state in
                guard !state.beginning.contains(job.id),
                    state.runners[job.id].map({ $0.view.status.state == status.state }) ?? true
                else { return false }
                if status.state.isFinal {
                    state.scheduler.remove(job.id)
                } else {
                    state.scheduler.hold(job.id, sequence: job.sequence)
                }
                return true
            }
            guard isFree else { continue }
            // A job that has ended since it was looked up stays as it ended.
            if let now = try await store.job(job.id), !now.status.state.isFinal {
                try await store.commitStatus(job: job.id, status, at: clock.now())
                changes.changed(job: job.id)
            }
            startNext()
            return
        }
    }

    private func post(_ event: RoundEvent, to runner: JobRunner, until isDone: (JobState) -> Bool) async throws {
        try await changes.withSubscription(job: runner.id) { subscription in
            runner.post(event)
            var signals = subscription.signals.makeAsyncIterator()
            while let now = try await store.job(runner.id), !isDone(now.status.state) {
                guard await signals.next() != nil else { throw Self.stopping }
            }
        }
    }

    private func resume(_ job: JobRecord) async throws {
        guard job.status.state == .paused else {
            throw CoordinatorError(.conflict, "job \(job.id) is \(job.status.state.rawValue), not paused")
        }
        _ = try await settledRunner(job.id)
        guard try await hasGivenItsPlaceUp(job.id) else { return }
        let starts = state.withLock { state in
            state.scheduler.enqueue(job.id, sequence: job.sequence)
            return state.scheduler.startNext()
        }
        try await changes.withSubscription(job: job.id) { subscription in
            startAll(starts)
            guard starts.contains(job.id) else {
                try await store.commitStatus(job: job.id, JobStatus(.queued, reason: "resumed"), at: clock.now())
                changes.changed(job: job.id)
                return
            }
            var signals = subscription.signals.makeAsyncIterator()
            while let now = try await store.job(job.id), now.status.state == .paused {
                guard await signals.next() != nil else { throw Self.stopping }
            }
        }
    }

    /// Waits until a paused job has no place, which is a moment after its pause is durable: before, it cannot be given one.
    /// False when somebody else ended the pause.
    private func hasGivenItsPlaceUp(_ job: String) async throws -> Bool {
        try await changes.withSubscription(job: job) { subscription in
            var signals = subscription.signals.makeAsyncIterator()
            while let now = try await store.job(job), now.status.state == .paused {
                if !state.withLock({ $0.scheduler.isRunning(job) }) { return true }
                guard await signals.next() != nil else { throw Self.stopping }
            }
            return false
        }
    }
}
