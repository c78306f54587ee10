internal import Foundation

#if canImport(Glibc)
internal import Glibc
#elseif canImport(Musl)
internal import Musl
#else
internal import Darwin
#endif

/// What the kernel counts for one process, read from `/proc`.
public struct ProcessUsage: Sendable, Hashable {
    /// Memory in use now, in bytes.
    public var residentBytes: Int
    /// The most memory that was in use, in bytes.
    public var peakBytes: Int
    /// Processor time of all threads, user and system, in seconds.
    public var processorSeconds: Double

    /// Reads the figures; nil when there is no such process, or no `/proc`.
    public init?(process: Int32) {
        guard let status = try? String(contentsOfFile: "/proc/\(process)/status", encoding: .utf8),
            let stat = try? String(contentsOfFile: "/proc/\(process)/stat", encoding: .utf8),
            let resident = Self.kibibytes("VmRSS:", in: status), let peak = Self.kibibytes("VmHWM:", in: status),
            let bracket = stat.lastIndex(of: ")")
        else { return nil }
        // After the name, which may hold blanks: fields 14 and 15 of the line are user and system time in ticks.
        let fields = stat[stat.index(after: bracket)...].split(separator: " ")
        guard fields.count > 12, let user = Double(fields[11]), let system = Double(fields[12]) else { return nil }
        residentBytes = resident << 10
        peakBytes = peak << 10
        processorSeconds = (user + system) / Double(sysconf(CInt(_SC_CLK_TCK)))
    }

    private static func kibibytes(_ key: String, in status: String) -> Int? {
        guard let line = status.split(separator: "\n").first(where: { $0.hasPrefix(key) }) else { return nil }
        return line.split(whereSeparator: { $0 == " " || $0 == "\t" }).compactMap { Int($0) }.first
    }
}
