internal import Dispatch
internal import Durability
internal import Synchronization

/// Makes the names in folders durable for many at once: whoever asks while a folder is being synchronised shares the
/// next time with all others that do.
final class GroupSynchroniser: Sendable {
    private typealias Waiter = CheckedContinuation<Void, any Error>

    private let fileSystem: any FileSystem
    /// Who waits, by folder; a folder with an entry is being worked on.
    private let waiting = Mutex<[String: [Waiter]]>([:])
    private let queue = DispatchQueue(label: "tributary.synchronise", qos: .userInitiated, attributes: .concurrent)

    init(fileSystem: any FileSystem) {
        self.fileSystem = fileSystem
    }

    /// Returns when every name that was in the folder before the call is durable.
    func synchronise(_ folder: String) async throws {
        try await withCheckedThrowingContinuation { (waiter: Waiter) in
            let isFirst = waiting.withLock { waiting in
                let isFirst = waiting[folder] == nil
                waiting[folder, default: []].append(waiter)
                return isFirst
            }
            if isFirst { queue.async { self.work(folder) } }
        }
    }

    private func work(_ folder: String) {
        while true {
            let group: [Waiter] = waiting.withLock { waiting in
                guard let group = waiting[folder], !group.isEmpty else {
                    waiting[folder] = nil
                    return []
                }
                waiting[folder] = []
                return group
            }
            guard !group.isEmpty else { return }
            let result = Result { try fileSystem.synchroniseDirectory(folder) }
            for waiter in group { waiter.resume(with: result) }
        }
    }
}
