#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// A file descriptor with the few calls that the formats need. `pread` and `pwrite` carry their own position, so
/// several threads may read at once.
final class RawFile: Sendable {
    let path: String
    let descriptor: CInt

    /// Opens a regular file for reading.
    init(reading path: String) throws {
        self.path = path
        descriptor = try Self.open(path, O_RDONLY | O_CLOEXEC, "open")
        var status = stat()
        guard fstat(descriptor, &status) == 0, status.st_mode & S_IFMT == S_IFREG else {
            close(descriptor)
            throw WeightsError(.inputOutput, "\(path) is not a regular file")
        }
    }

    private init(creating path: String) throws {
        self.path = path
        descriptor = try Self.open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, "create")
    }

    deinit {
        close(descriptor)
    }

    /// Creates or empties a file and removes it again when `body` throws.
    static func writing(_ path: String, _ body: (inout Appender) throws -> Void) throws {
        var appender = Appender(file: try RawFile(creating: path))
        do {
            try body(&appender)
        } catch {
            unlink(path)
            throw error
        }
    }

    /// Writes one piece after the other.
    struct Appender {
        let file: RawFile
        private(set) var position = 0

        init(file: RawFile) {
            self.file = file
        }

        mutating func append(_ bytes: UnsafeRawBufferPointer) throws {
            try file.write(bytes, at: position)
            position += bytes.count
        }

        mutating func append(_ bytes: [UInt8]) throws {
            try bytes.withUnsafeBytes { try append($0) }
        }
    }

    func size() throws -> Int {
        var status = stat()
        guard fstat(descriptor, &status) == 0 else { throw failure("look at") }
        return Int(status.st_size)
    }

    /// Reads exactly as many bytes as the buffer holds.
    func read(into buffer: UnsafeMutableRawBufferPointer, at offset: Int) throws {
        var done = 0
        while done < buffer.count {
            let rest = UnsafeMutableRawBufferPointer(rebasing: buffer[done...])
            let got = pread(descriptor, rest.baseAddress, rest.count, off_t(offset + done))
            if got < 0 {
                if errno == EINTR { continue }
                throw failure("read")
            }
            guard got > 0 else {
                throw WeightsError(
                    .fileTruncated,
                    "\(path) ended at byte \(offset + done), \(buffer.count) bytes from \(offset) on were expected"
                )
            }
            done += got
        }
    }

    /// Has the system read ahead.
    func prefetch(at offset: Int, count: Int) {
        #if os(Linux)
        _ = posix_fadvise(descriptor, off_t(offset), off_t(count), POSIX_FADV_WILLNEED)
        #endif
    }

    func read(at offset: Int, count: Int) throws -> [UInt8] {
        try [UInt8](unsafeUninitializedCapacity: count) { buffer, initialized in
            try read(
                into: UnsafeMutableRawBufferPointer(rebasing: UnsafeMutableRawBufferPointer(buffer)[..<count]),
                at: offset
            )
            initialized = count
        }
    }

    func write(_ bytes: UnsafeRawBufferPointer, at offset: Int) throws {
        var done = 0
        while done < bytes.count {
            let rest = UnsafeRawBufferPointer(rebasing: bytes[done...])
            let written = pwrite(descriptor, rest.baseAddress, rest.count, off_t(offset + done))
            if written < 0 {
                if errno == EINTR { continue }
                throw failure("write")
            }
            done += written
        }
    }

    private static func open(_ path: String, _ flags: CInt, _ operation: String) throws -> CInt {
        while true {
            let descriptor = openFile(path, flags)
            if descriptor >= 0 { return descriptor }
            if errno != EINTR {
                throw WeightsError(.inputOutput, "cannot \(operation) \(path): \(String(cString: strerror(errno)))")
            }
        }
    }

    private func failure(_ operation: String) -> WeightsError {
        WeightsError(.inputOutput, "cannot \(operation) \(path): \(String(cString: strerror(errno)))")
    }
}

private func openFile(_ path: String, _ flags: CInt) -> CInt {
    // A named pipe must not block the reader; the check for a regular file follows.
    open(path, flags | O_NONBLOCK, 0o644)
}
