#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// The disk, through POSIX calls. Every descriptor is closed on `exec`, so no child process inherits one.
public struct PosixFileSystem: FileSystem {
    /// The disk.
    public init() {}

    /// Opens a file; a call that creates or empties it gives it exactly `permissions`, whatever the umask and the mode
    /// it had, and refuses a symbolic link in its place.
    public func open(_ path: String, _ mode: FileMode, permissions: UInt32) throws -> any OpenFile {
        var flags = O_CLOEXEC
        switch mode {
        case .read: flags |= O_RDONLY
        case .update: flags |= O_RDWR
        case .replace: flags |= O_RDWR | O_CREAT | O_NOFOLLOW
        case .createNew: flags |= O_RDWR | O_CREAT | O_EXCL
        case .createOrOpen: flags |= O_RDWR | O_CREAT
        }
        let descriptor = try retrying("open", path) { openFile(path, flags, permissions) }
        let file = PosixFile(descriptor: descriptor, path: path)
        do {
            // Permissions first: nothing secret is ever in a file that others can read.
            if mode == .replace || mode == .createNew {
                try retrying("set the permissions of", path) { fchmod(descriptor, mode_t(permissions)) }
            }
            if mode == .replace {
                try file.truncate(to: 0)
            }
        } catch {
            file.close()
            throw error
        }
        return file
    }

    /// Renames a file, replacing any file of the new name in one step.
    public func rename(_ path: String, to newPath: String) throws {
        try retrying("rename to \(newPath)", path) { renameFile(path, newPath) }
    }

    /// `fsync` on the folder.
    public func synchroniseDirectory(_ path: String) throws {
        let descriptor = try retrying("open the folder", path) {
            openFile(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0)
        }
        defer { closeDescriptor(descriptor) }
        try retrying("synchronise the folder", path) { fsync(descriptor) }
    }

    /// Removes a file or an empty folder.
    public func remove(_ path: String) throws {
        try retrying("remove", path) { removeFile(path) }
    }

    /// The names in a folder, sorted by their UTF-8 bytes.
    public func list(_ path: String) throws -> [String] {
        guard let folder = opendir(path) else {
            throw DurabilityError.system("list", path, number: errno)
        }
        defer { closedir(folder) }
        var names: [String] = []
        while true {
            errno = 0
            guard let entry = readdir(folder) else {
                if errno != 0 { throw DurabilityError.system("list", path, number: errno) }
                break
            }
            let name = withUnsafePointer(to: &entry.pointee.d_name) { pointer in
                pointer.withMemoryRebound(to: CChar.self, capacity: MemoryLayout.size(ofValue: pointer.pointee)) {
                    String(cString: $0)
                }
            }
            if name != "." && name != ".." { names.append(name) }
        }
        return names.sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
    }

    /// Whether there is a file or folder of that name.
    public func exists(_ path: String) throws -> Bool {
        var status = stat()
        if statFile(path, &status) == 0 { return true }
        if errno == ENOENT || errno == ENOTDIR { return false }
        throw DurabilityError.system("look at", path, number: errno)
    }

    /// The size of a file in bytes.
    public func size(_ path: String) throws -> Int64 {
        var status = stat()
        try retrying("look at", path) { statFile(path, &status) }
        return Int64(status.st_size)
    }

    /// Makes a folder and the missing folders above it, and synchronises the folder that holds each new one.
    public func makeDirectory(_ path: String, permissions: UInt32) throws {
        if try exists(path) { return }
        let parent = Path.parent(of: path)
        if parent != path { try makeDirectory(parent, permissions: permissions) }
        if mkdir(path, mode_t(permissions)) != 0 && errno != EEXIST {
            throw DurabilityError.system("make the folder", path, number: errno)
        }
        try synchroniseDirectory(parent)
    }

    /// The bytes available to this user on the file system that holds `path` (`f_bavail × f_frsize`).
    public func freeBytes(at path: String) throws -> Int64 {
        var status = statvfs()
        try retrying("ask for the free space of", path) { statFileSystem(path, &status) }
        let (bytes, overflow) = UInt64(status.f_bavail).multipliedReportingOverflow(by: UInt64(status.f_frsize))
        return overflow ? .max : Int64(clamping: bytes)
    }
}

/// Runs a POSIX call again when a signal interrupted it, and throws on −1.
@discardableResult
func retrying(_ operation: String, _ path: String, _ call: () -> CInt) throws -> CInt {
    while true {
        let result = call()
        if result != -1 { return result }
        if errno != EINTR { throw DurabilityError.system(operation, path, number: errno) }
    }
}

// The C functions under names that methods of the same name do not hide.
private func openFile(_ path: String, _ flags: CInt, _ permissions: UInt32) -> CInt {
    #if canImport(Glibc)
    Glibc.open(path, flags, mode_t(permissions))
    #elseif canImport(Musl)
    Musl.open(path, flags, mode_t(permissions))
    #else
    Darwin.open(path, flags, mode_t(permissions))
    #endif
}

private func renameFile(_ path: String, _ newPath: String) -> CInt {
    #if canImport(Glibc)
    Glibc.rename(path, newPath)
    #elseif canImport(Musl)
    Musl.rename(path, newPath)
    #else
    Darwin.rename(path, newPath)
    #endif
}

private func removeFile(_ path: String) -> CInt {
    #if canImport(Glibc)
    Glibc.remove(path)
    #elseif canImport(Musl)
    Musl.remove(path)
    #else
    Darwin.remove(path)
    #endif
}

private func statFile(_ path: String, _ status: inout stat) -> CInt { stat(path, &status) }

private func statFileSystem(_ path: String, _ status: inout statvfs) -> CInt { statvfs(path, &status) }

func closeDescriptor(_ descriptor: CInt) { _ = close(descriptor) }
