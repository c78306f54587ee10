internal import Federation
internal import GRPCCore
internal import Jobs
internal import SwiftProtobuf
internal import WireMessages

/// Where a job and its rounds stand.
protocol JobHistory: Sendable {
    /// A job by its identifier.
    func job(_ reference: String) async throws -> JobRecord?
    /// The rounds of a job with their newest attempts, `limit` at most.
    func rounds(job: String, from first: Int, limit: Int) async throws -> [RoundHistory]
    /// The given rounds of a job, those that exist.
    func rounds(job: String, numbers: [Int]) async throws -> [RoundHistory]
}

extension Store: JobHistory {}

/// One operator's view of one job: everything at first, then every change until the job ends.
struct JobWatch: Sendable {
    /// Rounds in one message, so that none grows too large.
    static let page = 100
    /// Changes closer together than this are told at once: fast rounds are not slowed down by who watches them.
    static let interval: Duration = .milliseconds(50)

    let core: CoordinatorCore
    let history: any JobHistory
    let job: JobRecord

    /// The view of a job.
    ///
    /// - Parameter history: where it reads; nil for the coordinator's store.
    init(core: CoordinatorCore, job: JobRecord, history: (any JobHistory)? = nil) {
        self.core = core
        self.history = history ?? core.store
        self.job = job
    }

    /// Sends updates until the job is over.
    func run(from first: Int, _ response: RPCWriter<Tributary_V1_JobUpdate>) async throws {
        try await core.changes.withSubscription(job: job.id) { subscription in
            // The job's state is always read first: when it is final, the rounds read after it are too, and every change
            // of them was told before.
            var next = first
            while true {
                let now = try await history.job(job.id)
                let rounds = try await history.rounds(job: job.id, from: next, limit: Self.page)
                let isOver = try await send(now, rounds, response)
                guard rounds.count == Self.page else {
                    if isOver { return }
                    break
                }
                next += Self.page
            }
            for await _ in subscription.signals {
                let now = try await history.job(job.id)
                let numbers = subscription.takeRounds().filter { $0 >= first }
                var isOver = false
                for start in stride(from: 0, to: max(numbers.count, 1), by: Self.page) {
                    let page = Array(numbers.dropFirst(start).prefix(Self.page))
                    isOver = try await send(now, try await history.rounds(job: job.id, numbers: page), response)
                }
                if isOver { return }
                try await Task.sleep(for: Self.interval, clock: .continuous)
            }
        }
    }

    /// Sends one update. Returns whether the job is over.
    private func send(
        _ now: JobRecord?, _ rounds: [RoundHistory], _ response: RPCWriter<Tributary_V1_JobUpdate>
    ) async throws -> Bool {
        guard let now else { return true }
        let progress = core.jobs.runner(job.id)?.view.progress
        var update = Tributary_V1_JobUpdate()
        update.summary = try await core.summary(now)
        update.rounds = rounds.map { $0.message(progress) }
        update.activity = activity(progress)
        try await response.write(update)
        return now.status.state.isFinal
    }

    private func activity(_ progress: RoundProgress?) -> [Tributary_V1_ClientActivity] {
        let activities = core.board.activities(job: job.id)
        return Participants.sorted(activities.keys).compactMap { client in
            guard let activity = activities[client] else { return nil }
            return .with {
                $0.client = client
                $0.stage = activity.stage.rawValue
                $0.fraction = activity.fraction
                $0.metrics = activity.metrics
                $0.bytes = UInt64(clamping: activity.bytes)
                $0.totalBytes = UInt64(clamping: activity.totalBytes)
            }
        }
    }
}

extension RoundHistory {
    /// The round as a message; what is in memory about the open round wins.
    func message(_ progress: RoundProgress?) -> Tributary_V1_RoundRecord {
        var record = Tributary_V1_RoundRecord()
        record.round = UInt32(clamping: round)
        record.attempt = UInt32(clamping: attempt)
        record.phase = phase.rawValue
        record.cohort = cohort
        record.admitted = admitted
        record.startedMilliseconds = UInt64(clamping: startedAt)
        var refusals = refusals
        var totals = totals
        if phase == .training, let progress, progress.round == round, progress.attempt == attempt {
            record.phase = progress.phase.rawValue
            // The clients of an asynchronous job's open version come and go.
            if !progress.cohort.isEmpty { record.cohort = progress.cohort }
            record.admitted = progress.admitted
            refusals = progress.refusals
            totals = progress.totals
        }
        record.refusals = refusals.map { refusal in
            .with {
                $0.client = refusal.client
                $0.code = refusal.code
                $0.reason = refusal.reason
            }
        }
        record.training = training(totals.map { Metrics.derive(from: $0) } ?? [:])
        record.trainingExamples = UInt64(clamping: totals?.examples ?? 0)
        record.figuresWithheld = totals?.isWithheld ?? false
        record.staleness = contributions.compactMapValues { $0.staleness.map(UInt32.init(clamping:)) }
        record.evaluation = metrics
        record.evaluationExamples = UInt64(clamping: evaluation?.examples ?? 0)
        record.weightsDigest = weightsDigest ?? ""
        record.completedMilliseconds = UInt64(clamping: phase == .completed ? endedAt ?? 0 : 0)
        return record
    }
}
