import Foundation

/// Who runs as a trainer, kept in the state folder so that a later start of the daemon can end what is left over.
///
/// The guard process normally does that at once; this is for the case in which the guard itself was ended.
struct TrainerRecord: Sendable {
    private struct Content: Codable {
        struct Member: Codable {
            var process: Int32
            var startTime: UInt64
        }
        var boot: String
        var group: Int32
        var members: [Member]
    }

    private let path: String
    private let content: Content

    init(folder: String, group: pid_t, members: [pid_t]) {
        path = "\(folder)/\(group).json"
        content = Content(
            boot: ProcessTable.bootIdentifier, group: group,
            members: members.compactMap { process in
                ProcessTable.entry(process).map { Content.Member(process: process, startTime: $0.startTime) }
            })
    }

    /// Not synchronised: a machine that loses it has lost the processes too.
    func write() {
        guard let bytes = try? JSONEncoder().encode(content) else { return }
        try? bytes.write(to: URL(fileURLWithPath: path), options: .atomic)
    }

    func remove() {
        unlink(path)
    }

    /// Ends every group recorded in a folder of which a recorded process still lives, and empties the folder.
    ///
    /// A process is recognised by its id and start time on the same boot of the machine, so a number that another
    /// process got since is never hit.
    ///
    /// - Returns: the groups that were ended.
    static func endLeftovers(in folder: String) -> [pid_t] {
        var ended: [pid_t] = []
        for name in (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? [] {
            let path = "\(folder)/\(name)"
            defer { unlink(path) }
            guard let bytes = FileManager.default.contents(atPath: path), bytes.count < 4096,
                let content = try? JSONDecoder().decode(Content.self, from: bytes),
                content.boot == ProcessTable.bootIdentifier, content.group > 1
            else { continue }
            let isOurs = content.members.contains { member in
                guard let entry = ProcessTable.entry(member.process) else { return false }
                return entry.startTime == member.startTime && entry.group == content.group
            }
            if isOurs && kill(-content.group, SIGKILL) == 0 { ended.append(content.group) }
        }
        return ended
    }
}
