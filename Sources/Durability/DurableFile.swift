/// Whole files written in the order that survives a crash: part, fsync, rename, fsync of the folder.
public enum DurableFile {
    /// Replaces or creates a file; after the return it is durable, after a crash it is the old one or the new one.
    ///
    /// - Parameters:
    ///   - bytes: the whole content.
    ///   - path: the file; its folder must exist.
    ///   - permissions: the exact mode, 0600 unless told otherwise.
    ///   - fileSystem: where to write.
    public static func write(
        _ bytes: [UInt8],
        to path: String,
        permissions: UInt32 = 0o600,
        fileSystem: any FileSystem = PosixFileSystem()
    ) throws {
        try write(to: path, permissions: permissions, fileSystem: fileSystem) { try $0.append(bytes) }
    }

    /// Replaces or creates a text file, in UTF-8; see ``write(_:to:permissions:fileSystem:)-([UInt8],_,_,_)``.
    public static func write(
        _ text: String,
        to path: String,
        permissions: UInt32 = 0o600,
        fileSystem: any FileSystem = PosixFileSystem()
    ) throws {
        try write(Array(text.utf8), to: path, permissions: permissions, fileSystem: fileSystem)
    }

    /// Replaces or creates a file with what `body` appends. When `body` throws, the part is removed and any old file
    /// stays as it was.
    public static func write(
        to path: String,
        permissions: UInt32 = 0o600,
        fileSystem: any FileSystem = PosixFileSystem(),
        _ body: (DurableWriter) throws -> Void
    ) throws {
        let writer = try DurableWriter(to: path, permissions: permissions, fileSystem: fileSystem)
        do {
            try body(writer)
            try writer.commit()
        } catch {
            // The first error is the one to report.
            try? writer.discard()
            throw error
        }
    }

    /// Removes a file durably. Returns false when there was none.
    @discardableResult
    public static func remove(_ path: String, fileSystem: any FileSystem = PosixFileSystem()) throws -> Bool {
        do {
            try fileSystem.remove(path)
        } catch let error as DurabilityError where error.code == .notFound {
            return false
        }
        try fileSystem.synchroniseDirectory(Path.parent(of: path))
        return true
    }
}
