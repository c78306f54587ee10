internal import Foundation

#if canImport(Glibc)
internal import Glibc
#elseif canImport(Musl)
internal import Musl
#else
internal import Darwin
#endif

extension MachineLimits {
    /// A small file made durable as updates are (write 4 KiB, fsync, rename, fsync of the folder): milliseconds each.
    ///
    /// - Parameter folder: on the disk in question.
    public static func durableFileTimes(in folder: String, repetitions: Int = 50) throws -> [Double] {
        let (part, path) = ("\(folder)/limit.part", "\(folder)/limit")
        defer { unlink(path) }
        let directory = try checkedFile(open(folder, O_RDONLY), folder)
        defer { close(directory) }
        return try timed(repetitions: repetitions) {
            let file = try checkedFile(open(part, O_RDWR | O_CREAT | O_TRUNC, 0o600), part)
            defer { close(file) }
            try writeBlocks([UInt8](repeating: 8, count: 4096), times: 1, to: file, part)
            _ = try checkedFile(fsync(file), part)
            _ = try checkedFile(rename(part, path), part)
            _ = try checkedFile(fsync(directory), folder)
        }.map { $0 * 1000 }
    }

    /// A file of `bytes` written in blocks of 1 MiB and made durable by one fsync: GB/s.
    public static func durableWriteSpeed(
        in folder: String, repetitions: Int = 5, bytes: Int = 256 << 20
    ) throws -> [Double] {
        let path = "\(folder)/limit"
        defer { unlink(path) }
        let block = [UInt8](repeating: 8, count: 1 << 20)
        return try speeds(bytes: bytes / block.count * block.count, repetitions: repetitions) {
            unlink(path)
            let file = try checkedFile(open(path, O_RDWR | O_CREAT | O_TRUNC, 0o600), path)
            defer { close(file) }
            try writeBlocks(block, times: bytes / block.count, to: file, path)
            _ = try checkedFile(fsync(file), path)
        }
    }

    private static func writeBlocks(_ block: [UInt8], times: Int, to file: CInt, _ path: String) throws {
        for index in 0..<times {
            let written = block.withUnsafeBytes { pwrite(file, $0.baseAddress, $0.count, off_t(index * block.count)) }
            guard written == block.count else {
                throw MeasurementError("\(path): \(String(cString: strerror(errno)))")
            }
        }
    }

    private static func checkedFile(_ result: CInt, _ path: String) throws -> CInt {
        guard result >= 0 else { throw MeasurementError("\(path): \(String(cString: strerror(errno)))") }
        return result
    }
}
