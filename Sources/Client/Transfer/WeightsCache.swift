import Crypto
public import Durability
public import Foundation
import Synchronization

/// Global weights that were fetched, by digest; a bounded number of them.
///
/// Nothing here is synchronised: what a machine loses is fetched again. A crash of the process loses nothing, and what
/// an earlier boot of the machine left behind is dropped at opening because it may hold zeros. A partial file is
/// continued by offset, and its bytes are hashed again before.
public final class WeightsCache: Sendable {
    private let folder: String
    private let limit: Int
    private let fileSystem: any FileSystem
    /// Digests, the one used last at the end.
    private let recent: Mutex<[String]>

    /// Opens the cache.
    ///
    /// - Parameters:
    ///   - folder: made when it does not exist; nothing else may use it.
    ///   - limit: how many files are kept.
    ///   - boot: names this start of the machine.
    ///   - fileSystem: where it is.
    public init(
        folder: String, limit: Int = 4, boot: String? = nil, fileSystem: any FileSystem = PosixFileSystem()
    ) throws {
        self.folder = folder
        self.limit = max(1, limit)
        self.fileSystem = fileSystem
        try fileSystem.makeDirectory(folder)
        let boot = boot ?? ProcessTable.bootIdentifier
        let marker = "\(folder)/boot"
        let isSameBoot = (try? fileSystem.read(marker, limit: 4096)) == Array(boot.utf8)
        var digests: [String] = []
        for name in try fileSystem.list(folder) where name != "boot" {
            if isSameBoot && Self.isDigest(name) {
                digests.append(name)
            } else if !isSameBoot || !name.hasSuffix(DurableWriter.partSuffix) {
                try fileSystem.remove("\(folder)/\(name)")
            }
        }
        if !isSameBoot { try DurableFile.write(boot, to: marker, fileSystem: fileSystem) }
        recent = Mutex(digests)
    }

    /// The file with a digest, nil when it has to be fetched. Counts as a use.
    public func path(_ digest: String) -> String? {
        recent.withLock { recent in
            guard let index = recent.firstIndex(of: digest) else { return nil }
            recent.append(recent.remove(at: index))
            return "\(folder)/\(digest)"
        }
    }

    /// Takes weights that came whole into the cache and returns their path.
    ///
    /// - Throws: ``ClientError`` (`transfer`) when the digest is wrong: then nothing is written.
    public func keep(_ bytes: Data, as digest: String) throws -> String {
        let found = SHA256.hash(data: bytes).map { hexadecimal($0) }.joined()
        guard found == digest else {
            throw ClientError(.transfer, "the weights that came have the digest \(found), expected \(digest)")
        }
        let part = "\(folder)/\(digest)\(DurableWriter.partSuffix)"
        let file = try fileSystem.open(part, .replace)
        do {
            defer { file.close() }
            try bytes.withUnsafeBytes { try file.write($0, at: 0) }
        }
        return try admit(part, digest)
    }

    /// Begins or continues to receive a file.
    ///
    /// - Parameters:
    ///   - digest: SHA-256 in lowercase hexadecimal.
    ///   - bytes: its size; a longer partial file is thrown away.
    public func receive(_ digest: String, bytes: Int64) throws -> Reception {
        guard Self.isDigest(digest) else {
            throw ClientError(.transfer, "found the digest \"\(digest.prefix(80))\", expected 64 hexadecimal digits")
        }
        for name in try fileSystem.list(folder)
        where name.hasSuffix(DurableWriter.partSuffix) && name != digest + DurableWriter.partSuffix {
            // One task at a time: another partial file belongs to a task that nobody wants any more.
            try fileSystem.remove("\(folder)/\(name)")
        }
        let path = "\(folder)/\(digest)\(DurableWriter.partSuffix)"
        let file = try fileSystem.open(path, .createOrOpen)
        var hash = SHA256()
        var offset = try file.size()
        if offset > bytes {
            try file.truncate(to: 0)
            offset = 0
        }
        var position: Int64 = 0
        while position < offset {
            let block = try file.read(at: position, count: Int(min(1 << 20, offset - position)))
            hash.update(data: block)
            position += Int64(block.count)
        }
        return Reception(file: file, path: path, digest: digest, offset: offset, totalBytes: bytes, hash: hash)
    }

    /// A file that is being received, by one task at a time.
    public struct Reception: Sendable {
        let file: any OpenFile
        let path: String
        /// The digest it has to have.
        public let digest: String
        /// How many bytes are there.
        public internal(set) var offset: Int64
        /// How many it will have.
        public let totalBytes: Int64
        var hash: SHA256

        /// Appends the next bytes.
        ///
        /// - Throws: ``ClientError`` (`transfer`) for more bytes than announced, `DurabilityError` from the disk.
        public mutating func append(_ bytes: Data) throws {
            guard Int64(bytes.count) <= totalBytes - offset else {
                throw ClientError(.transfer, "more bytes came than the \(totalBytes) of \(digest)")
            }
            try bytes.withUnsafeBytes { try file.write($0, at: offset) }
            hash.update(data: bytes)
            offset += Int64(bytes.count)
        }
    }

    /// Takes a received file into the cache and returns its path.
    ///
    /// - Parameter inUse: digests that must stay besides this one.
    /// - Throws: ``ClientError`` (`transfer`) when bytes are missing or the digest is wrong; then the partial file is gone
    ///   in the second case and stays in the first.
    public func finish(_ reception: Reception, keeping inUse: Set<String> = []) throws -> String {
        reception.file.close()
        guard reception.offset == reception.totalBytes else {
            throw ClientError(
                .transfer, "\(reception.digest): \(reception.offset) of \(reception.totalBytes) bytes came")
        }
        let found = reception.hash.finalize().map { hexadecimal($0) }.joined()
        guard found == reception.digest else {
            try fileSystem.remove(reception.path)
            throw ClientError(.transfer, "the weights that came have the digest \(found), expected \(reception.digest)")
        }
        return try admit(reception.path, reception.digest, keeping: inUse)
    }

    /// Gives a file its name in the cache, and drops what was not used for longest.
    private func admit(_ part: String, _ digest: String, keeping inUse: Set<String> = []) throws -> String {
        let path = "\(folder)/\(digest)"
        try fileSystem.rename(part, to: path)
        let dropped = recent.withLock { recent in
            recent.removeAll { $0 == digest }
            recent.append(digest)
            let old = recent.dropLast(limit).filter { !inUse.contains($0) }
            recent.removeAll { old.contains($0) }
            return old
        }
        for digest in dropped { try fileSystem.remove("\(folder)/\(digest)") }
        return path
    }

    private static func isDigest(_ name: String) -> Bool {
        name.utf8.count == 64 && name.utf8.allSatisfy { (0x30...0x39).contains($0) || (0x61...0x66).contains($0) }
    }
}

/// Two lowercase digits.
private func hexadecimal(_ byte: UInt8) -> String {
    let text = String(byte, radix: 16)
    return text.count == 1 ? "0" + text : text
}
