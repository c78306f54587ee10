import Crypto
import Durability
import Foundation
import Weights

/// Turns the file that a trainer wrote into the update that is sent: checked, in canonical form, durable.
enum UpdateFile {
    /// Checks and rewrites in one pass, in blocks of 1 MiB; a file that is in canonical form already is only checked and
    /// takes its place.
    ///
    /// - Parameters:
    ///   - source: the trainer's safetensors file.
    ///   - schema: what the job's updates hold.
    ///   - global: the schema of the job's weights; its other tensors may be in the file and are left out.
    ///   - destination: the final path.
    ///   - fileSystem: where `destination` is.
    /// - Returns: digest and size of the durable file.
    /// - Throws: ``ClientError`` (`update`) that names the tensor, `DurabilityError` from the disk.
    static func finish(
        _ source: String, schema: WeightsSchema, global: WeightsSchema, to destination: String,
        fileSystem: any FileSystem = PosixFileSystem()
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
        if fileSystem is PosixFileSystem, let update = try adopt(file, schema: schema, as: destination) {
            return update
        }
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
            for spec in schema.tensors {
                var position = 0
                while position < spec.byteCount {
                    let count = min(buffer.count, spec.byteCount - position)
                    let block = UnsafeMutableRawBufferPointer(rebasing: buffer[..<count])
                    try file.read(spec.name, byteOffset: position, into: block)
                    try requireFinite(UnsafeRawBufferPointer(block), spec)
                    try put(UnsafeRawBufferPointer(block))
                    position += count
                }
            }
        }
        return OutboxEntry.Update(digest: hash.finalize().map(Self.hexadecimal).joined(), bytes: size)
    }

    static func hexadecimal(_ byte: UInt8) -> String {
        let text = String(byte, radix: 16)
        return text.count == 1 ? "0" + text : text
    }
}
