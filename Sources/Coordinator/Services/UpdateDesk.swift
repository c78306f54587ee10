internal import Durability
internal import Federation
internal import Jobs
internal import SwiftProtobuf
internal import Wire
internal import WireMessages

/// Judges and commits updates, in whichever way their bytes come: on a call of their own or in a session message.
struct UpdateDesk: Sendable {
    let core: CoordinatorCore

    /// Records that a client's header is malformed, figures beyond all limits above all; nil when it is for no task that is
    /// wanted of the client.
    func refuse(
        _ header: Tributary_V1_UpdateHeader, _ error: WireError, client: String
    ) async throws -> Tributary_V1_UpdateReceipt? {
        guard let identity = try? TaskIdentity(header.identity), identity.kind == .train,
            let runner = try await core.jobs.judge(of: identity.job),
            runner.standing(of: identity.roundTask, client: client) == .wanted
        else { return nil }
        let reason = PeerText.clean(error.message)
        try await runner.refuse(
            TaskRefusal(client: client, code: "header", reason: reason), task: identity.roundTask, isDeclined: false)
        release(identity, client: client)
        return Self.receipt(.refused, code: "header", reason: reason)
    }

    /// Takes an update and commits it, or records why not.
    ///
    /// - Parameter receive: brings the bytes into the spool; called when what the header says is found good.
    func take(
        _ update: UpdateDescription, of client: String, _ runner: JobRunner,
        receive: (UploadReceiver) async throws -> UploadReceiver.Result
    ) async throws -> Tributary_V1_UpdateReceipt {
        let task = update.identity.roundTask
        let packOffset: Int64?
        do {
            guard let weights = runner.startingWeights(of: task, client: client) else {
                return Self.receipt(.roundOver, reason: "the task is over")
            }
            try UpdateAdmission(plan: runner.plan).check(update, weightsDigest: weights)
            guard try runner.secure?.takesUpdate(of: client, task) ?? true else {
                return Self.receipt(.roundOver, reason: "the exchange of this attempt is gone")
            }
            if let reason = core.disk.shortage() { throw CoordinatorError(.noSpace, reason) }
            let receiver = UploadReceiver(
                spool: core.spool, board: core.board, crash: core.settings.crash, update: update, client: client,
                plan: runner.plan, isWanted: { runner.standing(of: task, client: client) == .wanted })
            guard case .complete(let offset) = try await receive(receiver) else {
                return Self.receipt(.roundOver, reason: "the round is over")
            }
            packOffset = offset
        } catch let refusal as AdmissionRefusal {
            try await runner.refuse(
                TaskRefusal(client: client, code: refusal.code, reason: refusal.reason), task: task,
                isDeclined: false)
            return Self.receipt(.refused, code: refusal.code, reason: refusal.reason)
        } catch let error as CoordinatorError where error.code == .noSpace {
            // The job is held, with its deadlines, until there is space: the client tries again.
            runner.post(.pause(reason: "\(error)"))
            throw error
        } catch let error as DurabilityError where error.code == .noSpace {
            runner.post(.pause(reason: "\(DiskGuard.reason): \(error.message)"))
            throw error
        }
        let record = UpdateRecord(
            digest: update.digest, bytes: update.totalBytes, statistics: update.statistics, trainer: update.trainer,
            packOffset: packOffset)
        let outcome = try await runner.commit(record, task: task, client: client)
        switch outcome {
        case .committed:
            core.board.enter(.done, task: update.identity, client: client, fraction: 1)
            return Self.receipt(.committed)
        case .standing(.committed):
            return try await receipt(for: update.identity, digest: update.digest, client: client)
                ?? Self.receipt(.roundOver)
        case .standing:
            // What lies in a pack goes with it.
            if packOffset == nil {
                try await withBlockingWork {
                    try core.spool.remove(job: update.identity.job, task: task, client: client)
                }
            }
            return Self.receipt(.roundOver, reason: "the round ended while the update came in")
        }
    }

    /// The final answer for an update that needs no transfer; nil when its bytes are wanted.
    func receipt(
        for identity: TaskIdentity, digest: String, client: String
    ) async throws -> Tributary_V1_UpdateReceipt? {
        let task = identity.roundTask
        guard identity.kind == .train else {
            throw CoordinatorError(.invalidRequest, "\(identity): only training tasks have updates")
        }
        let standing = try await core.jobs.judge(of: identity.job)?.standing(of: task, client: client) ?? .over
        switch standing {
        case .wanted: return nil
        case .refused(let code, let reason): return Self.receipt(.refused, code: code, reason: reason)
        case .notAsked, .committed, .over:
            guard let known = try await core.store.update(job: identity.job, task: task, client: client) else {
                if let refusal = try await core.store.refusal(job: identity.job, task: task, client: client) {
                    return Self.receipt(.refused, code: refusal.code, reason: refusal.reason)
                }
                let reason = standing == .notAsked ? "\(client) was not asked for \(identity)" : "the round is over"
                return Self.receipt(.roundOver, reason: reason)
            }
            guard known.digest != digest else { return Self.receipt(.committed) }
            try await core.noteDuplicate(of: task, job: identity.job, client: client, digest: digest)
            return Self.receipt(.alreadyCommitted, reason: "another update was committed before; that one counts")
        }
    }

    /// A task that was answered for good is not the client's any more.
    func release(_ identity: TaskIdentity, client: String) {
        core.registry.finished(identity, client: client)
    }

    static func receipt(
        _ status: Tributary_V1_UpdateStatus, code: String = "", reason: String = ""
    ) -> Tributary_V1_UpdateReceipt {
        .with {
            $0.status = status
            $0.code = code
            $0.reason = reason
        }
    }
}
