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

/// An open file of the disk. A lock held for each call keeps the descriptor valid until the call ends.
final class PosixFile: OpenFile {
    let path: String
    private let descriptor: Mutex<CInt?>

    init(descriptor: CInt, path: String) {
        self.path = path
        self.descriptor = Mutex(descriptor)
    }

    deinit {
        close()
    }

    private func withDescriptor<R>(_ body: (CInt) throws -> R) throws -> R {
        try descriptor.withLock { descriptor in
            guard let descriptor else { throw DurabilityError(.closed, "\(path) is closed") }
            return try body(descriptor)
        }
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
        descriptor.withLock { descriptor in
            if let open = descriptor { closeDescriptor(open) }
            descriptor = nil
        }
    }
}
