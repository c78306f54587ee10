internal import Durability

/// Reads the lines of a file in blocks.
enum AuditLines {
    /// Hands each complete line before `end` to `body`, without its line end. Returns the number of bytes after the
    /// last one.
    @discardableResult
    static func read(_ file: any OpenFile, to end: Int64, _ body: (ArraySlice<UInt8>) throws -> Void) throws -> Int {
        var rest: [UInt8] = []
        var offset: Int64 = 0
        while offset < end {
            let block = try file.read(at: offset, count: Int(min(end - offset, 256 << 10)))
            offset += Int64(block.count)
            rest += block
            var start = 0
            while let stop = rest[start...].firstIndex(of: UInt8(ascii: "\n")) {
                try body(rest[start..<stop])
                start = stop + 1
            }
            rest.removeSubrange(..<start)
            // A line that never ends must not take all memory; one too many bytes make it a broken line.
            if rest.count > AuditRecord.lineLimit {
                try body(rest[...])
                return 0
            }
        }
        return rest.count
    }
}
