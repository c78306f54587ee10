import CZlib

/// Writes a zip archive, with zip64 fields where a size or position needs them.
struct ZipWriter {
    private var file: RawFile.Appender
    private var directory: [UInt8] = []
    private var count = 0
    /// From here on numbers go into zip64 fields; lower in tests.
    private let limit: Int

    init(_ file: RawFile.Appender, zip64From limit: Int = 0xFFFF_FFFF) {
        self.file = file
        self.limit = limit
    }

    /// Adds a member whose content is `header` followed by `body`.
    mutating func add(
        _ name: String,
        _ header: [UInt8],
        _ body: UnsafeRawBufferPointer,
        _ compress: Bool
    ) throws {
        let nameBytes = Array(name.utf8)
        guard nameBytes.count <= 65_000 else {
            throw WeightsError(.invalidName, "the name \(quoted(name)) is too long for a zip archive")
        }
        let size = header.count + body.count
        var checksum = crc32(0, nil, 0)
        header.withUnsafeBytes { checksum = Self.crc(checksum, $0) }
        checksum = Self.crc(checksum, body)

        // The header comes last: only then the compressed size is known. Deflate never grows beyond its bound.
        let offset = file.position
        let isLarge = size >= limit || (compress && size + size / 1000 + 1024 >= limit)
        let headerSize = 30 + nameBytes.count + (isLarge ? 20 : 0)
        try file.append([UInt8](repeating: 0, count: headerSize))
        if compress {
            try deflate(header, body)
        } else {
            try file.append(header)
            try file.append(body)
        }
        let compressed = file.position - offset - headerSize

        var fields = LittleEndianBytes()
        fields.u16(isLarge || offset >= limit ? 45 : 20)
        fields.u16(0x0800)  // the name is UTF-8
        fields.u16(compress ? 8 : 0)
        fields.u16(0)  // time and date: 1980-01-01, so that equal weights give equal bytes
        fields.u16(0x21)
        fields.u32(Int(checksum))
        fields.u32(isLarge ? 0xFFFF_FFFF : compressed)
        fields.u32(isLarge ? 0xFFFF_FFFF : size)
        fields.u16(nameBytes.count)

        var local = LittleEndianBytes()
        local.u32(0x0403_4B50)
        local.bytes += fields.bytes
        local.u16(isLarge ? 20 : 0)
        local.bytes += nameBytes
        if isLarge { local.zip64([size, compressed]) }
        try local.bytes.withUnsafeBytes { try file.file.write($0, at: offset) }

        var entry = LittleEndianBytes()
        let large = (isLarge ? [size, compressed] : []) + (offset >= limit ? [offset] : [])
        entry.u32(0x0201_4B50)
        entry.u16(0x032D)  // made by version 4.5 on Unix
        entry.bytes += fields.bytes
        entry.u16(large.isEmpty ? 0 : 4 + 8 * large.count)
        entry.u16(0)
        entry.u16(0)
        entry.u16(0)
        entry.u32(0x81A4_0000)  // a regular file, 0644
        entry.u32(offset >= limit ? 0xFFFF_FFFF : offset)
        entry.bytes += nameBytes
        if !large.isEmpty { entry.zip64(large) }
        directory += entry.bytes
        count += 1
    }

    /// Writes the directory and returns the file.
    mutating func finish() throws -> RawFile.Appender {
        let offset = file.position
        try file.append(directory)
        var end = LittleEndianBytes()
        if count >= min(limit, 0xFFFF) || offset >= limit || directory.count >= limit {
            let position = file.position
            end.u32(0x0606_4B50)
            end.u64(44)
            end.u16(45)
            end.u16(45)
            end.u32(0)
            end.u32(0)
            end.u64(count)
            end.u64(count)
            end.u64(directory.count)
            end.u64(offset)
            end.u32(0x0706_4B50)
            end.u32(0)
            end.u64(position)
            end.u32(1)
        }
        end.u32(0x0605_4B50)
        end.u16(0)
        end.u16(0)
        end.u16(min(count, 0xFFFF))
        end.u16(min(count, 0xFFFF))
        end.u32(min(directory.count, 0xFFFF_FFFF))
        end.u32(offset >= limit ? 0xFFFF_FFFF : offset)
        end.u16(0)
        try file.append(end.bytes)
        return file
    }

    private static func crc(_ start: UInt, _ bytes: UnsafeRawBufferPointer) -> UInt {
        var checksum = start
        var position = 0
        while position < bytes.count {
            let count = min(bytes.count - position, 1 << 30)
            let piece = UnsafeRawBufferPointer(rebasing: bytes[position..<(position + count)])
            checksum = crc32(checksum, piece.assumingMemoryBound(to: UInt8.self).baseAddress, UInt32(count))
            position += count
        }
        return checksum
    }

    private mutating func deflate(_ header: [UInt8], _ body: UnsafeRawBufferPointer) throws {
        var stream = z_stream()
        let status = deflateInit2_(
            &stream, Z_DEFAULT_COMPRESSION, Z_DEFLATED, -MAX_WBITS, 8, Z_DEFAULT_STRATEGY, ZLIB_VERSION,
            CInt(MemoryLayout<z_stream>.size)
        )
        guard status == Z_OK else { throw WeightsError(.inputOutput, "zlib does not start: status \(status)") }
        defer { deflateEnd(&stream) }
        var output = [UInt8](repeating: 0, count: 64 << 10)
        try header.withUnsafeBytes { try deflate($0, isLast: body.isEmpty, &stream, &output) }
        var position = 0
        while position < body.count {
            let count = min(body.count - position, 1 << 20)
            let piece = UnsafeRawBufferPointer(rebasing: body[position..<(position + count)])
            position += count
            try deflate(piece, isLast: position == body.count, &stream, &output)
        }
    }

    private mutating func deflate(
        _ piece: UnsafeRawBufferPointer,
        isLast: Bool,
        _ stream: inout z_stream,
        _ output: inout [UInt8]
    ) throws {
        // zlib does not write to its input; the C declaration is not const.
        stream.next_in = UnsafeMutablePointer(mutating: piece.assumingMemoryBound(to: UInt8.self).baseAddress)
        stream.avail_in = UInt32(piece.count)
        var status = Z_OK
        repeat {
            let produced = output.withUnsafeMutableBufferPointer { output -> Int in
                stream.next_out = output.baseAddress
                stream.avail_out = UInt32(output.count)
                status = CZlib.deflate(&stream, isLast ? Z_FINISH : Z_NO_FLUSH)
                return output.count - Int(stream.avail_out)
            }
            guard status == Z_OK || status == Z_STREAM_END || status == Z_BUF_ERROR else {
                throw WeightsError(.inputOutput, "zlib deflate status \(status)")
            }
            try output.withUnsafeBytes { try file.append(UnsafeRawBufferPointer(rebasing: $0[..<produced])) }
        } while stream.avail_out == 0 || (isLast && status != Z_STREAM_END)
    }
}

/// Little-endian numbers one after the other.
private struct LittleEndianBytes {
    var bytes: [UInt8] = []

    mutating func u16(_ value: Int) { number(value, 2) }
    mutating func u32(_ value: Int) { number(value, 4) }
    mutating func u64(_ value: Int) { number(value, 8) }

    mutating func zip64(_ values: [Int]) {
        u16(1)
        u16(8 * values.count)
        for value in values { u64(value) }
    }

    private mutating func number(_ value: Int, _ count: Int) {
        for byte in 0..<count { bytes.append(UInt8(truncatingIfNeeded: value >> (8 * byte))) }
    }
}
