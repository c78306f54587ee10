public import Durability
import Synchronization

/// An in-memory file system that keeps two states: what is visible, and what a power failure leaves.
///
/// - The content of a file is durable as it was at its last ``OpenFile/synchronise()``.
/// - A name (created, renamed, removed) is durable as it was at the last `synchroniseDirectory` of its folder.
/// - Folders are durable at once.
///
/// ``powerOff()`` makes every call throw `crashed`, so that clean-up code which a real crash would not run cannot repair
/// anything; ``crash(_:)`` goes back to the durable state and switches on again. Paths are plain strings with `/`.
public final class LossyFileSystem: FileSystem {
    /// What becomes of file content that was not synchronised.
    public enum Loss: Sendable, CaseIterable {
        /// The file has the content of its last synchronisation.
        case contentLost
        /// The file has its newest size, with zeros in the place of what was written since (delayed allocation).
        case contentZeroed
        /// The file has the first half of what was added since.
        case contentTruncated
        /// The newest content survived, as it may: only names are lost.
        case contentKept
        /// The newest names survived, as they may: only content is lost. Shows a rename before the synchronisation.
        case namesKept
    }

    final class Node: Sendable {
        struct Content {
            var visible: [UInt8] = []
            var durable: [UInt8] = []
        }

        let content = Mutex(Content())
    }

    private struct State {
        var folders: Set<String> = ["/", "."]
        var visible: [String: Node] = [:]
        var durable: [String: Node] = [:]
        var generation = 0
        var isOn = true
        var freeBytes: Int64 = 1 << 40
        var operations = 0
        var failAfter: Int?
    }

    private let state = Mutex(State())

    /// An empty file system with the given folders.
    public init(folders: [String] = []) {
        state.withLock { $0.folders.formUnion(folders.map(Self.normal)) }
    }

    // MARK: Failures

    /// From now on every call throws `crashed`, until ``crash(_:)``.
    public func powerOff() {
        state.withLock { $0.isOn = false }
    }

    /// Goes back to what is durable and switches on. Handles opened before throw `closed`.
    public func crash(_ loss: Loss = .contentLost) {
        state.withLock { state in
            if loss == .namesKept { state.durable = state.visible }
            for node in state.durable.values {
                node.content.withLock { content in
                    content.visible = Self.survivor(content.visible, content.durable, loss)
                    content.durable = content.visible
                }
            }
            state.visible = state.durable
            state.generation += 1
            state.isOn = true
            state.failAfter = nil
        }
    }

    /// Switches off after `count` more calls that change something, to try a crash at every instant. nil never.
    public func powerOff(afterChanges count: Int?) {
        state.withLock { $0.failAfter = count }
    }

    /// How many calls have changed something so far.
    public var changes: Int {
        state.withLock { $0.operations }
    }

    /// Sets what ``freeBytes(at:)`` answers.
    public func setFreeBytes(_ bytes: Int64) {
        state.withLock { $0.freeBytes = bytes }
    }

    private static func survivor(_ visible: [UInt8], _ durable: [UInt8], _ loss: Loss) -> [UInt8] {
        switch loss {
        case .contentLost, .namesKept: return durable
        case .contentKept: return visible
        case .contentZeroed:
            if visible == durable { return durable }
            let common = zip(visible, durable).prefix { $0 == $1 }.count
            return Array(visible[..<common]) + [UInt8](repeating: 0, count: visible.count - common)
        case .contentTruncated:
            if visible == durable { return durable }
            let common = zip(visible, durable).prefix { $0 == $1 }.count
            return Array(visible[..<(common + (visible.count - common) / 2)])
        }
    }

    // MARK: FileSystem

    public func open(_ path: String, _ mode: FileMode, permissions: UInt32) throws -> any OpenFile {
        let path = Self.normal(path)
        return try state.withLock { state in
            try Self.check(&state, changes: false)
            if let node = state.visible[path] {
                if mode == .createNew { throw DurabilityError(.alreadyExists, "\(path) exists") }
                if mode == .replace {
                    try Self.check(&state, changes: true)
                    node.content.withLock { $0.visible = [] }
                }
                return LossyFile(self, node, path, state.generation, isReadOnly: mode == .read)
            }
            guard mode != .read, mode != .update, state.folders.contains(Self.parent(path)) else {
                throw DurabilityError(.notFound, "there is no \(path)")
            }
            try Self.check(&state, changes: true)
            let node = Node()
            state.visible[path] = node
            return LossyFile(self, node, path, state.generation, isReadOnly: false)
        }
    }

    public func rename(_ path: String, to newPath: String) throws {
        let (path, newPath) = (Self.normal(path), Self.normal(newPath))
        try state.withLock { state in
            try Self.check(&state, changes: true)
            guard let node = state.visible[path], state.folders.contains(Self.parent(newPath)) else {
                throw DurabilityError(.notFound, "cannot rename \(path) to \(newPath)")
            }
            state.visible[path] = nil
            state.visible[newPath] = node
        }
    }

    public func synchroniseDirectory(_ path: String) throws {
        let path = Self.normal(path)
        try state.withLock { state in
            try Self.check(&state, changes: true)
            guard state.folders.contains(path) else { throw DurabilityError(.notFound, "there is no folder \(path)") }
            for name in Set(state.visible.keys).union(state.durable.keys) where Self.parent(name) == path {
                state.durable[name] = state.visible[name]
            }
        }
    }

    public func remove(_ path: String) throws {
        let path = Self.normal(path)
        try state.withLock { state in
            try Self.check(&state, changes: true)
            if state.visible.removeValue(forKey: path) != nil { return }
            guard state.folders.contains(path) else { throw DurabilityError(.notFound, "there is no \(path)") }
            let inside = state.visible.keys.contains { Self.parent($0) == path }
            guard !inside, !state.folders.contains(where: { $0 != path && Self.parent($0) == path }) else {
                throw DurabilityError(.alreadyExists, "\(path) is not empty")
            }
            state.folders.remove(path)
        }
    }

    public func list(_ path: String) throws -> [String] {
        let path = Self.normal(path)
        return try state.withLock { state in
            try Self.check(&state, changes: false)
            guard state.folders.contains(path) else { throw DurabilityError(.notFound, "there is no folder \(path)") }
            let all = state.folders.filter { $0 != "/" && $0 != "." && $0 != path } + Array(state.visible.keys)
            let names = all.filter { Self.parent($0) == path }.map { String($0.split(separator: "/").last ?? "") }
            return names.sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
        }
    }

    public func exists(_ path: String) throws -> Bool {
        let path = Self.normal(path)
        return try state.withLock { state in
            try Self.check(&state, changes: false)
            return state.visible[path] != nil || state.folders.contains(path)
        }
    }

    public func size(_ path: String) throws -> Int64 {
        let path = Self.normal(path)
        return try state.withLock { state in
            try Self.check(&state, changes: false)
            guard let node = state.visible[path] else { throw DurabilityError(.notFound, "there is no \(path)") }
            return node.content.withLock { Int64($0.visible.count) }
        }
    }

    public func makeDirectory(_ path: String, permissions: UInt32) throws {
        try state.withLock { state in
            try Self.check(&state, changes: true)
            var folder = Self.normal(path)
            guard state.visible[folder] == nil else { throw DurabilityError(.alreadyExists, "\(folder) is a file") }
            while state.folders.insert(folder).inserted { folder = Self.parent(folder) }
        }
    }

    public func freeBytes(at path: String) throws -> Int64 {
        try state.withLock { state in
            try Self.check(&state, changes: false)
            return state.freeBytes
        }
    }

    // MARK: Helpers

    /// Throws when switched off, or when a change is one too many.
    private static func check(_ state: inout State, changes: Bool) throws {
        if changes && state.isOn {
            if let left = state.failAfter {
                if left == 0 { state.isOn = false }
                state.failAfter = left - 1
            }
            if state.isOn { state.operations += 1 }
        }
        guard state.isOn else { throw DurabilityError(.crashed, "the machine is off") }
    }

    /// For the open files: throws when switched off or when the handle is from before a crash.
    func checkHandle(_ generation: Int, _ path: String, changes: Bool) throws {
        try state.withLock { state in
            try Self.check(&state, changes: changes)
            guard state.generation == generation else { throw DurabilityError(.closed, "\(path) is closed") }
        }
    }

    static func normal(_ path: String) -> String {
        let parts = path.split(separator: "/").joined(separator: "/")
        if path.hasPrefix("/") { return "/" + parts }
        return parts.isEmpty ? "." : parts
    }

    static func parent(_ path: String) -> String {
        guard let slash = path.lastIndex(of: "/") else { return "." }
        return slash == path.startIndex ? "/" : String(path[..<slash])
    }
}

/// An open file of a ``LossyFileSystem``.
final class LossyFile: OpenFile {
    let path: String
    private let fileSystem: LossyFileSystem
    private let node: LossyFileSystem.Node
    private let generation: Int
    private let isReadOnly: Bool
    private let isOpen = Mutex(true)

    init(
        _ fileSystem: LossyFileSystem,
        _ node: LossyFileSystem.Node,
        _ path: String,
        _ generation: Int,
        isReadOnly: Bool
    ) {
        self.fileSystem = fileSystem
        self.node = node
        self.path = path
        self.generation = generation
        self.isReadOnly = isReadOnly
    }

    private func check(changes: Bool) throws {
        guard isOpen.withLock({ $0 }) else { throw DurabilityError(.closed, "\(path) is closed") }
        guard !(changes && isReadOnly) else { throw DurabilityError(.closed, "\(path) is open for reading") }
        try fileSystem.checkHandle(generation, path, changes: changes)
    }

    func write(_ bytes: UnsafeRawBufferPointer, at offset: Int64) throws {
        try check(changes: true)
        let start = Int(offset)
        node.content.withLock { content in
            if content.visible.count < start + bytes.count {
                let missing = start + bytes.count - content.visible.count
                content.visible.append(contentsOf: repeatElement(0, count: missing))
            }
            content.visible.replaceSubrange(start..<(start + bytes.count), with: bytes)
        }
    }

    func read(into buffer: UnsafeMutableRawBufferPointer, at offset: Int64) throws -> Int {
        try check(changes: false)
        return node.content.withLock { content in
            let start = min(Int(offset), content.visible.count)
            let count = min(buffer.count, content.visible.count - start)
            content.visible[start..<(start + count)].withUnsafeBytes { buffer.copyBytes(from: $0) }
            return count
        }
    }

    func size() throws -> Int64 {
        try check(changes: false)
        return node.content.withLock { Int64($0.visible.count) }
    }

    func truncate(to size: Int64) throws {
        try check(changes: true)
        node.content.withLock { content in
            let size = Int(size)
            if size < content.visible.count {
                content.visible.removeLast(content.visible.count - size)
            } else {
                content.visible.append(contentsOf: repeatElement(0, count: size - content.visible.count))
            }
        }
    }

    func synchronise() throws {
        if isReadOnly { return }
        try check(changes: true)
        node.content.withLock { $0.durable = $0.visible }
    }

    func close() {
        isOpen.withLock { $0 = false }
    }
}
