internal import Client
internal import Durability
internal import Foundation
internal import Measurement
internal import Synchronization

/// A program that a load test started, with its standard error in a file. It is ended by its own process id.
final class ChildProgram: Sendable {
    private struct State {
        var isCollected = false
        var ending = ""
    }

    let name: String
    let process: Int32
    private let log: String
    private let state = Mutex(State())
    private let ended = DispatchSemaphore(value: 0)

    /// Starts a program.
    ///
    /// - Parameters:
    ///   - arguments: the program's path and its arguments.
    ///   - environment: over this process's own, without this process's TRIBUTARY_ variables.
    ///   - log: the file for its standard error.
    init(_ name: String, _ arguments: [String], environment: [String: String] = [:], log: String) throws {
        self.name = name
        self.log = log
        guard
            FileManager.default.createFile(atPath: log, contents: nil, attributes: [.posixPermissions: 0o600]),
            let errors = FileHandle(forWritingAtPath: log)
        else { throw LoadTestError("\(log) cannot be written") }
        defer { try? errors.close() }
        let inherited = ProcessInfo.processInfo.environment.filter { !$0.key.hasPrefix("TRIBUTARY_") }
        process = try ChildProcess.start(
            arguments, environment: inherited.merging(environment) { $1 },
            streams: .init(error: errors.fileDescriptor), group: .new)
        Thread { [self] in
            let ending = ChildProcess.wait(for: process)
            state.withLock { state in
                state.isCollected = true
                state.ending = "\(ending)"
            }
            ended.signal()
        }.start()
    }

    /// How it ended; nil while it runs.
    var ending: String? { state.withLock { $0.isCollected ? $0.ending : nil } }

    /// Its memory and processor time.
    ///
    /// - Throws: ``LoadTestError`` when it ended.
    func usage() throws -> ProcessUsage {
        guard let usage = ProcessUsage(process: process) else { throw failure("its memory cannot be read") }
        return usage
    }

    /// An error about this program, with the end of its log.
    func failure(_ what: String) -> LoadTestError {
        let text = (try? String(contentsOfFile: log, encoding: .utf8)) ?? ""
        let tail = text.split(separator: "\n").suffix(12).joined(separator: "\n")
        return LoadTestError("\(name): \(what)\(ending.map { "; it \($0)" } ?? "")\n\(tail)")
    }

    /// The lines of its log that hold a text.
    func logLines(containing text: String) -> [String] {
        ((try? String(contentsOfFile: log, encoding: .utf8)) ?? "").split(separator: "\n").map(String.init)
            .filter { $0.contains(text) }
    }

    /// Sends a signal, if it still runs.
    func signal(_ number: Int32) {
        state.withLock { if !$0.isCollected { kill(process, number) } }
    }

    /// Waits until it has ended; after ten seconds it is killed. Blocks.
    func wait() {
        if ended.wait(timeout: .now() + 10) == .timedOut {
            signal(SIGKILL)
            ended.wait()
        }
        ended.signal()
    }
}
