public import Durability
public import Federation
internal import Foundation

/// Updates of running rounds: `spool/<job>/<round>/<client>.<digest>.part` while bytes arrive,
/// `spool/<job>/<round>/<client>.safetensors` once complete. The folder of a second attempt is `<round>.1`. In an
/// asynchronous job the folder is named by the version that a task starts from and the draw that chose its client.
/// Small updates of a round lie together in `spool/<job>/<round>/small.pack`, see ``JobPlan/packsUpdates``.
///
/// The digest in a part's name tells of which file its bytes are, so that a resumed upload continues the same file also
/// after a restart.
public struct Spool: Sendable {
    /// The folder.
    public let folder: String
    let fileSystem: any FileSystem
    private let parts: SpoolIndex
    private let folders: GroupSynchroniser
    private let packs: SpoolPacks

    private static let suffix = ".safetensors"

    /// Opens or creates the folder.
    public init(folder: String, fileSystem: any FileSystem = PosixFileSystem()) throws {
        self.folder = folder
        self.fileSystem = fileSystem
        parts = SpoolIndex(fileSystem: fileSystem)
        folders = GroupSynchroniser(fileSystem: fileSystem)
        packs = SpoolPacks(fileSystem: fileSystem)
        try fileSystem.makeDirectory(folder)
    }

    /// The folder of a round's attempt.
    public func folder(job: String, round: Int, attempt: Int) -> String {
        "\(folder)/\(job)/\(Self.name(round: round, attempt: attempt))"
    }

    /// The file of a committed update.
    public func path(job: String, round: Int, attempt: Int, client: String) -> String {
        "\(folder(job: job, round: round, attempt: attempt))/\(client)\(Self.suffix)"
    }

    /// How many bytes of an update with that digest are here.
    public func resumePoint(job: String, task: RoundTask, client: String, digest: String) throws -> Int64 {
        let folder = folder(job: job, round: task.round, attempt: task.attempt)
        do {
            return try fileSystem.size("\(folder)/\(Self.partName(client: client, digest: digest))")
        } catch let error as DurabilityError where error.code == .notFound {
            return 0
        }
    }

    /// Continues or starts a part; parts of other files of the same client are removed.
    func part(job: String, task: RoundTask, client: String, digest: String) throws -> SpoolPart {
        let folder = folder(job: job, round: task.round, attempt: task.attempt)
        let name = Self.partName(client: client, digest: digest)
        try fileSystem.makeDirectory(folder)
        for other in try parts.replace(in: folder, client: client, by: name) {
            do {
                try fileSystem.remove("\(folder)/\(other)")
            } catch let error as DurabilityError where error.code == .notFound {}
        }
        return try SpoolPart(
            folder: folder, partPath: "\(folder)/\(name)",
            path: path(job: job, round: task.round, attempt: task.attempt, client: client), fileSystem: fileSystem,
            folders: folders)
    }

    /// Puts a small update into the pack of its round; it is durable when this returns.
    ///
    /// - Parameter onWrite: called when its bytes are written and not yet synchronised.
    /// - Returns: where in the pack it begins.
    func keep(
        _ bytes: Data, job: String, task: RoundTask, onWrite: @escaping @Sendable () throws -> Void
    ) async throws -> Int64 {
        try await packs.append(
            bytes, to: folder(job: job, round: task.round, attempt: task.attempt), onWrite: onWrite)
    }

    /// The pack of a round's attempt, open for reading.
    func pack(job: String, round: Int, attempt: Int) throws -> PackedFile.Pack {
        PackedFile.Pack(
            try fileSystem.open(
                "\(folder(job: job, round: round, attempt: attempt))/\(SpoolPacks.name)", .read))
    }

    /// Removes everything of a round's attempt.
    public func remove(job: String, round: Int, attempt: Int) throws {
        try removeFolder(folder(job: job, round: round, attempt: attempt))
    }

    /// Removes a committed update's file that turned out not to be wanted.
    public func remove(job: String, task: RoundTask, client: String) throws {
        do {
            try fileSystem.remove(path(job: job, round: task.round, attempt: task.attempt, client: client))
        } catch let error as DurabilityError where error.code == .notFound {}
    }

    /// Removes everything of a job.
    public func remove(job: String) throws {
        let path = "\(folder)/\(job)"
        guard try fileSystem.exists(path) else { return }
        for round in try fileSystem.list(path) { try removeFolder("\(path)/\(round)") }
        try fileSystem.remove(path)
    }

    /// At start-up: removes every update without a row, and every part of a round that is not open.
    ///
    /// - Parameter drawn: the draws of asynchronous jobs whose tasks are not over, by job: their parts stay too.
    /// - Returns: the updates that rows refer to and that are not there.
    public func sweep(
        referenced: Set<Store.SpooledUpdate>, open: [String: (round: Int, attempt: Int)],
        drawn: [String: [RoundTask]] = [:]
    ) throws -> Set<Store.SpooledUpdate> {
        var missing = referenced
        for job in try fileSystem.list(folder) {
            var isEmpty = true
            let packed = Dictionary(
                grouping: referenced.filter { $0.job == job && $0.packEnd != nil },
                by: { Self.name(round: $0.round, attempt: $0.attempt) })
            let wanted = Dictionary(
                referenced.filter { $0.job == job && $0.packEnd == nil }.map {
                    ("\(Self.name(round: $0.round, attempt: $0.attempt))/\($0.client)\(Self.suffix)", $0)
                }, uniquingKeysWith: { first, _ in first })
            var openNames = Set((drawn[job] ?? []).map { Self.name(round: $0.round, attempt: $0.attempt) })
            if let round = open[job] { openNames.insert(Self.name(round: round.round, attempt: round.attempt)) }
            for round in try fileSystem.list("\(folder)/\(job)") {
                var left = 0
                for file in try fileSystem.list("\(folder)/\(job)/\(round)") {
                    if let update = wanted["\(round)/\(file)"] {
                        missing.remove(update)
                        left += 1
                    } else if file == SpoolPacks.name, let updates = packed[round] {
                        let size = try fileSystem.size("\(folder)/\(job)/\(round)/\(file)")
                        missing.subtract(updates.filter { $0.packEnd.map { $0 <= size } ?? false })
                        left += 1
                    } else if file.hasSuffix(".part") && openNames.contains(round) {
                        left += 1
                    } else {
                        try fileSystem.remove("\(folder)/\(job)/\(round)/\(file)")
                    }
                }
                if left == 0 { try fileSystem.remove("\(folder)/\(job)/\(round)") } else { isEmpty = false }
            }
            if isEmpty { try fileSystem.remove("\(folder)/\(job)") }
        }
        return missing
    }

    private func removeFolder(_ path: String) throws {
        parts.forget(path)
        packs.forget(path)
        do {
            for file in try fileSystem.list(path) { try fileSystem.remove("\(path)/\(file)") }
            try fileSystem.remove(path)
        } catch let error as DurabilityError where error.code == .notFound {}
    }

    private static func name(round: Int, attempt: Int) -> String {
        attempt == 0 ? "\(round)" : "\(round).\(attempt)"
    }

    private static func partName(client: String, digest: String) -> String {
        "\(client).\(digest)\(SpoolIndex.suffix)"
    }
}
