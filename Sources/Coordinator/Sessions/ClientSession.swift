internal import Federation
internal import Foundation
internal import GRPCCore
internal import Identity
internal import Jobs
internal import Logging
internal import SwiftProtobuf
internal import Wire
internal import WireMessages

/// One client's session from its hello to its end: what comes in is acted on in order, what goes out waits in the link.
struct ClientSession: Sendable {
    let core: CoordinatorCore
    let link: SessionLink
    /// How long what is queued at the end of a session may take to go out.
    var farewell: Duration = .seconds(1)

    private var client: String { link.client }

    /// Runs the session; returns or throws when it is over.
    func run(
        request: RPCAsyncSequence<Tributary_V1_ClientMessage, any Error>,
        response: RPCWriter<Tributary_V1_CoordinatorMessage>
    ) async throws {
        defer { close() }
        do {
            // True ends the session. The end of reading or of waiting does not: what is queued is still sent, such as
            // the welcome of a client that says hello and goodbye at once.
            try await withThrowingTaskGroup(of: Bool.self) { group in
                group.addTask {
                    try await read(request)
                    return false
                }
                group.addTask {
                    for await message in link.outgoing { try await response.write(message) }
                    return true
                }
                group.addTask {
                    await watch()
                    return false
                }
                group.addTask {
                    // A client that does not read must not hold up the end of its session.
                    for await _ in link.ended {}
                    try await Task.sleep(for: farewell, clock: .continuous)
                    return true
                }
                defer { group.cancelAll() }
                while let isOver = try await group.next(), !isOver {}
            }
        } catch let error where link.end?.error != nil {
            core.logger.debug("session ended", metadata: ["client": "\(client)", "error": "\(error)"])
        }
        if let error = link.end?.error { throw error }
    }

    private func close() {
        link.finish(.left(reason: "the connection ended"))
        // Those of a session that took this one's place go on.
        core.registry.close(link) { endTransfers("the client's session ended") }
        // Nothing was noted of a session that was refused at its hello.
        if link.isOpened { core.sessionClosed(link) }
    }

    private func endTransfers(_ reason: String) {
        core.transfers.end(link.peer.identity, transfersOnly: true, CoordinatorError(.unavailable, reason))
    }

    /// Ends the session when nothing is heard for three heartbeats.
    private func watch() async {
        var silence = Silence(heartbeat: core.settings.heartbeat)
        while !Task.isCancelled {
            switch silence.next(heard: link.lastHeard, now: .now) {
            case .wait(let moment): try? await Task.sleep(until: moment, clock: .continuous)
            case .over: return link.finish(.silent(core.settings.heartbeat * 3))
            }
        }
    }

    // MARK: What comes in

    private func read(_ request: RPCAsyncSequence<Tributary_V1_ClientMessage, any Error>) async throws {
        var isOpen = false
        for try await message in request {
            link.heard()
            switch message.message {
            case .hello(let hello)?:
                guard !isOpen else { throw WireError(.outOfOrder, "session: a second hello") }
                try await open(try ClientHello(hello))
                isOpen = true
            case nil:
                continue
            case .some(let message):
                guard isOpen else { throw WireError(.outOfOrder, "session: expected a hello first") }
                if case .goodbye(let goodbye) = message {
                    let reason = PeerText.clean(goodbye.reason)
                    link.finish(.left(reason: reason.isEmpty ? "the client left" : reason))
                    return
                }
                try await take(message)
            }
        }
        link.finish(.left(reason: "the client closed its session"))
    }

    private func open(_ hello: ClientHello) async throws {
        let version = try ProtocolVersion.negotiated(with: hello.protocolVersion)
        do {
            try core.registry.checkRoom(for: client)
        } catch {
            core.logger.warning("session refused", metadata: ["client": "\(client)", "reason": "\(error)"])
            throw error
        }
        try await core.sessionOpened(link, hello)
        link.opened()
        link.send(
            .welcome(
                .with {
                    $0.protocolVersion = UInt32(clamping: version)
                    $0.features = ProtocolVersion.features
                    $0.heartbeatMilliseconds = UInt32(clamping: core.settings.heartbeat.milliseconds)
                    $0.client = client
                    $0.clockMilliseconds = UInt64(clamping: core.clock.now())
                }))
        // Transfers of this session begin with what is read after this.
        if try core.registry.open(link, hello: hello) { endTransfers("the client opened another session") }
        core.jobs.secureClientConnected(client)
        // The certificate may have been revoked between the call's check and the registration.
        if core.revocations.isRevoked(link.peer.identity) {
            link.finish(.revoked(reason: "the certificate was revoked"))
        }
    }

    private func take(_ message: Tributary_V1_ClientMessage.OneOf_Message) async throws {
        switch message {
        case .heartbeat(let heartbeat):
            link.send(.heartbeat(.with { $0.sequence = heartbeat.sequence }))
        case .accepted(let accepted):
            let identity = try TaskIdentity(accepted.identity)
            // Who got the weights with the task has nothing to fetch.
            let begins = core.registry.hasWeights(identity, client: client)
            let stage = begins ? (identity.kind == .train ? "training" : "evaluating") : "fetching"
            progress(identity, stage: stage, fraction: 0, metrics: [:])
            if identity.kind == .train {
                try await core.jobs.judge(of: identity.job)?.secure?.accepted(client, identity.roundTask)
            }
        case .secure(let answer):
            let identity = try TaskIdentity(answer.identity)
            try await core.jobs.judge(of: identity.job)?.secure?.take(
                answer, of: client, certificate: link.peer.certificate, identity.roundTask)
        case .declined(let declined):
            try await refuse(
                try TaskIdentity(declined.identity), code: declined.code, reason: declined.reason, isDeclined: true)
        case .failed(let failed):
            try await refuse(
                try TaskIdentity(failed.identity), code: failed.code, reason: failed.reason, isDeclined: false)
        case .progress(let report):
            progress(
                try TaskIdentity(report.identity), stage: report.stage, fraction: report.fraction,
                metrics: PeerText.figures(report.metrics))
        case .evaluation(let report):
            try await take(report)
        case .update(let update):
            try await take(update)
        case .transferRequest(let request):
            try take(request)
        case .transferReleased(let released):
            core.registry.grants.giveBack(released.grant, client: client)
        case .hello, .goodbye:
            break
        }
    }

    private func progress(_ identity: TaskIdentity, stage: String, fraction: Double, metrics: [String: Double]) {
        let stages: [String: Activity.Stage] = [
            "fetching": .fetching, "training": .training, "evaluating": .evaluating, "uploading": .uploading,
        ]
        guard let stage = stages[stage] else { return }
        core.board.progress(fraction, metrics: metrics, stage: stage, task: identity, client: client)
    }

    private func refuse(_ identity: TaskIdentity, code: String, reason: String, isDeclined: Bool) async throws {
        let refusal = TaskRefusal(
            client: client, code: PeerText.word(code, fallback: isDeclined ? "declined" : "failed"),
            reason: PeerText.clean(reason))
        let runner = try await core.jobs.judge(of: identity.job)
        try await runner?.refuse(refusal, task: identity.roundTask, isDeclined: isDeclined)
        // An update that is here counts, but its client takes no further step of its round.
        if identity.kind == .train { runner?.secure?.left(client, identity.roundTask, reason: refusal.reason) }
        core.registry.finished(identity, client: client)
    }

    private func take(_ request: Tributary_V1_TransferRequest) throws {
        let direction: TransferPurpose.Direction
        switch request.direction {
        case .fetch: direction = .fetch
        case .upload: direction = .upload
        default: throw WireError(.invalidMessage, "transfer.direction: found none, expected fetch or upload")
        }
        let purpose = TransferPurpose(identity: try TaskIdentity(request.identity), direction: direction)
        // What the client says that it will move is not asked: the transfer itself allows no other size than this.
        let bytes: Int64? =
            switch direction {
            case .fetch: core.registry.assignment(purpose.identity, client: client)?.weightsBytes
            case .upload: core.jobs.runner(purpose.identity.job)?.plan.updateBytes
            }
        // A slot for a task that is over would be held for nothing; the call itself tells the client.
        try core.registry.grants.request(
            client: client, request: request.request, purpose: purpose, bytes: bytes)
    }

    /// One at a time: a session holds the bytes of one update at most. The answer goes out before the next task.
    private func take(_ update: Tributary_V1_InlineUpdate) async throws {
        let desk = UpdateDesk(core: core)
        let answer = try await desk.answer(update, of: link.peer.identity)
        link.send(.update(answer))
        guard answer.receipt.status != .unspecified else { return }
        desk.release(try TaskIdentity(update.header.identity), client: client)
    }

    private func take(_ report: Tributary_V1_EvaluationReport) async throws {
        let identity = try TaskIdentity(report.identity)
        let reason = try await evaluate(report, identity)
        link.send(
            .evaluationAcknowledged(
                .with {
                    $0.identity = identity.message
                    $0.accepted = reason == nil
                    $0.reason = reason ?? ""
                }))
        if reason == nil { core.board.enter(.done, task: identity, client: client, fraction: 1) }
        core.registry.finished(identity, client: client)
    }

    /// Commits a report. Returns why it does not count; nil when it does.
    private func evaluate(_ report: Tributary_V1_EvaluationReport, _ identity: TaskIdentity) async throws -> String? {
        let task = identity.roundTask
        guard identity.kind == .evaluate, let runner = try await core.jobs.judge(of: identity.job) else {
            return "the job is over"
        }
        do {
            let statistics: TaskStatistics
            do {
                statistics = try TaskStatistics(report.statistics)
            } catch let error as WireError {
                throw AdmissionRefusal(code: "statistics", reason: error.description)
            }
            try UpdateAdmission(plan: runner.plan).check(statistics)
            let digest = try PeerText.digest(report.weightsDigest, field: "evaluation.weights_digest")
            if runner.standing(of: task, client: client) == .wanted,
                try await core.store.checkpoint(job: identity.job, round: identity.round) != digest
            {
                throw AdmissionRefusal(code: "weights", reason: "evaluated other weights than those of the round")
            }
            switch try await runner.commit(statistics, task: task, client: client) {
            case .committed, .standing(.committed): return nil
            case .standing(.refused(_, let reason)): return reason
            case .standing(.notAsked): return "\(client) was not asked for \(identity)"
            case .standing: return "the evaluation is over"
            }
        } catch let refusal as AdmissionRefusal {
            try await runner.refuse(
                TaskRefusal(client: client, code: refusal.code, reason: refusal.reason), task: task,
                isDeclined: false)
            return refusal.reason
        }
    }
}
