import Client
import Crypto
import Foundation
import GRPCCore
import GRPCInProcessTransport
import Identity
import SwiftProtobuf
import Synchronization
import Wire
import WireMessages

/// A coordinator that does what a test says and remembers what came in.
final class ScriptedCoordinator: Tributary_V1_Federation.SimpleServiceProtocol {
    typealias Message = Tributary_V1_ClientMessage.OneOf_Message

    struct State {
        /// Sent after each welcome, in order.
        var tasks: [Tributary_V1_Task] = []
        var blobs: [String: Data] = [:]
        var received: [Message] = []
        var hellos: [Tributary_V1_Hello] = []
        var uploads: [Tributary_V1_UpdateHeader: Data] = [:]
        var headers: [Tributary_V1_UpdateHeader] = []
        /// What the welcome names.
        var features: [String] = []
        var inlineUpdates: [Tributary_V1_InlineUpdate] = []
        /// What becomes of updates in session messages; nil ends the session instead.
        var inlineReceipt: Tributary_V1_UpdateStatus? = .committed
        var fetchOffsets: [UInt64] = []
        /// What is in the spool of an interrupted upload.
        var spooled = Data()
        var resumeQuestions = 0
        var receipt = Tributary_V1_UpdateStatus.committed
        /// Fetches and uploads that stop after half of the bytes.
        var brokenFetches = 0
        var brokenUploads = 0
        /// Evaluation reports that get no answer.
        var unansweredReports = 0
        /// Hellos that are not answered before ``welcome()``.
        var withheldWelcomes = 0
        var unwelcomed: [(Tributary_V1_Hello, AsyncStream<Tributary_V1_CoordinatorMessage>.Continuation)] = []
        /// Sessions that end with this error, one each.
        var sessionErrors: [RPCError] = []
        var sessions: [AsyncStream<Tributary_V1_CoordinatorMessage>.Continuation] = []
    }

    let state = Mutex(State())
    let heartbeat: UInt32

    /// - Parameter heartbeat: milliseconds between the client's heartbeats, which get no answer.
    init(heartbeat: UInt32) {
        self.heartbeat = heartbeat
    }

    /// Adds a weights blob and returns its digest.
    func add(_ blob: Data) -> String {
        let digest = SHA256.hash(data: blob).map { String(format: "%02x", $0) }.joined()
        state.withLock { $0.blobs[digest] = blob }
        return digest
    }

    /// Sends on the newest session.
    func send(_ message: Tributary_V1_CoordinatorMessage.OneOf_Message) {
        var wrapped = Tributary_V1_CoordinatorMessage()
        wrapped.message = message
        state.withLock { state in _ = state.sessions.last?.yield(wrapped) }
    }

    /// Answers the hellos that wait.
    func welcome() {
        for (hello, outbound) in state.withLock({ state in
            defer { state.unwelcomed = [] }
            return state.unwelcomed
        }) {
            welcome(hello, outbound)
        }
    }

    private func welcome(
        _ hello: Tributary_V1_Hello, _ outbound: AsyncStream<Tributary_V1_CoordinatorMessage>.Continuation
    ) {
        var answer = Tributary_V1_CoordinatorMessage()
        let features = state.withLock { $0.features }
        answer.welcome = .with {
            $0.protocolVersion = 1
            $0.features = features
            $0.heartbeatMilliseconds = heartbeat
            $0.client = "site-1"
            $0.clockMilliseconds = UInt64(Date().timeIntervalSince1970 * 1000)
        }
        outbound.yield(answer)
        let tasks = state.withLock { state in
            state.sessions.append(outbound)
            return state.tasks.filter { !hello.holding.contains($0.identity) }
        }
        for task in tasks {
            answer.task = task
            outbound.yield(answer)
        }
    }

    /// Ends the newest session.
    func endSession() {
        state.withLock { $0.sessions.last?.finish() }
    }

    func received<T>(_ pick: (Message) -> T?) -> [T] {
        let all = state.withLock { $0.received }
        return all.compactMap(pick)
    }

    // MARK: Service

    func connect(
        request: RPCAsyncSequence<Tributary_V1_ClientMessage, any Error>,
        response: RPCWriter<Tributary_V1_CoordinatorMessage>, context: ServerContext
    ) async throws {
        if let error = state.withLock({ $0.sessionErrors.isEmpty ? nil : $0.sessionErrors.removeFirst() }) {
            throw error
        }
        let (messages, outbound) = AsyncStream.makeStream(of: Tributary_V1_CoordinatorMessage.self)
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { for await message in messages { try await response.write(message) } }
            group.addTask {
                for try await message in request {
                    guard let message = message.message else { continue }
                    self.take(message, outbound)
                }
            }
            try await group.next()
            group.cancelAll()
        }
    }

    private func take(_ message: Message, _ outbound: AsyncStream<Tributary_V1_CoordinatorMessage>.Continuation) {
        var answer = Tributary_V1_CoordinatorMessage()
        state.withLock { $0.received.append(message) }
        switch message {
        case .hello(let hello):
            let isWithheld = state.withLock { state in
                state.hellos.append(hello)
                guard state.withheldWelcomes > 0 else { return false }
                state.withheldWelcomes -= 1
                state.unwelcomed.append((hello, outbound))
                return true
            }
            if !isWithheld { welcome(hello, outbound) }
        case .transferRequest(let request):
            answer.grant = .with {
                $0.request = request.request
                $0.grant = request.request + 1000
                $0.validMilliseconds = 10_000
            }
            outbound.yield(answer)
        case .update(let update):
            let status = state.withLock { state in
                state.inlineUpdates.append(update)
                return state.inlineReceipt
            }
            guard let status else {
                outbound.finish()
                return
            }
            answer.update = .with {
                $0.identity = update.header.identity
                $0.digest = update.header.digest
                $0.receipt.status = status
            }
            outbound.yield(answer)
        case .evaluation(let report):
            let isAnswered = state.withLock { state in
                defer { state.unansweredReports = max(0, state.unansweredReports - 1) }
                return state.unansweredReports == 0
            }
            guard isAnswered else { return }
            answer.evaluationAcknowledged = .with {
                $0.identity = report.identity
                $0.accepted = true
            }
            outbound.yield(answer)
        default:
            break
        }
    }

    func fetchWeights(
        request: Tributary_V1_FetchWeightsRequest, response: RPCWriter<Tributary_V1_Chunk>, context: ServerContext
    ) async throws {
        let (blob, isBroken): (Data?, Bool) = state.withLock { state in
            state.fetchOffsets.append(request.offset)
            defer { state.brokenFetches = max(0, state.brokenFetches - 1) }
            return (state.blobs[request.digest], state.brokenFetches > 0)
        }
        guard let blob else { throw RPCError(code: .notFound, message: "no such blob") }
        var position = Int(request.offset)
        while position < blob.count {
            if isBroken && position >= blob.count / 2 { throw RPCError(code: .unavailable, message: "cut") }
            let end = min(position + max(1, blob.count / 4), blob.count)
            try await response.write(
                .with {
                    $0.offset = UInt64(position)
                    $0.data = blob[position..<end]
                })
            position = end
        }
    }

    func submitUpdate(
        request: RPCAsyncSequence<Tributary_V1_SubmitUpdateRequest, any Error>, context: ServerContext
    ) async throws -> Tributary_V1_UpdateReceipt {
        var header = Tributary_V1_UpdateHeader()
        var bytes = Data()
        for try await message in request {
            switch message.part {
            case .header(let first):
                header = first
                bytes = state.withLock { state in
                    state.headers.append(first)
                    return state.spooled.prefix(Int(first.offset))
                }
            case .chunk(let chunk):
                guard Int(chunk.offset) == bytes.count else { throw RPCError(code: .invalidArgument, message: "gap") }
                bytes += chunk.data
                let isBroken = state.withLock { state in
                    guard state.brokenUploads > 0 else { return false }
                    state.brokenUploads -= 1
                    state.spooled = bytes
                    return true
                }
                if isBroken { throw RPCError(code: .unavailable, message: "cut") }
            case nil:
                break
            }
        }
        return state.withLock { state in
            state.uploads[header] = bytes
            return .with { $0.status = state.receipt }
        }
    }

    func resumePoint(
        request: Tributary_V1_ResumePointRequest, context: ServerContext
    ) async throws -> Tributary_V1_ResumePointResponse {
        state.withLock { state in
            state.resumeQuestions += 1
            return .with { $0.offset = UInt64(state.spooled.count) }
        }
    }
}

/// Connects to a service in this process, with a new transport for each session.
struct InProcessConnector: CoordinatorConnector {
    let service: ScriptedCoordinator
    /// What the coordinator would see of a certificate.
    var identity: IdentityMaterial?
    var address: String { "in-process" }

    func withConnection<Result: Sendable>(
        _ body: @Sendable @escaping (CoordinatorConnection) async throws -> Result
    ) async throws -> Result {
        let transport = InProcessTransport()
        return try await withGRPCServer(transport: transport.server, services: [service]) { _ in
            try await withGRPCClient(transport: transport.client) { client in
                try await body(
                    .init(client: Tributary_V1_Federation.Client(wrapping: client), identity: identity))
            }
        }
    }
}
