import Crypto
import Durability
import Foundation
import Weights

/// Turns the file that a trainer wrote into the update that is sent: checked, in canonical form, durable.
enum UpdateFile {
    /// Checks and rewrites in one pass, in blocks of 1 MiB.
    ///
    /// - Parameters:
    ///   - source: the trainer's safetensors file.
    ///   - schema: what the job's updates hold.
    ///   - global: the schema of the job's weights; its other tensors may be in the file and are left out.
    ///   - destination: the final path.
    ///   - protection: what is done to the values before they are written; nil for nothing.
    ///   - fileSystem: where `destination` is.
    /// - Returns: digest and size of the durable file.
    /// - Throws: ``ClientError`` (`update`) that names the tensor, `DurabilityError` from the disk.
    static func finish(
        _ source: String, schema: WeightsSchema, global: WeightsSchema, to destination: String,
        protection: UpdateProtection? = nil, fileSystem: any FileSystem = PosixFileSystem()
    ) throws -> OutboxEntry.Update {
        guard FileKind.isRegularFile(source) else {
            throw ClientError(.update, "the trainer wrote no update file")
        }
        let file: SafetensorsFile
        do {
            // Other tensors of the model may be there, in double precision at most.
            let limits = ReadLimits(dataBytes: 2 * global.byteCount + schema.byteCount + (1 << 20))
            file = try SafetensorsFile(path: source, limits: limits)
        } catch {
            throw ClientError(.update, "the trainer's update cannot be read", cause: error)
        }
        let differences = file.schema.differences(from: schema).filter { difference in
            !(difference.kind == .unexpected && global.index(of: difference.name) != nil)
        }
        guard differences.isEmpty else {
            let some = differences.prefix(3).map(\.description).joined(separator: "; ")
            throw ClientError(
                .update, "the trainer's update: \(some)" + (differences.count > 3 ? "; and more" : ""))
        }
        let noise = try protection?.noise(file, schema: schema)
        var hash = SHA256()
        var size: Int64 = 0
        try DurableFile.write(to: destination, fileSystem: fileSystem) { writer in
            func put(_ bytes: UnsafeRawBufferPointer) throws {
                hash.update(bufferPointer: bytes)
                size += Int64(bytes.count)
                try writer.append(bytes)
            }
            try Safetensors.canonicalHeader(schema).withUnsafeBytes { try put($0) }
            let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 20, alignment: 64)
            defer { buffer.deallocate() }
            for (index, spec) in schema.tensors.enumerated() {
                var position = 0
                while position < spec.byteCount {
                    let count = min(buffer.count, spec.byteCount - position)
                    let block = UnsafeMutableRawBufferPointer(rebasing: buffer[..<count])
                    try file.read(spec.name, byteOffset: position, into: block)
                    if spec.dtype.isFloat && !FloatKernels.allFinite(UnsafeRawBufferPointer(block), as: spec.dtype) {
                        throw ClientError(
                            .update, "the trainer's update: tensor '\(spec.name)' holds values that are not finite")
                    }
                    noise?.apply(tensor: index, start: position / 4, to: block.assumingMemoryBound(to: Float.self))
                    try put(UnsafeRawBufferPointer(block))
                    position += count
                }
            }
        }
        return OutboxEntry.Update(digest: hash.finalize().map(Self.hexadecimal).joined(), bytes: size)
    }

    private static func hexadecimal(_ byte: UInt8) -> String {
        let text = String(byte, radix: 16)
        return text.count == 1 ? "0" + text : text
    }
}
