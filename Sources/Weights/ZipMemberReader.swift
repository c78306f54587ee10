import CZlib

/// Reads the content of one member from its start, decompressing in small steps and never beyond the declared size.
final class ZipMemberReader {
    private let file: RawFile
    private let member: ZipArchive.Member
    private var inputPosition = 0
    private var produced = 0
    private var checksum: UInt = 0
    private var input = [UInt8](repeating: 0, count: 64 << 10)
    private var inputStart = 0
    private var inputEnd = 0
    private var stream = z_stream()
    private var isStreamOpen = false
    private var hasEnded = false

    init(_ file: RawFile, _ member: ZipArchive.Member) throws {
        self.file = file
        self.member = member
        checksum = crc32(0, nil, 0)
        if member.isDeflated {
            // Negative window bits: a raw deflate stream, as zip has it.
            let status = inflateInit2_(&stream, -MAX_WBITS, ZLIB_VERSION, CInt(MemoryLayout<z_stream>.size))
            guard status == Z_OK else { throw WeightsError(.inputOutput, "zlib does not start: status \(status)") }
            isStreamOpen = true
        }
    }

    deinit {
        if isStreamOpen { inflateEnd(&stream) }
    }

    private func mismatch(_ what: String) -> WeightsError {
        WeightsError(.memberSizeMismatch, "\(what), the archive declares \(member.size) bytes")
    }

    /// Fills the buffer; fewer bytes than it holds are an error.
    func read(into buffer: UnsafeMutableRawBufferPointer) throws {
        guard buffer.count <= member.size - produced else {
            throw mismatch("\(produced + buffer.count) bytes are needed")
        }
        if member.isDeflated {
            try inflate(into: buffer)
        } else {
            try file.read(into: buffer, at: member.dataOffset + produced)
        }
        var position = 0
        while position < buffer.count {
            let count = min(buffer.count - position, 1 << 30)
            let piece = UnsafeMutableRawBufferPointer(rebasing: buffer[position..<(position + count)])
            checksum = crc32(checksum, piece.assumingMemoryBound(to: UInt8.self).baseAddress, UInt32(count))
            position += count
        }
        produced += buffer.count
    }

    func read(_ count: Int) throws -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: count)
        try bytes.withUnsafeMutableBytes { try read(into: $0) }
        return bytes
    }

    /// Checks that the member ends here, with the right checksum.
    func finish() throws {
        guard produced == member.size else { throw mismatch("only \(produced) bytes are used") }
        if member.isDeflated {
            // The end of the stream may still be unread, but not one more byte of output.
            var extra: UInt8 = 0
            if !hasEnded {
                let count = try withUnsafeMutableBytes(of: &extra) { try inflateStep(into: $0) }
                guard count == 0, hasEnded else { throw mismatch("the member decompresses to more") }
            }
            guard inputPosition - (inputEnd - inputStart) == member.compressedSize else {
                throw mismatch("compressed bytes are left over")
            }
        }
        guard UInt32(truncatingIfNeeded: checksum) == member.crc else {
            throw WeightsError(
                .checksumMismatch,
                "the CRC-32 is \(UInt32(truncatingIfNeeded: checksum)), the archive says \(member.crc)"
            )
        }
    }

    private func inflate(into buffer: UnsafeMutableRawBufferPointer) throws {
        var done = 0
        while done < buffer.count {
            guard !hasEnded else { throw mismatch("the member decompresses to \(produced + done) bytes") }
            done += try inflateStep(into: UnsafeMutableRawBufferPointer(rebasing: buffer[done...]))
        }
    }

    /// Decompresses until the buffer is full or the stream ends. Returns the bytes written.
    private func inflateStep(into buffer: UnsafeMutableRawBufferPointer) throws -> Int {
        let room = min(buffer.count, 1 << 30)
        var written = 0
        while written < room, !hasEnded {
            if inputStart == inputEnd {
                try refill()
            }
            let status = input.withUnsafeMutableBufferPointer { input -> CInt in
                stream.next_in = input.baseAddress.map { $0 + inputStart }
                stream.avail_in = UInt32(inputEnd - inputStart)
                stream.next_out = buffer.assumingMemoryBound(to: UInt8.self).baseAddress.map { $0 + written }
                stream.avail_out = UInt32(room - written)
                return CZlib.inflate(&stream, Z_NO_FLUSH)
            }
            inputStart = inputEnd - Int(stream.avail_in)
            written = room - Int(stream.avail_out)
            switch status {
            case Z_STREAM_END: hasEnded = true
            case Z_OK: break
            case Z_BUF_ERROR where inputStart == inputEnd && inputPosition < member.compressedSize: break
            default: throw ZipArchive.invalid("deflate status \(status)")
            }
        }
        return written
    }

    private func refill() throws {
        let count = min(input.count, member.compressedSize - inputPosition)
        guard count > 0 else { throw ZipArchive.invalid("the compressed bytes end too early") }
        try input.withUnsafeMutableBytes {
            try file.read(
                into: UnsafeMutableRawBufferPointer(rebasing: $0[..<count]),
                at: member.dataOffset + inputPosition
            )
        }
        inputPosition += count
        (inputStart, inputEnd) = (0, count)
    }
}
