import Foundation
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
        let process = Process()
        process.executableURL = URL(
            fileURLWithPath: executable.hasPrefix("/") ? executable : Executables.path(executable))
        process.arguments = arguments
        process.environment = Executables.environment(environment)
        if let folder { process.currentDirectoryURL = folder }
        let errors = Pipe()
        let output = Pipe()
        process.standardInput = FileHandle.nullDevice
        process.standardError = errors
        process.standardOutput = output
        let box = ProcessBox()
        self.box = box
        process.terminationHandler = { process in
            box.status.withLock {
                $0 = process.terminationReason == .exit ? process.terminationStatus : -process.terminationStatus
            }
            let owner = box.owner.withLock { owner in
                box.hasEnded.store(true, ordering: .relaxed)
                return owner
            }
            owner?.streamEnded()
        }
        try process.run()
        processIdentifier = process.processIdentifier
        // The process may have ended before this line: then nobody was told.
        let hasEnded = box.owner.withLock { owner in
            owner = self
            return box.hasEnded.load(ordering: .relaxed)
        }
        if hasEnded { streamEnded() }
        errors.fileHandleForReading.readabilityHandler = { [weak self] handle in
            let data = handle.availableData
            if data.isEmpty {
                handle.readabilityHandler = nil
                self?.streamEnded()
            } else {
                self?.received(data)
            }
        }
        output.fileHandleForReading.readabilityHandler = { [weak self] handle in
            let data = handle.availableData
            if data.isEmpty {
                handle.readabilityHandler = nil
                self?.streamEnded()
            } else {
                self?.state.withLock { $0.output.append(data) }
            }
        }
    }

    private let box: ProcessBox

    private final class ProcessBox: Sendable {
        let status = Mutex<Int32>(0)
        let owner = Mutex<RunningProcess?>(nil)
        let hasEnded = Atomic<Bool>(false)
    }

    /// Everything logged so far.
    var log: [String] { state.withLock { $0.lines } }

    /// Everything on standard output so far.
    var standardOutput: String { state.withLock { String(decoding: $0.output, as: UTF8.self) } }

    /// The first line, of those logged already or later, that contains every one of `parts`.
    func line(containing parts: String..., after count: Int = 0, within seconds: Double = 60) async throws -> String {
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
        if !state.withLock({ $0.isOver }) { kill(processIdentifier, number) }
    }

    /// Ends the process gracefully and waits; after `seconds` it is killed.
    @discardableResult
    func stop(_ number: Int32 = SIGTERM, killAfter seconds: Double = 20) async -> Int32 {
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
            state.status = box.status.withLock { $0 }
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
