import Foundation

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// What the kernel says about processes, read from `/proc`.
enum ProcessTable {
    /// One process.
    struct Entry: Sendable, Equatable {
        /// The process id.
        var process: pid_t
        /// The process group.
        var group: pid_t
        /// When it started, in clock ticks since the machine did: with the id it names one process for ever.
        var startTime: UInt64
        /// Resident memory in bytes.
        var residentBytes: Int64
        /// Whether it has ended and only waits to be collected.
        var isZombie: Bool
    }

    private static let pageBytes = Int64(sysconf(CInt(_SC_PAGESIZE)))

    /// One process, nil when there is none of that id.
    static func entry(_ process: pid_t) -> Entry? {
        readFile("/proc/\(process)/stat").flatMap { parse($0, process) }
    }

    /// All processes of a group.
    static func members(of group: pid_t) -> [Entry] {
        guard let folder = opendir("/proc") else { return [] }
        defer { closedir(folder) }
        var members: [Entry] = []
        while let entry = readdir(folder) {
            let name = withUnsafeBytes(of: &entry.pointee.d_name) { bytes in
                String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
            }
            guard let process = pid_t(name), let found = Self.entry(process), found.group == group else { continue }
            members.append(found)
        }
        return members
    }

    /// Names this start of the machine, so that a process id of an earlier one is never mistaken.
    static let bootIdentifier: String =
        readFile("/proc/sys/kernel/random/boot_id").map {
            String(decoding: $0, as: UTF8.self).trimmingCharacters(in: .whitespacesAndNewlines)
        } ?? ""

    /// Resident memory of this process in bytes.
    static var ownResidentBytes: Int64 { entry(getpid())?.residentBytes ?? 0 }

    /// Reads the fields after the command's name, which may hold blanks and brackets itself.
    static func parse(_ stat: [UInt8], _ process: pid_t) -> Entry? {
        guard let bracket = stat.lastIndex(of: UInt8(ascii: ")")) else { return nil }
        let fields = stat[(bracket + 1)...].split(separator: UInt8(ascii: " "))
        func number(_ index: Int) -> Int64? {
            Int64(String(decoding: fields[index], as: UTF8.self))
        }
        guard fields.count > 21, let group = number(2), let start = number(19), let pages = number(21) else {
            return nil
        }
        return Entry(
            process: process, group: pid_t(truncatingIfNeeded: group), startTime: UInt64(max(0, start)),
            residentBytes: pages * pageBytes, isZombie: fields[0].elementsEqual([UInt8(ascii: "Z")]))
    }

    private static func readFile(_ path: String) -> [UInt8]? {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { return nil }
        defer { close(descriptor) }
        var bytes = [UInt8](repeating: 0, count: 2048)
        let count = read(descriptor, &bytes, bytes.count)
        return count > 0 ? Array(bytes[..<count]) : nil
    }
}
