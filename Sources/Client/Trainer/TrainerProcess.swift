import Dispatch
import Foundation
import Jobs
public import Logging
import Synchronization

/// A trainer: a child process under the trainer contract and the site's limits.
///
/// The child runs as `prlimit --data=MEMORY -- COMMAND` in a process group that a small guard process leads. The guard
/// holds the reading end of a pipe from this process: when this process ends in whatever way, SIGKILL included, the
/// guard ends the whole group. The pipe also proves a group to be ours, so nothing else can be hit.
///
/// Requests go one at a time. A child that breaks the contract, exceeds `memory`, or shows no sign of life for `stall`
/// while a request runs is ended with its whole group, and the request throws. All methods may be called from any
/// task; none blocks a thread of the cooperative pool.
public final class TrainerProcess: Sendable {
    /// How long a trainer may take to answer `cancel`, and to exit after `bye` or the end of its output, before it is
    /// ended.
    public static let patience: Duration = .seconds(5)

    /// The shortest time that a trainer gets to answer the hello.
    static let startLimit: Duration = .seconds(60)

    struct State {
        var waiting: CheckedContinuation<TrainerReply, any Error>?
        var onProgress: (@Sendable (TrainerReply.Progress) -> Void)?
        var saidHello = false
        var request = 0
        var isCancelled = false
        var lastSign = ContinuousClock.now
        var failure: ClientError?
        var isGroupOurs = true
        var outputEnded = false
        /// Whether the last of standard error is in the log.
        var logEnded = false
        var ending: ChildProcess.Ending?
        var endings: [CheckedContinuation<Void, Never>] = []
        var peakResident: Int64 = 0
        var nextScan = ContinuousClock.now
        var lines = TrainerLineBuffer()

        /// Whether the child has ended and everything it wrote was read.
        var isOver: Bool { ending != nil && outputEnded && logEnded }
    }

    let state = Mutex(State())
    let log: TrainerLog
    let configuration: TrainerConfiguration
    let group: pid_t
    private let process: pid_t
    /// The writing end of the child's input, nil once closed; used on `inputQueue` only, where a line that comes late must
    /// not go to whoever has the number by then.
    private let input: Mutex<CInt?>
    private let guardInput: CInt
    private let inputQueue = DispatchQueue(label: "tributary.trainer.input")
    /// Dispatch sources may be used from any thread.
    nonisolated(unsafe) private let monitor: any DispatchSourceTimer
    private let record: TrainerRecord?
    private let logger: Logger

    /// Starts a trainer. Its first request has to be `hello` (``greet(_:)``).
    ///
    /// - Parameters:
    ///   - configuration: the command, its program as an absolute path, and the limits.
    ///   - folder: the child's working folder; must exist.
    ///   - logPath: where its standard error goes, bounded to 2 MiB; nil for the daemon's log only.
    ///   - records: the folder in which living trainers are recorded for the next start of the daemon; nil for none.
    ///   - logger: the daemon's log.
    /// - Throws: ``ClientError`` (`trainer`).
    public static func start(
        _ configuration: TrainerConfiguration, folder: String, logPath: String? = nil, records: String? = nil,
        logger: Logger
    ) throws -> TrainerProcess {
        var descriptors: [CInt] = []
        func pipe() throws -> (read: CInt, write: CInt) {
            let ends = try ChildProcess.makePipe()
            descriptors += [ends.read, ends.write]
            return ends
        }
        var leader: pid_t?
        do {
            let (leash, input, output, error) = (try pipe(), try pipe(), try pipe(), try pipe())
            // First the guard: a trainer exists only inside a guarded group.
            let script = "trap '' HUP INT QUIT TERM; read _; kill -s KILL 0"
            let started = try ChildProcess.start(
                ["/bin/sh", "-c", script], environment: [:],
                streams: ChildProcess.Streams(input: leash.read, output: nil, error: nil), group: .new)
            leader = started
            let limited = ["prlimit", "--data=\(max(configuration.memory, 1))", "--"] + configuration.command
            let process = try ChildProcess.start(
                ["/bin/sh", "-c", "cd -- \"$0\" && exec \"$@\"", folder] + limited,
                environment: configuration.environment,
                streams: ChildProcess.Streams(input: input.read, output: output.write, error: error.write),
                group: .joining(started))
            for end in [leash.read, input.read, output.write, error.write] { close(end) }
            descriptors = []
            let trainer = TrainerProcess(
                configuration: configuration, group: started, process: process, input: input.write,
                guardInput: leash.write, log: TrainerLog(path: logPath, logger: logger),
                record: records.map { TrainerRecord(folder: $0, group: started, members: [started, process]) },
                logger: logger)
            trainer.run(output: output.read, error: error.read)
            return trainer
        } catch {
            if let leader {
                kill(-leader, SIGKILL)
                _ = ChildProcess.wait(for: leader)
            }
            for end in descriptors { close(end) }
            throw error
        }
    }

    private init(
        configuration: TrainerConfiguration, group: pid_t, process: pid_t, input: CInt, guardInput: CInt,
        log: TrainerLog, record: TrainerRecord?, logger: Logger
    ) {
        self.configuration = configuration
        self.group = group
        self.process = process
        self.input = Mutex(input)
        self.guardInput = guardInput
        self.log = log
        self.record = record
        self.logger = logger
        monitor = DispatchSource.makeTimerSource(queue: DispatchQueue(label: "tributary.trainer.monitor"))
    }

    /// The process id of the child.
    public var processIdentifier: Int32 { process }

    /// Whether the child can take a request.
    public var isAlive: Bool { state.withLock { $0.failure == nil && $0.ending == nil && !$0.outputEnded } }

    /// The most resident memory of the child's process group seen so far, in bytes.
    public var peakResidentBytes: Int64 { state.withLock { $0.peakResident } }

    private func run(output: CInt, error: CInt) {
        record?.write()
        let log = log
        LineReader.start(
            error, name: "trainer-log",
            onBytes: {
                log.append($0); return true
            },
            onEnd: {
                log.finish()
                self.finish { $0.logEnded = true }
            })
        LineReader.start(output, name: "trainer-output", onBytes: { self.receive($0) }, onEnd: { self.outputEnded() })
        let waiter = Thread {
            let ending = ChildProcess.wait(for: self.process)
            // What the child left behind in its group goes with it; the guard is collected after it, so the group's
            // number cannot be in other hands yet.
            self.endGroup()
            self.state.withLock { $0.isGroupOurs = false }
            _ = ChildProcess.wait(for: self.group)
            close(self.guardInput)
            self.record?.remove()
            self.processEnded(ending)
        }
        waiter.name = "trainer-waiter"
        waiter.stackSize = 256 << 10
        waiter.start()
        let interval = min(0.25, max(0.01, configuration.stall.seconds / 4))
        monitor.setEventHandler { [weak self] in self?.inspect() }
        monitor.schedule(deadline: .now() + interval, repeating: interval, leeway: .milliseconds(20))
        monitor.activate()
    }

    /// Sends one line without blocking the caller.
    func send(_ line: Data) {
        inputQueue.async {
            guard let input = self.input.withLock({ $0 }) else { return }
            line.withUnsafeBytes { bytes in
                var rest = bytes[...]
                while let base = UnsafeRawBufferPointer(rebasing: rest).baseAddress, !rest.isEmpty {
                    let count = write(input, base, rest.count)
                    if count < 0 && errno == EINTR { continue }
                    // A child that is gone is reported by its waiter.
                    guard count > 0 else { return }
                    rest = rest.dropFirst(count)
                }
            }
        }
    }

    private func endGroup() {
        state.withLock { state in
            // The group's leader is collected only after this is set to false, under the same lock.
            if state.isGroupOurs { kill(-group, SIGKILL) }
        }
    }

    /// Ends the child for a reason; the first reason wins.
    func fail(_ error: ClientError) {
        let isFirst = state.withLock { state in
            guard state.failure == nil, state.ending == nil else { return false }
            state.failure = error
            return true
        }
        guard isFirst else { return }
        logger.warning("trainer is ended", metadata: ["reason": "\(error.message)", "process": "\(process)"])
        endGroup()
    }

    /// Ends the child: `bye` and the end of its input, then SIGKILL to its group when it takes longer than `patience`.
    /// Returns when the child and everything in its group is gone.
    public func end(patience: Duration = TrainerProcess.patience) async {
        if let bye = try? TrainerLine.encode(TrainerRequest.bye) { send(bye) }
        inputQueue.async { self.closeInput() }
        DispatchQueue.global().asyncAfter(deadline: .now() + patience.seconds) { self.endGroup() }
        await withCheckedContinuation { continuation in
            let isOver = state.withLock { state in
                if state.isOver { return true }
                state.endings.append(continuation)
                return false
            }
            if isOver { continuation.resume() }
        }
    }

    /// On the input's queue; the second time does nothing.
    private func closeInput() {
        input.withLock { input in
            if let open = input { close(open) }
            input = nil
        }
    }

    private func processEnded(_ ending: ChildProcess.Ending) {
        // Queued behind a write that the child's end has just released.
        inputQueue.async { self.closeInput() }
        monitor.cancel()
        finish { $0.ending = ending }
        // A process that left the group may hold the pipes open for ever.
        DispatchQueue.global().asyncAfter(deadline: .now() + Self.patience.seconds) {
            self.finish {
                $0.outputEnded = true
                $0.logEnded = true
            }
        }
    }

    private func outputEnded() {
        // A child without output cannot answer any more. Give its exit time so that its own status is reported.
        DispatchQueue.global().asyncAfter(deadline: .now() + Self.patience.seconds) { self.endGroup() }
        finish { $0.outputEnded = true }
    }

    /// The process and both its pipes have to end: its last answer, and its last words for the error, may still be in
    /// them when it is gone.
    private func finish(_ change: (inout State) -> Void) {
        let released: (State, ClientError)? = state.withLock { state in
            change(&state)
            guard let ending = state.ending, state.isOver else { return nil }
            defer {
                state.waiting = nil
                state.endings = []
            }
            return (state, state.failure ?? self.unexpected(ending))
        }
        guard let (last, error) = released else { return }
        last.waiting?.resume(throwing: error)
        for continuation in last.endings { continuation.resume() }
    }

    /// The error for a child that ended by itself.
    func unexpected(_ ending: ChildProcess.Ending) -> ClientError {
        let tail = log.tail
        return ClientError(
            .trainer, "the trainer \(ending)", cause: tail.isEmpty ? nil : LastWords(description: tail))
    }
}

/// What a trainer wrote to its standard error before it ended. For the site's own log: it may quote data.
private struct LastWords: Error, CustomStringConvertible {
    var description: String
}

extension Duration {
    /// The length in seconds.
    var seconds: Double { self / .seconds(1) }

    /// The length in seconds with one decimal, for messages.
    var roundedSeconds: Double { (seconds * 10).rounded() / 10 }
}
