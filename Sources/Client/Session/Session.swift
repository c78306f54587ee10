import Foundation
import GRPCCore
import Logging
import Synchronization
import Wire
import WireMessages

/// The session with the coordinator: hello, heartbeats, incoming messages, and coming back after every ending but the
/// daemon's own.
struct Session: Sendable {
    /// What the session asks of the rest of the daemon. Called on the session's task; must not block.
    protocol Delegate: Sendable {
        /// The hello for a new session.
        func hello() -> ClientHello
        /// A session is open.
        func sessionBegan(_ welcome: Tributary_V1_Welcome)
        /// A task came.
        func receive(_ task: Tributary_V1_Task)
        /// A step of a round with secure aggregation is asked for.
        func receive(_ request: Tributary_V1_SecureRequest)
        /// A task is not wanted any more.
        func cancel(_ identity: TaskIdentity, reason: String)
        /// An evaluation report is durable at the coordinator.
        func acknowledge(_ identity: TaskIdentity, accepted: Bool, reason: String)
    }

    let connector: any CoordinatorConnector
    let link: SessionLink
    let delegate: any Delegate
    let logger: Logger
    var backoff = Backoff()
    /// Ends the running session with a goodbye and does not open another.
    let stop: OneTimeSignal

    /// Runs sessions until `stop`, or until the task is cancelled.
    func run() async {
        var backoff = backoff
        var lastReport = ""
        while !stop.isRaised && !Task.isCancelled {
            let began = Mutex(false)
            let ending = await one { began.withLock { $0 = true } }
            if began.withLock({ $0 }) {
                backoff.reset()
                lastReport = ""
            }
            let wait: Duration
            switch ending {
            case .stopped:
                return
            case .drained(let reason, let after):
                logger.notice("the coordinator asks to come back later", metadata: ["reason": "\(reason)"])
                wait = max(after, backoff.next())
            case .outage(let reason):
                wait = backoff.next()
                report(.warning, "no session with the coordinator, trying again", reason, &lastReport)
            case .refused(let reason):
                wait = backoff.refused()
                report(
                    .error, "the session is refused; this has to be mended, trying again slowly", reason, &lastReport)
            }
            await stop.wait(atMost: wait)
        }
    }

    /// Each refusal once and each outage once, not once an attempt; an outage changes its words from one to the next.
    private func report(_ level: Logger.Level, _ text: Logger.Message, _ reason: String, _ last: inout String) {
        let news = level == .warning ? "outage" : reason
        let isNew = news != last
        last = news
        logger.log(
            level: isNew ? level : .debug, text,
            metadata: ["coordinator": "\(connector.address)", "reason": "\(PeerText.clean(reason))"])
    }

    /// One session, from the connection to its end.
    ///
    /// Every ending is thrown out of the connection, which then closes at once: transfers that a silent peer would hold
    /// are resumed on the next one.
    private func one(began: @Sendable @escaping () -> Void) async -> SessionEnding {
        do {
            try await connector.withConnection { connection in
                throw Ended(ending: try await converse(connection, began: began))
            }
            return .stopped
        } catch {
            if stop.isRaised || Task.isCancelled { return .stopped }
            return (error as? Ended)?.ending ?? SessionEnding(error)
        }
    }

    private struct Ended: Error {
        var ending: SessionEnding
    }

    private func converse(
        _ connection: CoordinatorConnection, began: @Sendable @escaping () -> Void
    ) async throws -> SessionEnding {
        let (messages, outbound) = AsyncStream.makeStream(of: Tributary_V1_ClientMessage.self)
        var hello = Tributary_V1_ClientMessage()
        hello.hello = delegate.hello().message
        outbound.yield(hello)
        let heard = Heard()
        let request = StreamingClientRequest<Tributary_V1_ClientMessage> { writer in
            for await message in messages { try await writer.write(message) }
        }
        var options = TransportSettings.callOptions()
        options.waitForReady = false
        let callOptions = options
        return try await withThrowingTaskGroup(of: SessionEnding.self) { group in
            group.addTask {
                defer { outbound.finish() }
                return try await connection.client.connect(request: request, options: callOptions) { response in
                    try await listen(response, connection, outbound, heard, began: began)
                }
            }
            group.addTask { try await keepAlive(heard, outbound: outbound) }
            group.addTask { try await sayGoodbye(outbound) }
            defer { group.cancelAll() }
            let first = try await group.next() ?? .stopped
            return stop.isRaised ? .stopped : first
        }
    }

    /// Acts on what the coordinator says until it ends the call.
    private func listen(
        _ response: StreamingClientResponse<Tributary_V1_CoordinatorMessage>,
        _ connection: CoordinatorConnection, _ outbound: SessionLink.Outbound, _ heard: Heard,
        began: @Sendable () -> Void
    ) async throws -> SessionEnding {
        var ending = SessionEnding.outage("the coordinator ended the session")
        var generation: Int?
        defer { if let generation { link.detach(generation) } }
        for try await message in response.messages {
            heard.now()
            if generation != nil {
                if let end = handle(message) {
                    ending = end
                    outbound.finish()
                }
            } else if case .welcome(let welcome) = message.message {
                _ = try ProtocolVersion.negotiated(with: Int(welcome.protocolVersion))
                heard.welcomed(heartbeat: welcome.heartbeatMilliseconds)
                generation = link.attach(
                    connection, outbound: outbound, takesInline: InlineTransfer.isUnderstood(welcome.features))
                began()
                delegate.sessionBegan(welcome)
            }
        }
        return ending
    }

    /// On a stop the goodbye goes out and the coordinator ends the call; not longer than two seconds.
    private func sayGoodbye(_ outbound: SessionLink.Outbound) async throws -> SessionEnding {
        await stop.wait()
        var message = Tributary_V1_ClientMessage()
        message.goodbye.reason = "the client daemon stops"
        outbound.yield(message)
        outbound.finish()
        try await Task.sleep(for: .seconds(2))
        return .stopped
    }

    /// Takes one message; an ending when the session is over.
    private func handle(_ message: Tributary_V1_CoordinatorMessage) -> SessionEnding? {
        switch message.message {
        case .task(let task):
            delegate.receive(task)
        case .secure(let request):
            delegate.receive(request)
        case .grant(let grant):
            link.granted(grant.request, grant: grant.grant)
        case .update(let receipt):
            link.received(receipt)
        case .cancel(let cancel):
            if let identity = try? TaskIdentity(cancel.identity) {
                delegate.cancel(identity, reason: PeerText.clean(cancel.reason))
            }
        case .evaluationAcknowledged(let acknowledged):
            if let identity = try? TaskIdentity(acknowledged.identity) {
                delegate.acknowledge(
                    identity, accepted: acknowledged.accepted, reason: PeerText.clean(acknowledged.reason))
            }
        case .drain(let drain):
            return .drained(
                reason: PeerText.clean(drain.reason),
                after: .milliseconds(Int64(min(drain.reconnectMilliseconds, 600_000))))
        case .welcome, .heartbeat, nil:
            break
        }
        return nil
    }

    /// Sends heartbeats and ends a session in which three of them brought no sign of life. Counting them and not the time
    /// spares a machine that slept.
    private func keepAlive(_ heard: Heard, outbound: SessionLink.Outbound) async throws -> SessionEnding {
        await heard.welcome.wait(atMost: .seconds(30))
        guard let interval = heard.interval else { return .outage("the coordinator does not answer the hello") }
        var sequence: UInt64 = 0
        var unanswered = 0
        var last = heard.count
        while true {
            try await Task.sleep(for: interval)
            let count = heard.count
            unanswered = count == last ? unanswered + 1 : 0
            last = count
            guard unanswered <= 3 else { return .outage("the coordinator answers no heartbeats") }
            sequence += 1
            var message = Tributary_V1_ClientMessage()
            message.heartbeat.sequence = sequence
            message.heartbeat.clockMilliseconds = UInt64(max(0, Date().timeIntervalSince1970 * 1000))
            outbound.yield(message)
        }
    }

    /// How often the coordinator was heard, and how often to send heartbeats.
    private final class Heard: Sendable {
        private let state = Mutex((count: 0, interval: Duration?.none))
        let welcome = OneTimeSignal()

        var count: Int { state.withLock { $0.count } }
        var interval: Duration? { state.withLock { $0.interval } }

        func now() {
            state.withLock { $0.count += 1 }
        }

        func welcomed(heartbeat milliseconds: UInt32) {
            let held = min(max(milliseconds == 0 ? 5000 : milliseconds, 50), 300_000)
            state.withLock { $0.interval = .milliseconds(Int64(held)) }
            welcome.raise()
        }
    }
}
