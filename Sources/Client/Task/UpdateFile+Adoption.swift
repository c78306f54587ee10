import Crypto
import Durability
import Foundation
import Weights

extension UpdateFile {
    /// Takes the trainer's own file as the update when its bytes are the canonical form already: checked and hashed where
    /// it lies, synchronised, and given its final name, so that a large update is not written twice.
    ///
    /// A trainer that writes to the file afterwards spoils only its own update: the coordinator checks the digest.
    ///
    /// - Returns: nil when the file has to be rewritten, because its bytes are others or it lies on another disk.
    /// - Throws: ``ClientError`` (`update`) that names the tensor, `DurabilityError` from the disk.
    static func adopt(
        _ file: SafetensorsFile, schema: WeightsSchema, as destination: String
    ) throws -> OutboxEntry.Update? {
        let header = Safetensors.canonicalHeader(schema)
        guard file.schema == schema, file.header.isInCanonicalOrder, file.dataOffset == header.count else { return nil }
        let disk = PosixFileSystem()
        let own = try disk.open(file.path, .update)
        defer { own.close() }
        guard try own.read(at: 0, count: header.count) == header,
            try own.size() == Int64(header.count + schema.byteCount)
        else { return nil }
        var hash = SHA256()
        hash.update(data: header)
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 20, alignment: 64)
        defer { buffer.deallocate() }
        var behind = WriteBehind()
        for (index, spec) in schema.tensors.enumerated() {
            let start = Int64(header.count + schema.byteRange(at: index).lowerBound)
            var position = 0
            while position < spec.byteCount {
                let count = min(buffer.count, spec.byteCount - position)
                let block = UnsafeMutableRawBufferPointer(rebasing: buffer[..<count])
                guard try own.read(into: block, at: start + Int64(position)) == count else {
                    throw ClientError(.update, "the trainer's update: tensor '\(spec.name)' ended early")
                }
                try requireFinite(UnsafeRawBufferPointer(block), spec)
                hash.update(bufferPointer: UnsafeRawBufferPointer(block))
                position += count
                behind.wrote(to: start + Int64(position), of: own)
            }
        }
        try own.synchronise()
        guard chmod(file.path, 0o600) == 0, rename(file.path, destination) == 0 else { return nil }
        try disk.synchroniseDirectory(URL(fileURLWithPath: destination).deletingLastPathComponent().path)
        return OutboxEntry.Update(
            digest: hash.finalize().map(hexadecimal).joined(), bytes: Int64(header.count + schema.byteCount))
    }

    /// - Throws: ``ClientError`` (`update`) that names the tensor.
    static func requireFinite(_ block: UnsafeRawBufferPointer, _ spec: TensorSpec) throws {
        guard !spec.dtype.isFloat || FloatKernels.allFinite(block, as: spec.dtype) else {
            throw ClientError(
                .update, "the trainer's update: tensor '\(spec.name)' holds values that are not finite")
        }
    }
}
