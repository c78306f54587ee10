/// How a file is opened.
public enum FileMode: Sendable, Hashable {
    /// Reading only; the file must exist.
    case read
    /// Reading and writing; the file must exist.
    case update
    /// Reading and writing; the file is created, or emptied when it exists.
    case replace
    /// Reading and writing; creating a file that exists is an error (`alreadyExists`).
    case createNew
    /// Reading and writing; the file is created when it does not exist and kept when it does.
    case createOrOpen
}

/// The file operations on which durability rests, so that tests can replace the disk by one that loses what was not
/// synchronised.
///
/// All calls block and throw ``DurabilityError``. What counts as durable:
/// - the content of a file after ``OpenFile/synchronise()`` on it;
/// - a name (created, renamed or removed) after ``synchroniseDirectory(_:)`` on its folder;
/// - a folder after ``makeDirectory(_:permissions:)`` returned.
public protocol FileSystem: Sendable {
    /// Opens a file. `permissions` is the exact mode of a file that this call creates or empties.
    func open(_ path: String, _ mode: FileMode, permissions: UInt32) throws -> any OpenFile

    /// Renames a file, replacing any file of the new name in one step.
    func rename(_ path: String, to newPath: String) throws

    /// Makes the names in a folder durable.
    func synchroniseDirectory(_ path: String) throws

    /// Removes a file or an empty folder.
    func remove(_ path: String) throws

    /// The names in a folder, sorted by their UTF-8 bytes, without `.` and `..`.
    func list(_ path: String) throws -> [String]

    /// Whether there is a file or folder of that name.
    func exists(_ path: String) throws -> Bool

    /// The size of a file in bytes.
    func size(_ path: String) throws -> Int64

    /// Makes a folder and the missing folders above it, durably. Nothing happens when it exists.
    func makeDirectory(_ path: String, permissions: UInt32) throws

    /// The bytes that this process may still write on the disk that holds `path`.
    func freeBytes(at path: String) throws -> Int64
}

extension FileSystem {
    /// Opens a file that a creating call gives the mode 0600.
    public func open(_ path: String, _ mode: FileMode) throws -> any OpenFile {
        try open(path, mode, permissions: 0o600)
    }

    /// Makes a folder with mode 0700 and the missing folders above it, durably.
    public func makeDirectory(_ path: String) throws {
        try makeDirectory(path, permissions: 0o700)
    }

    /// The whole content of a file.
    ///
    /// - Parameters:
    ///   - path: the file.
    ///   - limit: the largest size accepted, in bytes; a larger file throws before memory is taken.
    public func read(_ path: String, limit: Int = 64 << 20) throws -> [UInt8] {
        let file = try open(path, .read)
        defer { file.close() }
        let size = try file.size()
        guard size <= Int64(limit) else {
            throw DurabilityError(.invalidArgument, "\(path) has \(size) bytes, more than the limit of \(limit)")
        }
        return try file.read(at: 0, count: Int(size))
    }
}

/// An open file. ``close()`` ends it; every later call throws `closed`.
///
/// Calls may come from several threads; each is atomic with respect to ``close()``.
public protocol OpenFile: AnyObject, Sendable {
    /// The path under which it was opened, for messages.
    var path: String { get }

    /// Writes all bytes at `offset`, extending the file when needed.
    func write(_ bytes: UnsafeRawBufferPointer, at offset: Int64) throws

    /// Reads up to `buffer.count` bytes from `offset`; fewer only at the end of the file. Returns how many.
    func read(into buffer: UnsafeMutableRawBufferPointer, at offset: Int64) throws -> Int

    /// Has the system read ahead. Never fails and may do nothing.
    func prefetch(at offset: Int64, count: Int)

    /// The size in bytes.
    func size() throws -> Int64

    /// Shortens or extends (with zeros) to `size` bytes.
    func truncate(to size: Int64) throws

    /// Makes the content durable.
    func synchronise() throws

    /// Lets the disk begin with bytes that will be synchronised; a hint that makes nothing durable.
    func beginSynchronising(_ range: Range<Int64>)

    /// Ends the use of the file. Closing twice does nothing. Says nothing about durability.
    func close()
}

extension OpenFile {
    /// Does nothing.
    public func prefetch(at offset: Int64, count: Int) {}
    /// Nothing: files that take no such hint.
    public func beginSynchronising(_ range: Range<Int64>) {}

    /// Writes all bytes at the current end. For one writer at a time.
    public func append(_ bytes: UnsafeRawBufferPointer) throws {
        try write(bytes, at: try size())
    }

    /// Writes all bytes at the current end. For one writer at a time.
    public func append(_ bytes: [UInt8]) throws {
        try bytes.withUnsafeBytes { try append($0) }
    }

    /// Writes all bytes at `offset`.
    public func write(_ bytes: [UInt8], at offset: Int64) throws {
        try bytes.withUnsafeBytes { try write($0, at: offset) }
    }

    /// Exactly `count` bytes from `offset`; `endOfFile` when there are fewer.
    public func read(at offset: Int64, count: Int) throws -> [UInt8] {
        try [UInt8](unsafeUninitializedCapacity: count) { buffer, initialized in
            let got = try read(
                into: UnsafeMutableRawBufferPointer(rebasing: UnsafeMutableRawBufferPointer(buffer)[..<count]),
                at: offset)
            guard got == count else {
                throw DurabilityError(.endOfFile, "\(path) ended after \(got) of \(count) bytes at offset \(offset)")
            }
            initialized = count
        }
    }
}
