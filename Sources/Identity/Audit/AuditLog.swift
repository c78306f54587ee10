internal import Configuration
public import Durability
public import Foundation
internal import Synchronization

/// An append-only log whose lines are chained by hashes, see ``AuditRecord``.
///
/// Each append is durable when it returns (one write and one fsync, however many events). It blocks for that time:
/// keep it off event loops. Callers on several threads are served one after the other. A file has one writer: the
/// daemon's instance lock sees to that.
public final class AuditLog: Sendable {
    /// The largest number of events in one append.
    public static let batchLimit = 256

    /// The last line of the log.
    public struct Head: Sendable, Hashable {
        /// How many records there are.
        public var sequence: Int
        /// The hash of the last one, 64 zeros when there is none.
        public var hash: String

        /// A head, for instance one that was kept elsewhere.
        public init(sequence: Int, hash: String) {
            self.sequence = sequence
            self.hash = hash
        }
    }

    private struct State {
        var head: Head
        var offset: Int64
        /// Set when a failed write could not be taken back.
        var isBroken = false
    }

    /// The file.
    public let path: String
    /// How many bytes of an unfinished last write were cut off when the log was opened.
    public let repairedBytes: Int64
    private let file: any OpenFile
    private let now: @Sendable () -> Date
    private let state: Mutex<State>

    /// Opens or creates a log (mode 0600).
    ///
    /// Lines that a crash left incomplete (no line end, or zeros that were never written) are cut off, and a
    /// `log.repaired` record says so.
    ///
    /// - Parameters:
    ///   - path: the file; its folder must exist.
    ///   - fileSystem: where it is.
    ///   - now: the clock.
    /// - Throws: ``IdentityError`` `brokenLog` when the last complete line was changed: the log must be looked at,
    ///   not continued.
    public init(
        path: String,
        fileSystem: any FileSystem = PosixFileSystem(),
        now: @escaping @Sendable () -> Date = { Date() }
    ) throws {
        self.path = path
        self.now = now
        let isNew = try !fileSystem.exists(path)
        let file = try fileSystem.open(path, isNew ? .createNew : .createOrOpen, permissions: 0o600)
        do {
            if isNew { try fileSystem.synchroniseDirectory(ConfigurationFile.folder(of: path)) }
            let tail = try Self.findTail(of: file)
            let size = try file.size()
            if tail.offset < size {
                try file.truncate(to: tail.offset)
                try file.synchronise()
            }
            repairedBytes = size - tail.offset
            self.file = file
            state = Mutex(State(head: tail.head, offset: tail.offset))
        } catch {
            file.close()
            throw error
        }
        if repairedBytes > 0 {
            try append(kind: .logRepaired, subject: "log", detail: ["bytes": String(repairedBytes)])
        }
    }

    deinit { file.close() }

    /// The last line.
    public var head: Head { state.withLock { $0.head } }

    /// Records one event durably.
    @discardableResult
    public func append(kind: AuditKind, subject: String, detail: [String: String] = [:]) throws -> Head {
        try append([AuditEvent(kind: kind, subject: subject, detail: detail)])
    }

    /// Records events durably, all or none, with one write and one fsync. Returns the new head.
    @discardableResult
    public func append(_ events: [AuditEvent]) throws -> Head {
        guard events.count <= Self.batchLimit else {
            throw IdentityError(.invalidArgument, "\(events.count) events in one append, at most \(Self.batchLimit)")
        }
        return try state.withLock { state in
            guard !events.isEmpty else { return state.head }
            guard !state.isBroken else {
                throw IdentityError(.storage, "\(path): an earlier write failed; restart to mend the log")
            }
            var head = state.head
            var text = ""
            for event in events {
                let line = AuditRecord.line(event, sequence: head.sequence + 1, time: now(), previous: head.hash)
                head = Head(sequence: head.sequence + 1, hash: line.hash)
                text += line.text + "\n"
            }
            let bytes = Array(text.utf8)
            do {
                try file.write(bytes, at: state.offset)
                try file.synchronise()
            } catch {
                // Nothing half-written stays behind; if even that fails, opening the log again mends it.
                do { try file.truncate(to: state.offset) } catch { state.isBroken = true }
                throw IdentityError(.storage, "\(path): cannot write the audit log", cause: error)
            }
            state.head = head
            state.offset += Int64(bytes.count)
            return head
        }
    }

    /// The complete lines of the log as they stand in the file now, in order, without their line ends.
    public func forEachLine(_ body: (String) throws -> Void) throws {
        let end = state.withLock { $0.offset }
        try AuditLines.read(file, to: end) { try body(String(decoding: $0, as: UTF8.self)) }
    }

    /// Checks a log file from the first line to the last.
    ///
    /// - Throws: when the file cannot be read; a broken log is a result, not an error.
    public static func verify(
        path: String,
        fileSystem: any FileSystem = PosixFileSystem()
    ) throws -> AuditVerification {
        let file: any OpenFile
        do {
            file = try fileSystem.open(path, .read)
        } catch let error as DurabilityError where error.code == .notFound {
            throw IdentityError(.missingFile, "\(path): there is no such audit log")
        }
        defer { file.close() }
        var verification = AuditVerification()
        let rest = try AuditLines.read(file, to: try file.size()) { verification.take($0) }
        if verification.isIntact && rest > 0 {
            verification.breakOff(reason: "the last line has no line end (\(rest) bytes)")
        }
        return verification
    }

    /// Checks lines in order, without their line ends; for lines that came over the wire.
    public static func verify(lines: some Sequence<String>) -> AuditVerification {
        var verification = AuditVerification()
        for line in lines { verification.take(line.utf8) }
        return verification
    }

    /// The end of the last complete line and what it says. Looks at the end of the file only, so opening does not
    /// take longer as the log grows.
    private static func findTail(of file: any OpenFile) throws -> (head: Head, offset: Int64) {
        let size = try file.size()
        // A batch of the longest lines, and one line before it.
        let window = Int64((batchLimit + 1) * AuditRecord.lineLimit)
        let start = max(0, size - window)
        let bytes = try file.read(at: start, count: Int(size - start))
        // Zeros are blocks that never reached the disk: they and everything after them were not finished.
        var end = bytes.firstIndex(of: 0) ?? bytes.count
        end = bytes[..<end].lastIndex(of: UInt8(ascii: "\n")).map { $0 + 1 } ?? 0
        guard end > 0 else {
            guard start == 0 else {
                throw IdentityError(.brokenLog, "\(file.path): no complete line in its last \(window) bytes")
            }
            return (Head(sequence: 0, hash: AuditRecord.firstPrevious), 0)
        }
        let content = bytes[..<(end - 1)]
        let lineStart = content.lastIndex(of: UInt8(ascii: "\n")).map { $0 + 1 } ?? 0
        do {
            let record = try AuditRecord(verifying: content[lineStart...])
            return (Head(sequence: record.sequence, hash: record.hash), start + Int64(end))
        } catch {
            throw IdentityError(
                .brokenLog,
                "\(file.path): the last line was changed; check it with `tributary audit verify`, and move the file "
                    + "away to start anew",
                cause: error
            )
        }
    }
}
