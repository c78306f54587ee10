public import Durability
internal import Synchronization

/// Weights as files named by the SHA-256 of their bytes: `blobs/ab/abcdef…`.
///
/// A blob is written under a part's name and renamed when it is durable. It stays as long as a row of the store refers
/// to it or a caller holds it (``hold(_:)``); `sweep` and `remove` delete the others. Reading opens the file, so a blob
/// may be removed while it is still being streamed.
public final class BlobStore: Sendable {
    /// The folder.
    public let folder: String
    let fileSystem: any FileSystem
    private let holds = Mutex<[String: Int]>([:])

    /// Opens or creates the folder.
    public init(folder: String, fileSystem: any FileSystem = PosixFileSystem()) throws {
        self.folder = folder
        self.fileSystem = fileSystem
        try fileSystem.makeDirectory(folder)
    }

    /// Where a blob is or would be.
    public func path(_ digest: String) -> String {
        "\(folder)/\(digest.prefix(2))/\(digest)"
    }

    /// Whether a blob is there.
    public func contains(_ digest: String) throws -> Bool {
        try fileSystem.exists(path(digest))
    }

    /// Opens a blob for reading.
    ///
    /// - Throws: ``CoordinatorError`` `notFound`.
    public func open(_ digest: String) throws -> any OpenFile {
        do {
            return try fileSystem.open(path(digest), .read)
        } catch let error as DurabilityError where error.code == .notFound {
            throw CoordinatorError(.notFound, "the weights \(digest.prefix(12)) are not kept", cause: error)
        }
    }

    /// The whole content of a blob of at most `limit` bytes.
    ///
    /// - Throws: ``CoordinatorError`` `notFound`; `DurabilityError` for a larger one.
    func read(_ digest: String, limit: Int) throws -> [UInt8] {
        let file = try open(digest)
        defer { file.close() }
        let size = try file.size()
        guard size <= Int64(limit) else {
            throw DurabilityError(.invalidArgument, "\(file.path) has \(size) bytes, more than the limit of \(limit)")
        }
        return try file.read(at: 0, count: Int(size))
    }

    /// Keeps a blob from being removed until ``release(_:)``, for the time between its file and its row.
    public func hold(_ digest: String) {
        holds.withLock { $0[digest, default: 0] += 1 }
    }

    /// Gives a hold back.
    public func release(_ digest: String) {
        holds.withLock { holds in
            guard let count = holds[digest] else { return }
            holds[digest] = count > 1 ? count - 1 : nil
        }
    }

    /// Starts a new blob. `name` tells parts of different writers apart.
    public func writer(name: String) throws -> BlobWriter {
        try BlobWriter(store: self, partPath: "\(folder)/\(name).part")
    }

    /// Removes blobs. Held ones stay, and those that `isReferenced` says a row refers to (again).
    public func remove(_ digests: [String], unless isReferenced: (String) throws -> Bool) throws {
        for digest in digests {
            try holds.withLock { holds in
                guard holds[digest] == nil, try !isReferenced(digest) else { return }
                do {
                    try fileSystem.remove(path(digest))
                } catch let error as DurabilityError where error.code == .notFound {}
            }
        }
    }

    /// At start-up: removes every file that no row refers to, and every part.
    ///
    /// - Returns: the blobs that rows refer to and that are not there.
    public func sweep(referenced: Set<String>) throws -> Set<String> {
        var missing = referenced
        for name in try fileSystem.list(folder) {
            let path = "\(folder)/\(name)"
            if name.hasSuffix(".part") {
                try fileSystem.remove(path)
                continue
            }
            guard name.utf8.count == 2 else { continue }
            for file in try fileSystem.list(path) {
                if referenced.contains(file) {
                    missing.remove(file)
                } else {
                    try fileSystem.remove("\(path)/\(file)")
                }
            }
        }
        return missing
    }
}
