import CZlib
import Foundation

/// The bytes of a file from its start to its end, decompressed on the way when its name ends with `.gz` (RFC 1952).
///
/// The caller says how many bytes it wants next: memory is taken for what a checked header asks for and never for what a
/// stream would decompress to.
final class SequentialFile {
    private let path: String
    private let bytes: Data
    private var position = 0
    private var stream = z_stream()
    private var isCompressed: Bool
    private var hasEnded = false

    /// Opens a file, compressed or not.
    ///
    /// - Parameter maximumBytes: the most that the file itself may hold.
    /// - Throws: `DatasetError` with code `missing`, `inputOutput` or `tooLarge`.
    init(_ path: String, maximumBytes: Int) throws(DatasetError) {
        self.path = path
        bytes = try BoundedFile.read(path, maximumBytes: maximumBytes)
        isCompressed = false
        guard path.hasSuffix(".gz") else { return }
        // 16 more window bits: a gzip header and its checksum.
        let status = inflateInit2_(&stream, 16 + MAX_WBITS, ZLIB_VERSION, CInt(MemoryLayout<z_stream>.size))
        guard status == Z_OK else {
            throw DatasetError(.inputOutput, "\(path): zlib does not start: status \(status)")
        }
        isCompressed = true
    }

    deinit {
        if isCompressed { inflateEnd(&stream) }
    }

    /// How many bytes the file says it holds. Of a compressed one this is what its last four bytes declare, not more than
    /// deflate could make of its size; ``finish()`` finds out whether it is true.
    func declaredBytes() throws(DatasetError) -> Int {
        guard isCompressed else { return bytes.count }
        guard bytes.count >= 18 else { throw malformed("\(bytes.count) bytes, too few for gzip") }
        let declared = bytes.suffix(4).reversed().reduce(0) { $0 << 8 | Int($1) }
        guard declared <= bytes.count * 1040 else {
            throw malformed("declares \(declared) bytes, more than \(bytes.count) compressed ones can hold")
        }
        return declared
    }

    /// The next bytes, just so many.
    ///
    /// - Parameter count: checked by the caller against its limits: so much memory is taken.
    /// - Throws: `DatasetError` with code `malformed` when the file ends before or is no gzip.
    func read(_ count: Int) throws(DatasetError) -> [UInt8] {
        guard isCompressed else {
            guard count <= bytes.count - position else {
                throw malformed("ends after \(bytes.count) bytes, expected \(position + count)")
            }
            defer { position += count }
            return [UInt8](bytes[bytes.startIndex + position..<bytes.startIndex + position + count])
        }
        var failure: DatasetError?
        let result = [UInt8](unsafeUninitializedCapacity: count) { buffer, initialised in
            do throws(DatasetError) {
                try inflate(into: buffer, count)
                initialised = count
            } catch {
                failure = error
            }
        }
        if let failure { throw failure }
        return result
    }

    /// Checks that the file ends here, a compressed one with the right checksum.
    ///
    /// - Throws: `DatasetError` with code `malformed`.
    func finish() throws(DatasetError) {
        guard isCompressed else {
            guard position == bytes.count else { throw malformed("\(bytes.count - position) bytes are left over") }
            return
        }
        var extra: UInt8 = 0
        let produced = try withUnsafeMutablePointer(to: &extra) { pointer throws(DatasetError) in
            try step(into: UnsafeMutableBufferPointer(start: pointer, count: 1))
        }
        guard produced == 0, hasEnded else { throw malformed("decompresses to more than its header says") }
        guard position == bytes.count else {
            throw malformed("\(bytes.count - position) bytes follow the compressed ones")
        }
    }

    private func inflate(into buffer: UnsafeMutableBufferPointer<UInt8>, _ count: Int) throws(DatasetError) {
        var done = 0
        while done < count {
            let produced = try step(into: UnsafeMutableBufferPointer(rebasing: buffer[done..<count]))
            done += produced
            guard produced > 0 || !hasEnded else { throw malformed("decompresses to too few bytes") }
        }
    }

    /// Decompresses until the buffer is full or the stream ends; the number of bytes written.
    private func step(into buffer: UnsafeMutableBufferPointer<UInt8>) throws(DatasetError) -> Int {
        guard !hasEnded else { return 0 }
        let room = min(buffer.count, 1 << 30)
        let offered = min(bytes.count - position, 1 << 30)
        let status = bytes.withUnsafeBytes { source -> CInt in
            let start = source.assumingMemoryBound(to: UInt8.self).baseAddress.map { $0 + position }
            // zlib does not write through this pointer; its type is of a time before `const`.
            stream.next_in = UnsafeMutablePointer(mutating: start)
            stream.avail_in = UInt32(offered)
            stream.next_out = buffer.baseAddress
            stream.avail_out = UInt32(room)
            return CZlib.inflate(&stream, Z_NO_FLUSH)
        }
        position += offered - Int(stream.avail_in)
        switch status {
        case Z_STREAM_END: hasEnded = true
        case Z_OK: break
        case Z_BUF_ERROR: throw malformed("ends in the middle of its compressed bytes")
        default: throw malformed("no gzip, or damaged: zlib status \(status) at byte \(position)")
        }
        return room - Int(stream.avail_out)
    }

    private func malformed(_ what: String) -> DatasetError { DatasetError(.malformed, "\(path): \(what)") }
}
