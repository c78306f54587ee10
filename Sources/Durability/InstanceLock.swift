import Synchronization

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// Keeps two daemons from sharing one state folder.
///
/// An exclusive `flock` on a file that also holds the owner's process id. The kernel releases it when the process ends
/// in whatever way; the file stays, which is harmless. No child process inherits the lock.
public final class InstanceLock: Sendable {
    /// The lock file.
    public let path: String
    private let descriptor: Mutex<CInt?>

    /// Takes the lock or throws.
    ///
    /// - Parameters:
    ///   - path: the lock file, made with mode 0600 when it does not exist; on a local disk.
    ///   - patience: for so long one who holds it for a moment is waited for, such as a check whether anybody does. Blocks.
    /// - Throws: ``DurabilityError``; `locked` names the process that holds it.
    public init(path: String, patience: Duration = .milliseconds(200)) throws {
        self.path = path
        let descriptor = try retrying("open the lock", path) {
            open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0o600)
        }
        do {
            try Self.lock(descriptor, path, until: .now + patience)
            let line = Array("\(getpid())\n".utf8)
            try retrying("empty the lock", path) { ftruncate(descriptor, 0) }
            try retrying("write the lock", path) { CInt(clamping: pwrite(descriptor, line, line.count, 0)) }
        } catch {
            closeDescriptor(descriptor)
            throw error
        }
        self.descriptor = Mutex(descriptor)
    }

    deinit {
        release()
    }

    /// Gives the lock back. Doing it twice does nothing.
    public func release() {
        descriptor.withLock { descriptor in
            if let open = descriptor {
                // Closing alone would leave the lock with a child that is between fork and exec.
                flock(open, LOCK_UN)
                closeDescriptor(open)
            }
            descriptor = nil
        }
    }

    private static func lock(_ descriptor: CInt, _ path: String, until end: ContinuousClock.Instant) throws {
        while flock(descriptor, LOCK_EX | LOCK_NB) != 0 {
            if errno == EINTR { continue }
            guard errno == EWOULDBLOCK else {
                throw DurabilityError.system("lock", path, number: errno)
            }
            if ContinuousClock.now < end {
                usleep(5000)
                continue
            }
            var text = [UInt8](repeating: 0, count: 32)
            let count = pread(descriptor, &text, text.count, 0)
            let owner = String(decoding: text[..<max(count, 0)].prefix { $0 != 0x0A }, as: UTF8.self)
            let who = Int(owner).map { "process \($0)" } ?? "another process"
            throw DurabilityError(.locked, "\(path) is held by \(who): it already runs on this state folder")
        }
    }
}
