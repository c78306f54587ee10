internal import Aggregation
internal import Durability
internal import Weights

/// A safetensors file of the coordinator's own, read in blocks through its file system. The header was checked; nothing
/// is mapped.
final class StoredTensors: TensorBlocks {
    let header: SafetensorsHeader
    private let file: any OpenFile

    var schema: WeightsSchema { header.schema }

    /// Takes an open file over.
    ///
    /// - Throws: `WeightsError` when the header breaks a rule of the format or the size is another.
    init(_ file: any OpenFile, limits: ReadLimits = .defaults) throws {
        self.file = file
        do {
            header = try Self.header(of: file, limits: limits)
        } catch {
            file.close()
            throw error
        }
    }

    deinit {
        file.close()
    }

    private static func header(of file: any OpenFile, limits: ReadLimits) throws -> SafetensorsHeader {
        let size = Int(try file.size())
        let prefix = try file.read(at: 0, count: min(8, size))
        let length = try prefix.withUnsafeBytes { try SafetensorsHeader.length($0, limit: limits.headerBytes) }
        guard length <= size - 8 else {
            throw WeightsError(.headerBeyondEnd, "\(file.path): the header needs \(length) bytes, \(size - 8) follow")
        }
        let header = try file.read(at: 8, count: length).withUnsafeBytes {
            try SafetensorsHeader(parsing: $0, limits: limits)
        }
        try header.checkFileSize(size)
        return header
    }

    /// Whether the file is the canonical form of its tensors: their order, and the very bytes of the header.
    func isCanonical() throws -> Bool {
        guard header.isInCanonicalOrder else { return false }
        let expected = Safetensors.canonicalHeader(schema)
        guard expected.count == header.dataOffset else { return false }
        return try file.read(at: 0, count: expected.count) == expected
    }

    func prefetch(tensor index: Int, byteOffset: Int, count: Int) {
        guard let range = header.range(of: schema.tensors[index].name) else { return }
        file.prefetch(at: Int64(header.dataOffset + range.lowerBound + byteOffset), count: count)
    }

    func readBlock(tensor index: Int, byteOffset: Int, into buffer: UnsafeMutableRawBufferPointer) throws {
        let spec = schema.tensors[index]
        guard let range = header.range(of: spec.name), byteOffset >= 0, byteOffset <= range.count,
            buffer.count <= range.count - byteOffset
        else {
            throw WeightsError(
                .outOfRange, "\(file.path): bytes \(byteOffset) and \(buffer.count) more of tensor '\(spec.name)'")
        }
        let start = Int64(header.dataOffset + range.lowerBound + byteOffset)
        guard try file.read(into: buffer, at: start) == buffer.count else {
            throw WeightsError(.fileTruncated, "\(file.path) has shrunk")
        }
    }
}
