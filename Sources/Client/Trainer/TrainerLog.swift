import Foundation
import Logging
import Synchronization

/// What a trainer writes to its standard error: a bounded file, the daemon's log, and the last lines for an error.
///
/// The file never holds more than `maximumBytes`; then it becomes `PATH.1` and a new one begins. The daemon's log gets
/// at most 50 lines a second.
final class TrainerLog: Sendable {
    private struct State {
        var pending: [UInt8] = []
        var last: [String] = []
        var file: FileHandle?
        var bytes = 0
        var second: Int = 0
        var forwarded = 0
    }

    static let maximumBytes = 1 << 20
    private static let longestLine = 4 << 10
    private static let linesPerSecond = 50
    private static let linesRemembered = 5

    private let path: String?
    private let logger: Logger
    private let state: Mutex<State>

    /// A log; without a path there is no file.
    init(path: String?, logger: Logger) {
        self.path = path
        self.logger = logger
        state = Mutex(State())
    }

    /// Takes the next bytes; lines longer than 4 KiB are cut in pieces.
    func append(_ bytes: Data) {
        state.withLock { state in
            for byte in bytes {
                if byte == UInt8(ascii: "\n") || state.pending.count >= Self.longestLine {
                    flush(&state)
                    if byte == UInt8(ascii: "\n") { continue }
                }
                state.pending.append(byte)
            }
        }
    }

    /// Writes what is left and closes the file.
    func finish() {
        state.withLock { state in
            flush(&state)
            try? state.file?.close()
            state.file = nil
        }
    }

    /// The last lines, for an error message; empty when there were none.
    var tail: String {
        state.withLock { state in
            let pending = state.pending.isEmpty ? [] : [String(decoding: state.pending.prefix(512), as: UTF8.self)]
            return (state.last + pending).suffix(Self.linesRemembered).joined(separator: " | ")
        }
    }

    private func flush(_ state: inout State) {
        defer { state.pending.removeAll(keepingCapacity: true) }
        guard !state.pending.isEmpty else { return }
        let line = String(decoding: state.pending, as: UTF8.self)
        state.last.append(String(line.prefix(512)))
        if state.last.count > Self.linesRemembered { state.last.removeFirst() }
        write(state.pending + [UInt8(ascii: "\n")], &state)
        let second = time(nil)
        if second != state.second {
            if state.forwarded > Self.linesPerSecond {
                let hidden = state.forwarded - Self.linesPerSecond
                logger.info(
                    "trainer wrote more lines, see its log", metadata: ["lines": "\(hidden)", "log": "\(path ?? "")"])
            }
            state.second = second
            state.forwarded = 0
        }
        state.forwarded += 1
        if state.forwarded <= Self.linesPerSecond {
            logger.info("trainer: \(Self.printable(line))")
        }
    }

    /// The log is a convenience: a full disk must not stop the training, so errors end the file and nothing else.
    private func write(_ line: [UInt8], _ state: inout State) {
        guard let path else { return }
        do {
            if state.file == nil || state.bytes + line.count > Self.maximumBytes {
                try state.file?.close()
                state.file = nil
                let manager = FileManager.default
                let size = (try? manager.attributesOfItem(atPath: path)[.size] as? Int) ?? 0
                if size + line.count > Self.maximumBytes {
                    try? manager.removeItem(atPath: path + ".1")
                    try manager.moveItem(atPath: path, toPath: path + ".1")
                }
                let descriptor = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0o600)
                guard descriptor >= 0 else { return }
                state.file = FileHandle(fileDescriptor: descriptor, closeOnDealloc: true)
                state.bytes = size + line.count > Self.maximumBytes ? 0 : size
            }
            try state.file?.write(contentsOf: Data(line))
            state.bytes += line.count
        } catch {
            state.file = nil
        }
    }

    /// Control characters of a child's output do not reach a terminal.
    private static func printable(_ line: String) -> String {
        String(String.UnicodeScalarView(line.unicodeScalars.map { $0.value < 0x20 || $0.value == 0x7F ? " " : $0 }))
    }
}
