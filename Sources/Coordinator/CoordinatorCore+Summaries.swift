internal import Federation
internal import Identity
internal import Jobs
internal import SwiftProtobuf
internal import Wire
internal import WireMessages

extension CoordinatorCore {
    /// A job for operators.
    func summary(_ job: JobRecord) async throws -> Tributary_V1_JobSummary {
        let evaluation = try await store.newestEvaluation(job: job.id)
        let charge = try await store.newestCharge(job: job.id)
        let (state, reason) = standing(job)
        return .with {
            $0.job = job.id
            $0.name = job.specification.name
            $0.operator = job.operator
            $0.state = state.rawValue
            $0.reason = reason
            $0.roundsCompleted = UInt32(clamping: job.completedRounds)
            $0.roundsTotal = UInt32(clamping: job.specification.rounds)
            $0.submittedMilliseconds = UInt64(clamping: job.submittedAt)
            $0.endedMilliseconds = UInt64(clamping: job.endedAt ?? 0)
            if let best = job.bestRound { $0.bestRound = UInt32(clamping: best) }
            $0.weightsDigest = job.weightsDigest
            if let evaluation {
                $0.metrics = evaluation.metrics
                $0.evaluatedRound = UInt32(clamping: evaluation.round)
            }
            if let charge { $0.metrics[PrivacyStatement.figure] = charge.epsilon }
        }
    }

    /// Where a job stands and why, or what it waits for.
    private func standing(_ job: JobRecord) -> (JobState, String) {
        switch job.status.state {
        case .queued: (.queued, jobs.waitsFor(job.id) ?? job.status.reason)
        case .running: (.running, jobs.runner(job.id)?.view.summary ?? job.status.reason)
        default: (job.status.state, job.status.reason)
        }
    }

    /// Every client that ever connected or is revoked, in order of their names.
    func clientSummaries() async throws -> [Tributary_V1_ClientSummary] {
        var summaries: [String: Tributary_V1_ClientSummary] = [:]
        for client in try await store.clients() {
            summaries[client.name] = .with {
                $0.name = client.name
                $0.state = "away"
                $0.certificateEndsMilliseconds = UInt64(clamping: client.certificateEnds)
                $0.lastSeenMilliseconds = UInt64(clamping: client.lastSeen)
                $0.datasets = client.datasets.map(\.message)
                $0.software = client.software
            }
        }
        for session in registry.connected() {
            summaries[session.client]?.state = "connected"
            summaries[session.client]?.lastSeenMilliseconds =
                UInt64(clamping: clock.now() - session.lastHeard.milliseconds)
            summaries[session.client]?.activity = session.tasks.map(Self.activity).sorted().joined(separator: ", ")
        }
        for (identity, entry) in revocations.entries where identity.role == .client && entry.isRevoked {
            summaries[identity.name, default: .with { $0.name = identity.name }].state = "revoked"
            summaries[identity.name]?.reason = entry.reason
        }
        return Participants.sorted(summaries.keys).compactMap { summaries[$0] }
    }

    private static func activity(_ task: TaskIdentity) -> String {
        "\(task.kind == .train ? "trains" : "evaluates") round \(task.round) of \(task.job)"
    }
}
