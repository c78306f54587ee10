import Foundation

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// Reading whole files whose size is checked before memory is taken.
enum BoundedFile {
    /// Whether a regular file lies at `path`, following links.
    static func exists(_ path: String) -> Bool {
        var status = stat()
        return stat(path, &status) == 0 && (status.st_mode & S_IFMT) == S_IFREG
    }

    /// Whether a folder lies at `path`, following links.
    static func folderExists(_ path: String) -> Bool {
        var status = stat()
        return stat(path, &status) == 0 && (status.st_mode & S_IFMT) == S_IFDIR
    }

    /// Whether anything lies at `path`, also a link that leads nowhere.
    static func somethingExists(_ path: String) -> Bool {
        var status = stat()
        return lstat(path, &status) == 0
    }

    /// The whole file.
    ///
    /// Opens without blocking and refuses anything but a regular file, so that a named pipe cannot hold the caller.
    ///
    /// - Throws: `DatasetError` with code `missing`, `inputOutput` or `tooLarge`.
    static func read(_ path: String, maximumBytes: Int) throws(DatasetError) -> Data {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
        guard descriptor >= 0 else {
            let reason = errno
            throw DatasetError(
                reason == ENOENT ? .missing : .inputOutput, "\(path): \(String(cString: strerror(reason)))")
        }
        defer { close(descriptor) }
        var status = stat()
        guard fstat(descriptor, &status) == 0, (status.st_mode & S_IFMT) == S_IFREG else {
            throw DatasetError(.inputOutput, "\(path): expected a regular file")
        }
        let size = Int(status.st_size)
        guard size <= maximumBytes else {
            throw DatasetError(.tooLarge, "\(path): \(size) bytes, at most \(maximumBytes) are read")
        }
        var bytes = Data(count: size)
        var filled = 0
        while filled < size {
            let got = bytes.withUnsafeMutableBytes { buffer in
                buffer.baseAddress.map { systemRead(descriptor, $0 + filled, size - filled) } ?? 0
            }
            if got < 0 && errno == EINTR { continue }
            guard got > 0 else {
                throw DatasetError(.inputOutput, "\(path): ended after \(filled) of \(size) bytes")
            }
            filled += got
        }
        return bytes
    }
}

/// `read(2)`, under a name that the method above does not shadow.
private func systemRead(_ descriptor: Int32, _ buffer: UnsafeMutableRawPointer, _ count: Int) -> Int {
    read(descriptor, buffer, count)
}
