import Foundation
import Synchronization

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// Starting child processes the way a daemon with keys and sockets has to: own process group, no inherited
/// descriptor, default signals.
package enum ChildProcess {
    /// Where a child's standard streams lead. A nil stream leads to `/dev/null`.
    package struct Streams {
        var input: CInt?
        var output: CInt?
        var error: CInt?

        package init(input: CInt? = nil, output: CInt? = nil, error: CInt? = nil) {
            self.input = input
            self.output = output
            self.error = error
        }
    }

    /// A child's group: one of its own, or that of a living leader.
    package enum Group {
        case new
        case joining(Int32)
    }

    /// One start at a time: a descriptor made by `pipe` is inheritable for a moment.
    private static let starting = Mutex(())

    /// Writing to a child that is gone must be an error and not the end of the daemon.
    private static let brokenPipesIgnored: Void = {
        signal(SIGPIPE, SIG_IGN)
    }()

    /// Starts a program.
    ///
    /// - Parameters:
    ///   - arguments: the program, looked up in PATH, and its arguments.
    ///   - environment: the whole environment.
    ///   - streams: descriptors of this process for the child's standard streams.
    ///   - group: the child's process group.
    /// - Returns: the child's process id; it has to be waited for.
    package static func start(
        _ arguments: [String], environment: [String: String], streams: Streams, group: Group
    ) throws -> Int32 {
        _ = brokenPipesIgnored
        return try starting.withLock { _ in
            closeDescriptorsOnExec()
            var actions = posix_spawn_file_actions_t()
            posix_spawn_file_actions_init(&actions)
            defer { posix_spawn_file_actions_destroy(&actions) }
            for (stream, target, mode) in [
                (streams.input, STDIN_FILENO, O_RDONLY), (streams.output, STDOUT_FILENO, O_WRONLY),
                (streams.error, STDERR_FILENO, O_WRONLY),
            ] {
                if let stream {
                    posix_spawn_file_actions_adddup2(&actions, stream, target)
                } else {
                    posix_spawn_file_actions_addopen(&actions, target, "/dev/null", mode, 0)
                }
            }
            var attributes = posix_spawnattr_t()
            posix_spawnattr_init(&attributes)
            defer { posix_spawnattr_destroy(&attributes) }
            var signals = sigset_t()
            sigemptyset(&signals)
            posix_spawnattr_setsigmask(&attributes, &signals)
            for number in [SIGHUP, SIGINT, SIGQUIT, SIGPIPE, SIGTERM, SIGCHLD, SIGUSR1, SIGUSR2] {
                sigaddset(&signals, number)
            }
            posix_spawnattr_setsigdefault(&attributes, &signals)
            if case .joining(let leader) = group {
                posix_spawnattr_setpgroup(&attributes, leader)
            } else {
                posix_spawnattr_setpgroup(&attributes, 0)
            }
            let flags = CInt(POSIX_SPAWN_SETPGROUP) | CInt(POSIX_SPAWN_SETSIGDEF) | CInt(POSIX_SPAWN_SETSIGMASK)
            posix_spawnattr_setflags(&attributes, Int16(flags))

            var process: pid_t = 0
            let result = withStrings(arguments) { arguments in
                withStrings(environment.map { "\($0.key)=\($0.value)" }) { environment in
                    arguments[0].map { posix_spawnp(&process, $0, &actions, &attributes, arguments, environment) }
                        ?? EINVAL
                }
            }
            guard result == 0 else {
                throw ClientError(
                    .trainer, "cannot start \(arguments.first ?? "nothing"): \(String(cString: strerror(result)))")
            }
            return process
        }
    }

    /// A pipe whose ends no child inherits unless it is given one as a standard stream.
    static func makePipe() throws -> (read: CInt, write: CInt) {
        let moved = try starting.withLock { _ in
            var ends: [CInt] = [-1, -1]
            guard pipe(&ends) == 0 else {
                throw ClientError(.trainer, "cannot make a pipe: \(String(cString: strerror(errno)))")
            }
            // Above the standard streams even when the daemon was started with one of them closed.
            let moved = ends.map { fcntl($0, F_DUPFD_CLOEXEC, 3) }
            for end in ends { close(end) }
            return moved
        }
        guard moved.allSatisfy({ $0 >= 0 }) else {
            let reason = String(cString: strerror(errno))
            for end in moved where end >= 0 { close(end) }
            throw ClientError(.trainer, "cannot make a pipe: \(reason)")
        }
        return (moved[0], moved[1])
    }

    /// Waits until the child ended and forgets it.
    package static func wait(for process: Int32) -> Ending {
        var status: CInt = 0
        while waitpid(process, &status, 0) < 0 {
            if errno != EINTR { return .unknown }
        }
        let number = status & 0x7F
        return number == 0 ? .exited((status >> 8) & 0xFF) : .signalled(number)
    }

    /// How a child ended.
    package enum Ending: Sendable, CustomStringConvertible {
        case exited(CInt)
        case signalled(CInt)
        case unknown

        package var description: String {
            switch self {
            case .exited(let status): "ended with status \(status)"
            case .signalled(let number): "was ended by signal \(number)"
            case .unknown: "ended"
            }
        }
    }

    /// Libraries open sockets without the flag; the daemon itself never runs `exec`, so this harms nobody.
    private static func closeDescriptorsOnExec() {
        guard let folder = opendir("/proc/self/fd") else { return }
        defer { closedir(folder) }
        while let entry = readdir(folder) {
            let name = withUnsafeBytes(of: &entry.pointee.d_name) { bytes in
                String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
            }
            guard let descriptor = CInt(name), descriptor > STDERR_FILENO else { continue }
            let flags = fcntl(descriptor, F_GETFD)
            if flags >= 0 && flags & FD_CLOEXEC == 0 { _ = fcntl(descriptor, F_SETFD, flags | FD_CLOEXEC) }
        }
    }

    /// Calls `body` with a null-terminated array of C strings.
    private static func withStrings(
        _ strings: [String], _ body: (UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>) -> CInt
    ) -> CInt {
        var pointers: [UnsafeMutablePointer<CChar>?] = strings.map { strdup($0) } + [nil]
        defer { for pointer in pointers { free(pointer) } }
        return pointers.withUnsafeMutableBufferPointer { buffer in buffer.baseAddress.map(body) ?? EINVAL }
    }
}
