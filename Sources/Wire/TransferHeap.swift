internal import CMalloc

/// Keeps a daemon small while models pass through it.
///
/// A transfer allocates and frees several buffers of about 1 MiB for every chunk, on whichever thread runs. By default
/// glibc takes such sizes from a heap for each thread, where freed pieces stay: a process through which 95 MiB models pass
/// grows by three times their size and keeps it (measured: 339 MB). Giving every buffer back to the system at once keeps
/// it smallest, but then each chunk pays for fresh pages again: 0.4 to 0.7 s of a 95 MiB round. So the buffers stay in few
/// heaps, where the next chunk finds them, and ``trim()`` gives back what is free when a round is over.
public enum TransferHeap {
    /// Models from this size on are worth a ``trim()``, in bytes.
    public static let largeModel: Int64 = 1 << 20

    /// Limits the heaps to two and lets them keep freed buffers. Call first in a process, before threads start.
    /// Elsewhere than on glibc nothing happens.
    public static func configure() {
        #if canImport(Glibc)
        mallopt(M_MMAP_THRESHOLD, 32 << 20)
        mallopt(M_TRIM_THRESHOLD, 24 << 20)
        mallopt(M_ARENA_MAX, 2)
        #endif
    }

    /// Gives the free memory of all heaps back to the system; takes some milliseconds.
    public static func trim() {
        #if canImport(Glibc)
        malloc_trim(0)
        #endif
    }
}
