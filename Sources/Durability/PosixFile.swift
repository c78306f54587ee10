import Synchronization

#if os(Linux)
import CLinux
#endif

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// An open file of the disk. Calls may run at the same time; the descriptor is closed when the last one that is under way
/// has ended.
final class PosixFile: OpenFile {
    private struct State {
        var descriptor: CInt?
        var users = 0
        var isClosed = false

        /// The descriptor that is now to be closed, if any.
        mutating func release() -> CInt? {
            guard isClosed, users == 0 else { return nil }
            defer { descriptor = nil }
            return descriptor
        }
    }

    let path: String
    private let state: Mutex<State>

    init(descriptor: CInt, path: String) {
        self.path = path
        state = Mutex(State(descriptor: descriptor))
    }

    deinit {
        close()
    }

    private func withDescriptor<R>(_ body: (CInt) throws -> R) throws -> R {
        let descriptor = try state.withLock { state in
            guard let descriptor = state.descriptor, !state.isClosed else {
                throw DurabilityError(.closed, "\(path) is closed")
            }
            state.users += 1
            return descriptor
        }
        defer {
            let last = state.withLock { state in
                state.users -= 1
                return state.release()
            }
            if let last { closeDescriptor(last) }
        }
        return try body(descriptor)
    }

    func prefetch(at offset: Int64, count: Int) {
        #if os(Linux)
        _ = try? withDescriptor { posix_fadvise($0, off_t(offset), off_t(count), POSIX_FADV_WILLNEED) }
        #endif
    }

    func write(_ bytes: UnsafeRawBufferPointer, at offset: Int64) throws {
        try withDescriptor { descriptor in
            var done = 0
            while done < bytes.count {
                let rest = UnsafeRawBufferPointer(rebasing: bytes[done...])
                let written = pwrite(descriptor, rest.baseAddress, rest.count, off_t(offset) + off_t(done))
                if written < 0 {
                    if errno == EINTR { continue }
                    throw DurabilityError.system("write", path, number: errno)
                }
                done += written
            }
        }
    }

    func read(into buffer: UnsafeMutableRawBufferPointer, at offset: Int64) throws -> Int {
        try withDescriptor { descriptor in
            var done = 0
            while done < buffer.count {
                let rest = UnsafeMutableRawBufferPointer(rebasing: buffer[done...])
                let got = pread(descriptor, rest.baseAddress, rest.count, off_t(offset) + off_t(done))
                if got < 0 {
                    if errno == EINTR { continue }
                    throw DurabilityError.system("read", path, number: errno)
                }
                if got == 0 { break }
                done += got
            }
            return done
        }
    }

    func size() throws -> Int64 {
        try withDescriptor { descriptor in
            var status = stat()
            try retrying("look at", path) { fstat(descriptor, &status) }
            return Int64(status.st_size)
        }
    }

    func truncate(to size: Int64) throws {
        _ = try withDescriptor { descriptor in
            try retrying("truncate", path) { ftruncate(descriptor, off_t(size)) }
        }
    }

    func synchronise() throws {
        _ = try withDescriptor { descriptor in
            try retrying("synchronise", path) { fsync(descriptor) }
        }
    }

    func beginSynchronising(_ range: Range<Int64>) {
        #if os(Linux)
        // A hint: what it cannot do, the synchronisation does.
        try? withDescriptor { descriptor in
            _ = sync_file_range(
                descriptor, off_t(range.lowerBound), off_t(range.count), tributary_start_writing)
        }
        #endif
    }

    func close() {
        let last = state.withLock { state in
            state.isClosed = true
            return state.release()
        }
        if let last { closeDescriptor(last) }
    }
}
