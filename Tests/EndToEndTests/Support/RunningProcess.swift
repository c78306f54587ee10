import Foundation
import Glibc
import Synchronization

/// A child process whose standard error is read line by line, so that a test can wait for what it logs.
final class RunningProcess: Sendable {
    private struct State {
        var lines: [String] = []
        var partial = Data()
        var output = Data()
        var isOver = false
        var status: Int32 = 0
        var waiters: [UUID: (test: @Sendable (String) -> Bool, resume: CheckedContinuation<String, any Error>)] = [:]
        var endWaiters: [CheckedContinuation<Int32, Never>] = []
        var openStreams = 3
        var isCollected = false
    }

    struct Failure: Error, CustomStringConvertible {
        var description: String
    }

    let name: String
    let processIdentifier: Int32
    private let state = Mutex(State())

    init(
        _ executable: String, _ arguments: [String], name: String? = nil, environment: [String: String] = [:],
        folder: URL? = nil
    ) throws {
        self.name = name ?? executable
        // Not Foundation's `Process`: it watches children with select(2), which ends at 1,024 open files.
        let path = executable.hasPrefix("/") ? executable : Executables.path(executable)
        let folder = folder?.path ?? FileManager.default.currentDirectoryPath
        // One start at a time: a new pipe can be inherited for a moment.
        Self.starting.lock()
        defer { Self.starting.unlock() }
        let (errors, output) = (try Self.makePipe(), try Self.makePipe())
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0)
        posix_spawn_file_actions_adddup2(&actions, output.write, STDOUT_FILENO)
        posix_spawn_file_actions_adddup2(&actions, errors.write, STDERR_FILENO)
        var process: pid_t = 0
        let environment = Executables.environment(environment).map { "\($0.key)=\($0.value)" }
        let command = ["/bin/sh", "-c", "cd -- \"$0\" && exec \"$@\"", folder, path] + arguments
        let result = Self.withStrings(command) { command in
            Self.withStrings(environment) { posix_spawn(&process, "/bin/sh", &actions, nil, command, $0) }
        }
        close(errors.write)
        close(output.write)
        guard result == 0 else {
            close(errors.read)
            close(output.read)
            throw Failure(description: "cannot start \(path): \(String(cString: strerror(result)))")
        }
        processIdentifier = process
        Self.read(errors.read) {
            self.received($0)
        } onEnd: {
            self.streamEnded()
        }
        Self.read(output.read) { data in
            self.state.withLock { $0.output.append(data) }
        } onEnd: {
            self.streamEnded()
        }
        Thread { [process] in
            var status: Int32 = 0
            while waitpid(process, &status, 0) < 0, errno == EINTR {}
            let signal = status & 0x7F
            let ending = signal == 0 ? (status >> 8) & 0xFF : -signal
            self.state.withLock {
                $0.status = ending
                $0.isCollected = true
            }
            self.streamEnded()
        }.start()
    }

    private static let starting = NSLock()

    private static func makePipe() throws -> (read: Int32, write: Int32) {
        var ends: [Int32] = [-1, -1]
        guard pipe(&ends) == 0 else { throw Failure(description: String(cString: strerror(errno))) }
        for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
        return (ends[0], ends[1])
    }

    private static func read(
        _ descriptor: Int32, onData: @escaping @Sendable (Data) -> Void, onEnd: @escaping @Sendable () -> Void
    ) {
        Thread {
            var buffer = [UInt8](repeating: 0, count: 1 << 16)
            while true {
                let count = Glibc.read(descriptor, &buffer, buffer.count)
                if count < 0, errno == EINTR { continue }
                guard count > 0 else { break }
                onData(Data(buffer[..<count]))
            }
            close(descriptor)
            onEnd()
        }.start()
    }

    private static func withStrings<Result>(
        _ strings: [String], _ body: (UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>) -> Result
    ) -> Result {
        var pointers = strings.map { strdup($0) } + [nil]
        defer { for pointer in pointers { free(pointer) } }
        return pointers.withUnsafeMutableBufferPointer { body($0.baseAddress!) }
    }

    /// Everything logged so far.
    var log: [String] { state.withLock { $0.lines } }

    /// Everything on standard output so far.
    var standardOutput: String { state.withLock { String(decoding: $0.output, as: UTF8.self) } }

    /// The first line, of those logged already or later, that contains every one of `parts`.
    func line(containing parts: String..., after count: Int = 0, within seconds: Double = 240) async throws -> String {
        let test: @Sendable (String) -> Bool = { line in parts.allSatisfy { line.contains($0) } }
        let id = UUID()
        return try await withThrowingTaskGroup(of: String.self) { group in
            group.addTask {
                try await withTaskCancellationHandler {
                    try await withCheckedThrowingContinuation { continuation in
                        let found = self.state.withLock { state -> Result<String, any Error>? in
                            if let line = state.lines.dropFirst(count).first(where: test) { return .success(line) }
                            if state.isOver {
                                return .failure(Failure(description: "\(self.name) ended without logging \(parts)"))
                            }
                            state.waiters[id] = (test, continuation)
                            return nil
                        }
                        if let found { continuation.resume(with: found) }
                    }
                } onCancel: {
                    let waiter = self.state.withLock { $0.waiters.removeValue(forKey: id) }
                    waiter?.resume.resume(throwing: CancellationError())
                }
            }
            group.addTask {
                try await Task.sleep(for: .seconds(seconds))
                let tail = self.log.suffix(25).joined(separator: "\n")
                throw Failure(description: "\(self.name) did not log \(parts) within \(seconds) s; it logged:\n\(tail)")
            }
            defer { group.cancelAll() }
            guard let line = try await group.next() else { throw CancellationError() }
            return line
        }
    }

    /// Returns when standard output holds a text.
    func output(containing text: String, within seconds: Double = 240) async throws {
        let deadline = ContinuousClock.now + .seconds(seconds)
        while !standardOutput.contains(text) {
            guard ContinuousClock.now < deadline, !state.withLock({ $0.isOver }) else {
                throw Failure(description: "\(name) did not print '\(text)'; it printed:\n\(standardOutput)\n\(log)")
            }
            try await Task.sleep(for: .milliseconds(20))
        }
    }

    /// Waits for the end; the status is negative for a signal.
    func ended() async -> Int32 {
        await withCheckedContinuation { continuation in
            let status = state.withLock { state -> Int32? in
                if state.isOver { return state.status }
                state.endWaiters.append(continuation)
                return nil
            }
            if let status { continuation.resume(returning: status) }
        }
    }

    /// Sends a signal to this process, if it still runs.
    func signal(_ number: Int32) {
        state.withLock { state in
            if !state.isCollected { kill(processIdentifier, number) }
        }
    }

    /// Ends the process gracefully and waits; after `seconds` it is killed.
    @discardableResult
    func stop(_ number: Int32 = SIGTERM, killAfter seconds: Double = 60) async -> Int32 {
        signal(number)
        return await withTaskGroup(of: Int32?.self) { group in
            group.addTask { await self.ended() }
            group.addTask {
                try? await Task.sleep(for: .seconds(seconds))
                if !Task.isCancelled { self.signal(SIGKILL) }
                return nil
            }
            var status: Int32 = 0
            for await result in group {
                if let result {
                    status = result
                    break
                }
            }
            group.cancelAll()
            return status
        }
    }

    private func received(_ data: Data) {
        let ready = state.withLock { state -> [(CheckedContinuation<String, any Error>, String)] in
            state.partial.append(data)
            var ready: [(CheckedContinuation<String, any Error>, String)] = []
            while let end = state.partial.firstIndex(of: UInt8(ascii: "\n")) {
                let line = String(decoding: state.partial[state.partial.startIndex..<end], as: UTF8.self)
                state.partial = Data(state.partial[state.partial.index(after: end)...])
                state.lines.append(line)
                for (id, waiter) in state.waiters where waiter.test(line) {
                    ready.append((waiter.resume, line))
                    state.waiters[id] = nil
                }
            }
            return ready
        }
        for (continuation, line) in ready { continuation.resume(returning: line) }
    }

    /// One of the two pipes or the process has ended; with the third of them everything is over.
    private func streamEnded() {
        let (waiters, ends, status) = state.withLock { state in
            state.openStreams -= 1
            guard state.openStreams == 0 else {
                return ([CheckedContinuation<String, any Error>](), [CheckedContinuation<Int32, Never>](), Int32(0))
            }
            state.isOver = true
            let waiters = state.waiters.values.map(\.resume)
            let ends = state.endWaiters
            state.waiters = [:]
            state.endWaiters = []
            return (waiters, ends, state.status)
        }
        for waiter in waiters {
            waiter.resume(throwing: Failure(description: "\(name) ended with \(status): \(log.suffix(10))"))
        }
        for end in ends { end.resume(returning: status) }
    }
}
