public import Durability
import Foundation
import Synchronization
public import Wire

/// Keeps every finished result on disk until the coordinator has acknowledged it, across restarts of either side.
///
/// An entry is a small JSON file, and for a training task the update file beside it. The update is made durable first,
/// the JSON file second: an entry exists when its JSON file does. It is removed in the opposite order. Opening removes
/// what a crash left in between. All calls block on the disk; they may come from several tasks.
public final class Outbox: Sendable {
    private let folder: String
    private let fileSystem: any FileSystem
    private let state: Mutex<[TaskIdentity: OutboxEntry]>

    /// Opens the outbox and removes what belongs to no entry.
    ///
    /// - Parameters:
    ///   - folder: made when it does not exist; nothing else may use it.
    ///   - fileSystem: where it is.
    public init(folder: String, fileSystem: any FileSystem = PosixFileSystem()) throws {
        self.folder = folder
        self.fileSystem = fileSystem
        try fileSystem.makeDirectory(folder)
        var entries: [TaskIdentity: OutboxEntry] = [:]
        let names = try fileSystem.list(folder)
        for name in names where name.hasSuffix(".json") {
            if let entry = Self.readEntry("\(folder)/\(name)", fileSystem), Self.name(entry.identity) + ".json" == name,
                try Self.isComplete(entry, folder, fileSystem)
            {
                entries[entry.identity] = entry
            }
        }
        let wanted = Set(
            entries.values.flatMap { entry in
                [Self.name(entry.identity) + ".json"]
                    + (entry.update == nil ? [] : [Self.name(entry.identity) + ".safetensors"])
            })
        for name in names where !wanted.contains(name) { try fileSystem.remove("\(folder)/\(name)") }
        state = Mutex(entries)
    }

    /// The entries, oldest first.
    public var entries: [OutboxEntry] {
        state.withLock { $0.values.sorted { $0.sequence < $1.sequence } }
    }

    /// Whether there is a result for a task.
    public func contains(_ identity: TaskIdentity) -> Bool {
        state.withLock { $0[identity] != nil }
    }

    /// Where the update of a task has to be written, with a `DurableWriter`, before ``add(_:)``.
    public func updatePath(_ identity: TaskIdentity) -> String {
        "\(folder)/\(Self.name(identity)).safetensors"
    }

    /// Adds a result. When it returns the entry is durable.
    public func add(_ entry: OutboxEntry) throws {
        var entry = entry
        entry.sequence = state.withLock { ($0.values.map(\.sequence).max() ?? 0) + 1 }
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys]
        try DurableFile.write(
            Array(try encoder.encode(entry)), to: "\(folder)/\(Self.name(entry.identity)).json", fileSystem: fileSystem)
        state.withLock { $0[entry.identity] = entry }
    }

    /// Forgets a result; nothing happens when there is none.
    public func remove(_ identity: TaskIdentity) throws {
        guard let entry = state.withLock({ $0[identity] }) else { return }
        // Without the JSON file the update is nobody's: opening removes it after a crash between the two.
        try DurableFile.remove("\(folder)/\(Self.name(identity)).json", fileSystem: fileSystem)
        state.withLock { _ = $0.removeValue(forKey: identity) }
        if entry.update != nil {
            do {
                try fileSystem.remove(updatePath(identity))
            } catch let error as DurabilityError where error.code == .notFound {
                // It is gone, which is what was asked for.
            }
        }
    }

    /// Opens the update of an entry for reading.
    public func openUpdate(_ entry: OutboxEntry) throws -> any OpenFile {
        try fileSystem.open(updatePath(entry.identity), .read)
    }

    /// Identifiers of jobs are letters, digits and `-` (`TaskIdentity` checks them), so this is a plain file name.
    private static func name(_ identity: TaskIdentity) -> String {
        "\(identity.job).\(identity.kind.rawValue).\(identity.round).\(identity.attempt)"
    }

    private static func readEntry(_ path: String, _ fileSystem: any FileSystem) -> OutboxEntry? {
        // The confusion matrix of 4096 classes is the largest thing in it.
        guard let bytes = try? fileSystem.read(path, limit: 256 << 20) else { return nil }
        return try? JSONDecoder().decode(OutboxEntry.self, from: Data(bytes))
    }

    private static func isComplete(
        _ entry: OutboxEntry, _ folder: String, _ fileSystem: any FileSystem
    ) throws -> Bool {
        guard let update = entry.update else { return true }
        let path = "\(folder)/\(name(entry.identity)).safetensors"
        return try fileSystem.exists(path) && fileSystem.size(path) == update.bytes
    }
}
