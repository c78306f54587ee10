#if canImport(Glibc)
internal import Glibc
#elseif canImport(Musl)
internal import Musl
#else
internal import Darwin
#endif

/// The processor time of this process: of all its threads, user and system. For work on one core it is what a clock on the
/// wall would show if nothing else ran on the machine.
public enum ProcessorClock {
    /// Seconds since the process began.
    public static var seconds: Double {
        var time = timespec()
        clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time)
        return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
    }
}
