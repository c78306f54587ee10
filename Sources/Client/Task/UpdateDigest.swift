import Crypto
import Weights

/// What noise is addressed by besides its task: the same update has the same noise, and another one of the same task other
/// noise, or the difference of what is sent would be bare.
enum UpdateDigest {
    private static let block = 1 << 20

    /// SHA-256 in hexadecimal of an update's numbers, tensor by tensor.
    ///
    /// - Parameters:
    ///   - schema: of the update, all tensors in F32.
    ///   - purpose: what needs it, for errors.
    ///   - visit: gets every block of numbers on the way.
    /// - Throws: ``ClientError`` for a tensor of another type, errors of the disk.
    static func of(
        _ file: SafetensorsFile, _ schema: WeightsSchema, for purpose: String,
        visit: (UnsafeBufferPointer<Float>) -> Void = { _ in }
    ) throws -> String {
        var hash = SHA256()
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: block, alignment: 64)
        defer { buffer.deallocate() }
        for spec in schema.tensors {
            guard spec.dtype == .f32 else {
                throw ClientError(
                    .update, "\(purpose): tensor '\(spec.name)' of the update is \(spec.dtype.rawValue), expected F32")
            }
            for position in stride(from: 0, to: spec.byteCount, by: buffer.count) {
                let part = UnsafeMutableRawBufferPointer(
                    rebasing: buffer[..<min(buffer.count, spec.byteCount - position)])
                try file.read(spec.name, byteOffset: position, into: part)
                hash.update(bufferPointer: UnsafeRawBufferPointer(part))
                visit(UnsafeBufferPointer(part.assumingMemoryBound(to: Float.self)))
            }
        }
        return hash.finalize().map(UpdateFile.hexadecimal).joined()
    }
}
