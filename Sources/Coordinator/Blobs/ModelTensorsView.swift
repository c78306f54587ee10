internal import Durability
internal import Jobs
internal import Weights

/// A weights blob without its auxiliary tensors, as if it were a file of its own: what exports send.
///
/// The canonical form of the remaining tensors, put together while it is read; nothing is copied or mapped. Reading
/// only.
final class ModelTensorsView: OpenFile {
    /// The tensors that are left.
    let schema: WeightsSchema
    private let source: StoredTensors
    private let header: [UInt8]
    /// For each tensor of ``schema`` its position in the source.
    private let indices: [Int]

    var path: String { "weights" }

    /// A view, nil when there is nothing to leave out.
    init?(_ source: StoredTensors) throws {
        schema = try AuxiliaryTensors.modelSchema(of: source.schema)
        guard schema != source.schema else { return nil }
        self.source = source
        header = Safetensors.canonicalHeader(schema)
        indices = schema.tensors.compactMap { source.schema.index(of: $0.name) }
    }

    func size() -> Int64 { Int64(header.count + schema.byteCount) }

    func read(into buffer: UnsafeMutableRawBufferPointer, at offset: Int64) throws -> Int {
        guard offset >= 0 else { throw DurabilityError(.invalidArgument, "the offset \(offset) is negative") }
        let start = Int(offset)
        let end = min(start + buffer.count, Int(size()))
        guard start < end else { return 0 }
        if start < header.count {
            header.withUnsafeBytes {
                buffer.copyMemory(from: UnsafeRawBufferPointer(rebasing: $0[start..<min(end, header.count)]))
            }
        }
        for (position, index) in indices.enumerated() {
            let range = schema.byteRange(at: position)
            let lower = max(start, header.count + range.lowerBound)
            let upper = min(end, header.count + range.upperBound)
            guard lower < upper else { continue }
            try source.readBlock(
                tensor: index, byteOffset: lower - header.count - range.lowerBound,
                into: UnsafeMutableRawBufferPointer(rebasing: buffer[(lower - start)..<(upper - start)]))
        }
        return end - start
    }

    /// SHA-256 of the whole, read once through.
    func digest() throws -> String {
        var digest = Digest()
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 20, alignment: 64)
        defer { buffer.deallocate() }
        var position: Int64 = 0
        while case let count = try read(into: buffer, at: position), count > 0 {
            digest.update(UnsafeRawBufferPointer(rebasing: buffer[..<count]))
            position += Int64(count)
        }
        return digest.hexadecimal
    }

    func write(_ bytes: UnsafeRawBufferPointer, at offset: Int64) throws { throw Self.readOnly }
    func truncate(to size: Int64) throws { throw Self.readOnly }
    func synchronise() throws { throw Self.readOnly }
    func close() {}

    private static var readOnly: DurabilityError {
        DurabilityError(.invalidArgument, "an export is only read")
    }
}
