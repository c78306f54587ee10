#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// How many files and connections this process may have open at once.
public enum OpenFileLimit {
    /// Files that a coordinator needs besides one for each session: its store, blobs, transfers and listening sockets.
    public static let reserve = 256

    /// Raises the soft limit to the hard one, which only the system's administrator can raise (`ulimit -Hn`,
    /// `LimitNOFILE=` of systemd). Returns the limit that holds now.
    ///
    /// Call before anything is opened by a library that uses `select`, which ends at 1,024 files.
    @discardableResult
    public static func raise() -> Int {
        var limit = rlimit()
        guard getrlimit(fileResource, &limit) == 0 else { return 1024 }
        if limit.rlim_cur < limit.rlim_max {
            var raised = limit
            raised.rlim_cur = limit.rlim_max
            if setrlimit(fileResource, &raised) == 0 { limit = raised }
        }
        return Int(clamping: limit.rlim_cur)
    }

    #if canImport(Glibc)
    private static var fileResource: __rlimit_resource_t { __rlimit_resource_t(RLIMIT_NOFILE.rawValue) }
    #else
    private static var fileResource: CInt { RLIMIT_NOFILE }
    #endif
}
