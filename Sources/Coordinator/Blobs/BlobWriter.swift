internal import Crypto
internal import Durability

/// One blob on its way: appended in order, digested on the way, renamed when durable. For one task at a time.
public final class BlobWriter {
    private let store: BlobStore
    private let partPath: String
    private var file: (any OpenFile)?
    private var digest = Digest()
    private var behind = WriteBehind()

    /// How many bytes were written.
    public private(set) var bytes: Int64 = 0

    init(store: BlobStore, partPath: String) throws {
        self.store = store
        self.partPath = partPath
        file = try store.fileSystem.open(partPath, .replace)
    }

    deinit {
        file?.close()
    }

    /// Appends bytes.
    public func append(_ block: UnsafeRawBufferPointer) throws {
        guard let file else { throw CoordinatorError(.conflict, "\(partPath) is committed or discarded") }
        try file.write(block, at: bytes)
        digest.update(block)
        bytes += Int64(block.count)
        behind.wrote(to: bytes, of: file)
    }

    /// The SHA-256 of what was written so far.
    public var hexadecimalDigest: String { digest.hexadecimal }

    /// Makes the blob durable under its digest and holds it: the caller releases it once its row is committed.
    ///
    /// - Parameter onRename: called when the file has its name.
    /// - Returns: the digest.
    public func commit(onRename: () throws -> Void = {}) throws -> String {
        guard let file else { throw CoordinatorError(.conflict, "\(partPath) is committed or discarded") }
        let name = digest.hexadecimal
        store.hold(name)
        do {
            try file.synchronise()
            file.close()
            self.file = nil
            let target = store.path(name)
            let folder = String(target.dropLast(name.count + 1))
            try store.fileSystem.makeDirectory(folder)
            try store.fileSystem.rename(partPath, to: target)
            try onRename()
            try store.fileSystem.synchroniseDirectory(folder)
        } catch {
            store.release(name)
            throw error
        }
        return name
    }

    /// Removes what was written. Does nothing after a commit.
    public func discard() {
        guard let file else { return }
        file.close()
        self.file = nil
        // A part that stays is removed at the next start.
        try? store.fileSystem.remove(partPath)
    }
}
