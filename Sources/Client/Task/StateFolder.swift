import Durability
import Foundation

/// The daemon's private folder.
///
/// `lock`, `outbox/` (results not yet acknowledged), `cache/` (global weights), `trainers/` (who runs), and for each job
/// `jobs/<job>/` with `in/`, `out/`, the log, and `state/`, the trainer's own memory of the job.
struct StateFolder: Sendable {
    /// How many jobs' folders are kept; the ones used longest ago go first.
    static let jobsKept = 8

    let path: String

    var lock: String { "\(path)/lock" }
    var outbox: String { "\(path)/outbox" }
    var cache: String { "\(path)/cache" }
    var trainers: String { "\(path)/trainers" }
    var jobs: String { "\(path)/jobs" }

    /// Makes the folders, readable by their owner only.
    init(_ path: String) throws {
        // The trainer gets absolute paths: its working folder is another.
        self.path = URL(fileURLWithPath: path).standardizedFileURL.path
        let fileSystem = PosixFileSystem()
        for folder in [self.path, trainers, jobs] { try fileSystem.makeDirectory(folder) }
    }

    /// The trainer's working folder of a job, made when needed. `job` is a plain name (`TaskIdentity` checks it).
    func work(_ job: String) throws -> String {
        let folder = "\(jobs)/\(job)"
        // Durable: what the trainer keeps in `state` must not be lost with the folder's name.
        for name in ["in", "out", "state"] { try PosixFileSystem().makeDirectory("\(folder)/\(name)") }
        // Its date says when the job was last worked on.
        try FileManager.default.setAttributes(
            [.posixPermissions: 0o700, .modificationDate: Date()], ofItemAtPath: folder)
        return folder
    }

    /// Removes what an interrupted task left in a working folder.
    func clear(_ work: String) {
        let manager = FileManager.default
        for name in ["in", "out"] {
            for file in (try? manager.contentsOfDirectory(atPath: "\(work)/\(name)")) ?? [] {
                try? manager.removeItem(atPath: "\(work)/\(name)/\(file)")
            }
        }
    }

    /// Removes the folders of jobs that were not worked on for the longest time, all but ``jobsKept``.
    ///
    /// - Parameter inUse: jobs whose folders stay in any case.
    /// - Returns: the jobs whose folders are gone.
    @discardableResult
    func removeOldJobs(keeping inUse: Set<String>) -> [String] {
        let manager = FileManager.default
        let dated = ((try? manager.contentsOfDirectory(atPath: jobs)) ?? []).map { name in
            let attributes = try? manager.attributesOfItem(atPath: "\(jobs)/\(name)")
            return (name, attributes?[.modificationDate] as? Date ?? .distantPast)
        }
        let old = dated.sorted { $0.1 > $1.1 }.dropFirst(Self.jobsKept).map(\.0).filter { !inUse.contains($0) }
        for name in old { try? manager.removeItem(atPath: "\(jobs)/\(name)") }
        return old
    }
}
