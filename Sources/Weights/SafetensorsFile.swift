/// An open safetensors file with a checked header. Nothing of the data is in memory until it is asked for, and the file
/// is never mapped: a file that shrinks meanwhile is an error and not a signal.
///
/// Reading is safe from several threads at once.
public final class SafetensorsFile: Sendable {
    /// The path, as given.
    public let path: String
    /// The checked header.
    public let header: SafetensorsHeader

    private let file: RawFile

    /// Names, dtypes and shapes, in canonical order.
    public var schema: WeightsSchema { header.schema }
    /// The entries of `__metadata__`.
    public var metadata: [String: String] { header.metadata }
    /// Where the data section starts in the file, in bytes.
    public var dataOffset: Int { header.dataOffset }

    /// Opens a file and checks its header and length against every rule of the format.
    ///
    /// - Parameters:
    ///   - path: the file.
    ///   - limits: what is accepted before memory is taken.
    /// - Throws: ``WeightsError``, a code for each rule that is broken; the message starts with the path.
    public init(path: String, limits: ReadLimits = .defaults) throws {
        self.path = path
        file = try RawFile(reading: path)
        do {
            let size = try file.size()
            let prefix = try file.read(at: 0, count: min(8, size))
            let length = try prefix.withUnsafeBytes { try SafetensorsHeader.length($0, limit: limits.headerBytes) }
            guard length <= size - 8 else {
                throw WeightsError(.headerBeyondEnd, "the header needs \(length) bytes, \(size - 8) follow")
            }
            let json = try file.read(at: 8, count: length)
            header = try json.withUnsafeBytes { try SafetensorsHeader(parsing: $0, limits: limits) }
            try header.checkFileSize(size)
        } catch let error as WeightsError {
            throw error.within(path)
        }
    }

    /// Where a tensor's bytes lie within the data section, nil when there is none of that name.
    public func range(of name: String) -> Range<Int>? {
        header.range(of: name)
    }

    /// Fills a buffer with bytes of the data section.
    ///
    /// - Parameters:
    ///   - offset: the first byte, counted from the start of the data section.
    ///   - buffer: takes exactly its size.
    /// - Throws: ``WeightsError``: `outOfRange` beyond the data section, `fileTruncated` when the file has shrunk.
    public func readBlock(offset: Int, into buffer: UnsafeMutableRawBufferPointer) throws {
        guard offset >= 0, offset <= header.dataBytes, buffer.count <= header.dataBytes - offset else {
            throw WeightsError(
                .outOfRange,
                "\(path): bytes \(offset) to \(offset) + \(buffer.count) of a data section of \(header.dataBytes)"
            )
        }
        try file.read(into: buffer, at: header.dataOffset + offset)
    }

    /// Fills the first `count` bytes of a buffer; see ``readBlock(offset:into:)``.
    public func readBlock(offset: Int, count: Int, into buffer: UnsafeMutableRawBufferPointer) throws {
        guard count >= 0, count <= buffer.count else {
            throw WeightsError(.outOfRange, "\(path): \(count) bytes do not fit a buffer of \(buffer.count)")
        }
        try readBlock(offset: offset, into: UnsafeMutableRawBufferPointer(rebasing: buffer[..<count]))
    }

    /// Fills a buffer with bytes of one tensor.
    ///
    /// - Parameters:
    ///   - name: the tensor.
    ///   - byteOffset: the first byte, counted from the start of the tensor.
    ///   - buffer: takes exactly its size.
    /// - Throws: ``WeightsError``: `unknownTensor`, `outOfRange`, `fileTruncated`.
    public func read(_ name: String, byteOffset: Int, into buffer: UnsafeMutableRawBufferPointer) throws {
        guard let range = range(of: name) else {
            throw WeightsError(.unknownTensor, "\(path): there is no tensor \(quoted(name))")
        }
        guard byteOffset >= 0, byteOffset <= range.count, buffer.count <= range.count - byteOffset else {
            throw WeightsError(
                .outOfRange,
                "\(path): bytes \(byteOffset) to \(byteOffset) + \(buffer.count) of tensor \(quoted(name)), "
                    + "which has \(range.count)"
            )
        }
        try file.read(into: buffer, at: header.dataOffset + range.lowerBound + byteOffset)
    }

    /// Has the system read bytes of the data section ahead; does nothing where it cannot.
    public func prefetch(offset: Int, count: Int) {
        file.prefetch(at: header.dataOffset + offset, count: count)
    }

    /// All tensors in memory, in canonical order whatever the order in the file.
    ///
    /// The limit of bytes was checked when the file was opened.
    public func read() throws -> Weights {
        try Weights(
            schema: schema,
            initializingWith: { target in
                try header.forEachCanonicalRange { source, offset in
                    try file.read(
                        into: UnsafeMutableRawBufferPointer(rebasing: target[offset..<(offset + source.count)]),
                        at: header.dataOffset + source.lowerBound
                    )
                }
            })
    }
}
