import Synchronization

/// Writes a file so that its final name only ever holds the whole content.
///
/// Bytes are appended to `PATH.part`; ``commit(onRename:)`` synchronises the part, renames it to its final name and
/// synchronises the folder. A crash before the rename leaves a part and nothing under the final name; a part can be
/// continued with ``init(resuming:permissions:fileSystem:)``.
///
/// One task uses a writer at a time; a lock makes misuse an error and not a race.
public final class DurableWriter: Sendable {
    private struct State {
        var file: (any OpenFile)?
        var offset: Int64
        var behind: WriteBehind
    }

    /// What is appended to the final path while the content is incomplete.
    public static let partSuffix = ".part"

    /// The final path.
    public let path: String
    /// The path while the content is incomplete.
    public let partPath: String

    private let fileSystem: any FileSystem
    private let state: Mutex<State>

    /// Starts a new file. A part left behind by an earlier attempt is emptied.
    ///
    /// - Parameters:
    ///   - path: the final path; its folder must exist.
    ///   - permissions: the exact mode of the file, 0600 unless told otherwise.
    ///   - fileSystem: where to write.
    public convenience init(
        to path: String,
        permissions: UInt32 = 0o600,
        fileSystem: any FileSystem = PosixFileSystem()
    ) throws {
        try self.init(path, .replace, permissions, fileSystem)
    }

    /// Continues the part of an earlier attempt at its end, or starts one when there is none.
    ///
    /// Whether the bytes already there are right is for the caller to check (``readBack(block:_:)`` for a digest): after
    /// a power failure a part may hold zeros where data was not synchronised.
    public convenience init(
        resuming path: String,
        permissions: UInt32 = 0o600,
        fileSystem: any FileSystem = PosixFileSystem()
    ) throws {
        try self.init(path, .createOrOpen, permissions, fileSystem)
    }

    private init(_ path: String, _ mode: FileMode, _ permissions: UInt32, _ fileSystem: any FileSystem) throws {
        self.path = path
        partPath = path + Self.partSuffix
        self.fileSystem = fileSystem
        let file = try fileSystem.open(partPath, mode, permissions: permissions)
        let size = try file.size()
        state = Mutex(State(file: file, offset: size, behind: WriteBehind(from: size)))
    }

    /// How many bytes the part of `path` holds, 0 when there is none.
    public static func resumeOffset(
        of path: String,
        fileSystem: any FileSystem = PosixFileSystem()
    ) throws -> Int64 {
        do {
            return try fileSystem.size(path + partSuffix)
        } catch let error as DurabilityError where error.code == .notFound {
            return 0
        }
    }

    /// Bytes written so far.
    public var offset: Int64 {
        state.withLock { $0.offset }
    }

    /// Appends bytes to the part.
    public func append(_ bytes: UnsafeRawBufferPointer) throws {
        try state.withLock { state in
            let file = try openFile(state)
            try file.write(bytes, at: state.offset)
            state.offset += Int64(bytes.count)
            state.behind.wrote(to: state.offset, of: file)
        }
    }

    /// Appends bytes to the part.
    public func append(_ bytes: [UInt8]) throws {
        try bytes.withUnsafeBytes { try append($0) }
    }

    /// Drops everything after the first `offset` bytes, for a peer that resumes before the end of the part.
    public func truncate(to offset: Int64) throws {
        try state.withLock { state in
            guard offset >= 0 && offset <= state.offset else {
                throw DurabilityError(
                    .invalidArgument, "\(partPath) has \(state.offset) bytes, cannot cut at \(offset)")
            }
            try openFile(state).truncate(to: offset)
            state.offset = offset
            state.behind = WriteBehind(from: offset)
        }
    }

    /// Hands the bytes written so far to `body`, from the start, at most `block` bytes at a time.
    public func readBack(block: Int = 1 << 20, _ body: (UnsafeRawBufferPointer) throws -> Void) throws {
        try state.withLock { state in
            let file = try openFile(state)
            let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: max(block, 1), alignment: 64)
            defer { buffer.deallocate() }
            var position: Int64 = 0
            while position < state.offset {
                let count = Int(min(Int64(buffer.count), state.offset - position))
                let target = UnsafeMutableRawBufferPointer(rebasing: buffer[..<count])
                guard try file.read(into: target, at: position) == count else {
                    throw DurabilityError(.endOfFile, "\(partPath) ended before its \(state.offset) bytes")
                }
                try body(UnsafeRawBufferPointer(target))
                position += Int64(count)
            }
        }
    }

    /// Makes the bytes written so far durable and goes on.
    public func synchronise() throws {
        try state.withLock { try openFile($0).synchronise() }
    }

    /// Makes the file durable under its final name: synchronise the part, rename, synchronise the folder.
    ///
    /// - Parameter onRename: called between the rename and the synchronisation of the folder (for a crash point).
    public func commit(onRename: () throws -> Void = {}) throws {
        try state.withLock { state in
            let file = try openFile(state)
            try file.synchronise()
            file.close()
            state.file = nil
            try fileSystem.rename(partPath, to: path)
            try onRename()
            try fileSystem.synchroniseDirectory(Path.parent(of: path))
        }
    }

    /// Closes the part and keeps it for a later attempt. Does nothing after a commit.
    public func suspend() {
        state.withLock { state in
            state.file?.close()
            state.file = nil
        }
    }

    /// Closes and removes the part. Does nothing after a commit.
    public func discard() throws {
        try state.withLock { state in
            guard let file = state.file else { return }
            file.close()
            state.file = nil
            try fileSystem.remove(partPath)
        }
    }

    private func openFile(_ state: borrowing State) throws -> any OpenFile {
        guard let file = state.file else {
            throw DurabilityError(.closed, "\(partPath) is committed, suspended or discarded")
        }
        return file
    }
}
