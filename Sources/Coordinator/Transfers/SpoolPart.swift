internal import Durability

/// One update on its way into the spool. For one task at a time.
final class SpoolPart {
    private let folder: String
    private let partPath: String
    private let path: String
    private let fileSystem: any FileSystem
    private let folders: GroupSynchroniser
    private var file: (any OpenFile)?
    private var behind = WriteBehind()

    /// How many bytes are there.
    private(set) var bytes: Int64

    init(
        folder: String, partPath: String, path: String, fileSystem: any FileSystem, folders: GroupSynchroniser
    ) throws {
        self.folder = folder
        self.partPath = partPath
        self.path = path
        self.fileSystem = fileSystem
        self.folders = folders
        let file = try fileSystem.open(partPath, .createOrOpen)
        self.file = file
        bytes = try file.size()
        behind = WriteBehind(from: bytes)
    }

    deinit {
        file?.close()
    }

    /// Drops everything after the first `count` bytes.
    func truncate(to count: Int64) throws {
        guard count <= bytes else {
            throw CoordinatorError(.invalidRequest, "the upload starts at \(count), only \(bytes) bytes are here")
        }
        try opened().truncate(to: count)
        bytes = count
        behind = WriteBehind(from: count)
    }

    /// Hands out the bytes that are there, from the first on, in blocks.
    func forEachBlock(_ body: (UnsafeRawBufferPointer) throws -> Void) throws {
        let file = try opened()
        let buffer = UnsafeMutableRawBufferPointer.allocate(
            byteCount: Int(min(max(bytes, 1), 1 << 20)), alignment: 64)
        defer { buffer.deallocate() }
        var position: Int64 = 0
        while position < bytes {
            let count = Int(min(Int64(buffer.count), bytes - position))
            let block = UnsafeMutableRawBufferPointer(rebasing: buffer[..<count])
            guard try file.read(into: block, at: position) == count else {
                throw CoordinatorError(.corrupt, "\(partPath) ended before its \(bytes) bytes")
            }
            try body(UnsafeRawBufferPointer(block))
            position += Int64(count)
        }
    }

    /// Bytes from the middle, as many as the buffer holds.
    func read(into buffer: UnsafeMutableRawBufferPointer, at offset: Int64) throws {
        guard try opened().read(into: buffer, at: offset) == buffer.count else {
            throw CoordinatorError(.corrupt, "\(partPath) ended before \(offset + Int64(buffer.count)) bytes")
        }
    }

    /// Appends bytes.
    func append(_ block: UnsafeRawBufferPointer) throws {
        let file = try opened()
        try file.write(block, at: bytes)
        bytes += Int64(block.count)
        behind.wrote(to: bytes, of: file)
    }

    /// Makes the update durable under its final name. Updates that end at the same time share the synchronisation of
    /// their folder.
    func commit(onRename: () throws -> Void) async throws {
        let file = try opened()
        try file.synchronise()
        file.close()
        self.file = nil
        try fileSystem.rename(partPath, to: path)
        try onRename()
        try await folders.synchronise(folder)
    }

    /// Keeps the part for a later upload. Does nothing after a commit.
    func suspend() {
        file?.close()
        file = nil
    }

    /// Removes the part. Does nothing after a commit.
    func discard() {
        guard let file else { return }
        file.close()
        self.file = nil
        // A part that stays is removed when the round ends.
        try? fileSystem.remove(partPath)
    }

    private func opened() throws -> any OpenFile {
        guard let file else { throw CoordinatorError(.conflict, "\(partPath) is closed") }
        return file
    }
}
