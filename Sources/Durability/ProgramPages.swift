#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// The pages of this process that hold code.
public enum ProgramPages {
    /// Unmaps the code that has run so far; what runs again is mapped again, 64 KiB at a time.
    ///
    /// A start reads configuration, certificates and data sets with code that is never used again, and the kernel maps
    /// what lies around each page that is touched: two thirds of an idle daemon's resident memory were code (measured:
    /// 30 of 44 MB). Nothing is read from the disk for it, as the files stay in the page cache. Elsewhere than on Linux
    /// nothing happens.
    ///
    /// - Returns: how many bytes of mappings were looked at.
    @discardableResult
    public static func release() -> Int {
        #if os(Linux)
        guard let maps = try? PosixFileSystem().open("/proc/self/maps", .read) else { return 0 }
        defer { maps.close() }
        var text: [UInt8] = []
        var block = [UInt8](repeating: 0, count: 1 << 16)
        while let count = block.withUnsafeMutableBytes({ try? maps.read(into: $0, at: Int64(text.count)) }), count > 0 {
            text += block[..<count]
        }
        var bytes = 0
        for line in text.split(separator: UInt8(ascii: "\n")) {
            guard let range = codeRange(String(decoding: line, as: UTF8.self)),
                let start = UnsafeMutableRawPointer(bitPattern: range.lowerBound)
            else { continue }
            if madvise(start, range.count, MADV_DONTNEED) == 0 { bytes += range.count }
        }
        return bytes
        #else
        return 0
        #endif
    }

    /// The addresses of a line of `/proc/self/maps` when it is a mapping of a file that can be run and not be written: the
    /// only kind whose pages can be dropped without losing anything.
    static func codeRange(_ line: String) -> Range<UInt>? {
        let words = line.split(separator: " ", maxSplits: 5, omittingEmptySubsequences: true)
        guard words.count == 6, words[1] == "r-xp", words[5].drop(while: { $0 == " " }).hasPrefix("/")
        else { return nil }
        let ends = words[0].split(separator: "-")
        guard ends.count == 2, let start = UInt(ends[0], radix: 16), let end = UInt(ends[1], radix: 16), start < end
        else { return nil }
        return start..<end
    }
}
