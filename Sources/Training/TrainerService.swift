import Dispatch
import Foundation
public import Jobs
import Synchronization

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// The trainer's side of the trainer contract: requests in, one JSON object a line, replies out.
///
/// A thread of its own reads the input, so that `cancel`, `bye` and the end of input are seen in the middle of a step;
/// the thread that calls `run` does all the work. `bye` and the end of input end the process at once with status 0
/// whatever is running; a line that the contract does not allow is answered with `failed` and ends it with status 2.
public final class TrainerService: Sendable {
    /// Makes the session for a `hello`.
    public typealias MakeSession = (TrainerRequest.Hello) throws -> any TrainerSession

    private enum Event {
        case request(TrainerRequest)
        case finish(Int32)
    }

    private struct State {
        var events: [Event] = []
        var isBusy = false
        var isCancelled = false
    }

    private let input: Int32
    private let output: ReplyWriter
    private let exitProcess: @Sendable (Int32) -> Void
    private let state = Mutex(State())
    private let arrived = DispatchSemaphore(value: 0)

    /// Makes a service over two file descriptors, which stay the caller's.
    ///
    /// - Parameters:
    ///   - exitProcess: ends the process from whichever thread calls it, `_exit` when nil. Tests pass one that returns; `run`
    ///     then returns.
    public init(
        input: Int32,
        output: Int32,
        exitProcess: (@Sendable (Int32) -> Void)? = nil
    ) {
        self.input = input
        self.output = ReplyWriter(descriptor: output)
        self.exitProcess = exitProcess ?? { _exit($0) }
    }

    /// Serves until `bye`, the end of input or a line that the contract does not allow.
    ///
    /// - Parameter makeSession: called for `hello`, on this thread.
    /// - Returns: the exit status, where `exitProcess` returned.
    public func run(_ makeSession: MakeSession = TrainerSessions.make) -> Int32 {
        let reader = Thread { [self] in readRequests() }
        reader.name = "trainer input"
        reader.start()
        var session: (any TrainerSession)?
        while true {
            arrived.wait()
            let event = state.withLock { $0.events.isEmpty ? nil : $0.events.removeFirst() }
            switch event {
            case nil: continue
            case .finish(let status): return status
            case .request(let request):
                let reply = answer(request, &session, makeSession)
                // Idle before the answer is out: the daemon may send the next request as soon as it reads it.
                state.withLock { $0.isBusy = false }
                if !output.write(reply) { finish(1) }
                if case .failed(let failure) = reply, failure.code == TrainingError.Code.message.rawValue { finish(2) }
            }
        }
    }

    /// Does the work of one request.
    private func answer(
        _ request: TrainerRequest,
        _ session: inout (any TrainerSession)?,
        _ makeSession: MakeSession
    ) -> TrainerReply {
        let monitor = TrainerMonitor(
            isCancelled: { [self] in state.withLock { $0.isCancelled } },
            report: { [self] in _ = output.write(.progress($0)) })
        do {
            switch request {
            case .hello(let hello):
                guard session == nil else { throw TrainingError(.message, "a second hello: expected one a process") }
                guard hello.version == TrainerRequest.version else {
                    throw TrainingError(
                        .message,
                        "contract version \(hello.version): this trainer speaks \(TrainerRequest.version)")
                }
                let made = try makeSession(hello)
                session = made
                return .hello(made.greeting)
            case .initialise(let body):
                try Self.expect(session).initialise(body)
                return .done(.init())
            case .train(let body):
                return .done(.init(statistics: try Self.expect(session).train(body, monitor)))
            case .evaluate(let body):
                return .done(.init(statistics: try Self.expect(session).evaluate(body, monitor)))
            case .cancel, .bye:
                throw TrainingError(.message, "cancel and bye are not requests to answer")
            }
        } catch {
            return .failed(TrainerFailure.describe(error))
        }
    }

    private static func expect(_ session: (any TrainerSession)?) throws(TrainingError) -> any TrainerSession {
        guard let session else { throw TrainingError(.message, "a request before hello: expected hello first") }
        return session
    }

    /// The input thread.
    private func readRequests() {
        var lines = TrainerLineBuffer()
        var buffer = [UInt8](repeating: 0, count: 1 << 16)
        while true {
            let count = buffer.withUnsafeMutableBytes { read(input, $0.baseAddress, $0.count) }
            if count < 0 && errno == EINTR { continue }
            guard count > 0 else { return finish(0) }
            do {
                for line in try lines.append(Data(buffer[..<count])) {
                    guard try accept(TrainerLine.decodeRequest(line)) else { return }
                }
            } catch {
                _ = output.write(.failed(TrainerFailure.describe(error)))
                return finish(2)
            }
        }
    }

    /// Takes one request; false when the process is to end.
    private func accept(_ request: TrainerRequest) throws -> Bool {
        switch request {
        case .bye:
            finish(0)
            return false
        case .cancel:
            // Without a running request there is nothing to cancel: its answer and the cancel crossed.
            state.withLock { $0.isCancelled = $0.isBusy }
        case .hello, .initialise, .train, .evaluate:
            let isAccepted = state.withLock { state in
                guard !state.isBusy else { return false }
                state.isBusy = true
                state.isCancelled = false
                state.events.append(.request(request))
                return true
            }
            guard isAccepted else {
                throw TrainingError(.message, "a request while another one runs: expected one at a time")
            }
            arrived.signal()
        }
        return true
    }

    private func finish(_ status: Int32) {
        exitProcess(status)
        state.withLock {
            $0.isCancelled = true
            $0.events.append(.finish(status))
        }
        arrived.signal()
    }
}

/// Writes whole lines from any thread.
private final class ReplyWriter: Sendable {
    private let descriptor: Int32
    private let isBroken = Mutex(false)

    init(descriptor: Int32) { self.descriptor = descriptor }

    /// False when nobody reads any more.
    func write(_ reply: TrainerReply) -> Bool {
        guard let line = try? Self.encode(reply) else { return false }
        return isBroken.withLock { isBroken in
            var sent = 0
            while !isBroken, sent < line.count {
                let count = line.withUnsafeBytes { systemWrite(descriptor, $0.baseAddress, sent, $0.count) }
                if count < 0 && errno == EINTR { continue }
                if count <= 0 { isBroken = true } else { sent += count }
            }
            return !isBroken
        }
    }

    /// The line; a reply that cannot be written becomes a failure that says so.
    private static func encode(_ reply: TrainerReply) throws -> Data {
        do {
            return try TrainerLine.encode(reply)
        } catch {
            return try TrainerLine.encode(.failed(TrainerFailure.describe(error)))
        }
    }
}

/// `write(2)` of the rest of a buffer, under a name that `ReplyWriter.write` does not shadow.
private func systemWrite(_ descriptor: Int32, _ base: UnsafeRawPointer?, _ offset: Int, _ count: Int) -> Int {
    guard let base else { return 0 }
    return write(descriptor, base + offset, count - offset)
}
