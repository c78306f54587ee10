internal import Durability
internal import Synchronization

/// Which client has a part in which folder of the spool, so that an upload need not look through a folder that holds
/// thousands. A folder is listed once, at its first upload.
final class SpoolIndex: Sendable {
    /// How the names of parts end.
    static let suffix = ".part"
    /// A digest in hexadecimal.
    private static let digestBytes = 64

    private let fileSystem: any FileSystem
    private let folders = Mutex<[String: [String: Set<String>]]>([:])

    init(fileSystem: any FileSystem) {
        self.fileSystem = fileSystem
    }

    /// Notes the one part that a client has now and returns the names of its others, which are to be removed.
    func replace(in folder: String, client: String, by name: String) throws -> [String] {
        try folders.withLock { folders in
            if folders[folder] == nil { folders[folder] = try read(folder) }
            let known = folders[folder]?.updateValue([name], forKey: client) ?? []
            return known.subtracting([name]).sorted()
        }
    }

    /// The folder is removed.
    func forget(_ folder: String) {
        folders.withLock { _ = $0.removeValue(forKey: folder) }
    }

    private func read(_ folder: String) throws -> [String: Set<String>] {
        var parts: [String: Set<String>] = [:]
        for name in try fileSystem.list(folder) where name.hasSuffix(Self.suffix) {
            // CLIENT.DIGEST.part; a client's name may hold dots.
            let client = name.dropLast(Self.suffix.utf8.count + Self.digestBytes + 1)
            if !client.isEmpty { parts[String(client), default: []].insert(name) }
        }
        return parts
    }
}
