import Crypto
import Durability
import Foundation
import Privacy
import Weights

/// Turns the file that a trainer wrote into the update that is sent: checked, encoded as the job says, in canonical form,
/// durable.
enum UpdateFile {
    /// Checks and rewrites, block by block; a file that is in canonical form already, and needs neither noise nor an
    /// encoding, is only checked and takes its place. What the encoding leaves out is durable before the update is.
    ///
    /// - Parameters:
    ///   - source: the trainer's safetensors file.
    ///   - schema: what the job's updates hold, and their form on the wire.
    ///   - global: the schema of the job's weights; its other tensors may be in the file and are left out.
    ///   - residuals: where an encoding with error feedback remembers what it left out.
    ///   - destination: the final path.
    ///   - protection: what is done to the values before they are written; nil for nothing.
    ///   - fileSystem: where `destination` is.
    /// - Returns: digest and size of the durable file.
    /// - Throws: ``ClientError`` (`update`) that names the tensor, `DurabilityError` from the disk.
    static func finish(
        _ source: String, schema: EncodedSchema, global: WeightsSchema, residuals: ResidualFiles,
        to destination: String, protection: UpdateProtection? = nil,
        fileSystem: any FileSystem = PosixFileSystem()
    ) throws -> OutboxEntry.Update {
        let file = try open(source, plain: schema.plain, global: global)
        if schema.isPlain, protection == nil, fileSystem is PosixFileSystem,
            let update = try adopt(file, schema: schema.plain, as: destination)
        {
            return update
        }
        let noise = try protection?.noise(file, schema: schema.plain)
        let update = reader(file, schema.plain)
        let hasFeedback = !schema.residual.tensors.isEmpty
        let before = hasFeedback ? try residuals.open(schema.residual) : nil
        let encoder = UpdateEncoder(
            schema, residual: before.map { reader($0, schema.residual) },
            update: { tensor, byteOffset, buffer in
                try update(tensor, byteOffset, buffer)
                noise?.apply(tensor: tensor, start: byteOffset / 4, to: buffer.assumingMemoryBound(to: Float.self))
            })
        var hash = SHA256()
        var size: Int64 = 0
        do {
            if hasFeedback {
                try residuals.save { writer in try encoder.writeResidual { try writer.append($0) } }
            }
            try DurableFile.write(to: destination, fileSystem: fileSystem) { writer in
                try encoder.write { bytes in
                    hash.update(bufferPointer: bytes)
                    size += Int64(bytes.count)
                    try writer.append(bytes)
                }
            }
        } catch let error as WeightsError where error.code == .notFinite {
            throw ClientError(.update, "the trainer's update: \(error.message)")
        }
        return OutboxEntry.Update(digest: hash.finalize().map(Self.hexadecimal).joined(), bytes: size)
    }

    /// Opens a trainer's file that holds what an update must.
    ///
    /// - Throws: ``ClientError`` (`update`) that names the tensor.
    static func open(_ source: String, plain: WeightsSchema, global: WeightsSchema) throws -> SafetensorsFile {
        guard FileKind.isRegularFile(source) else {
            throw ClientError(.update, "the trainer wrote no update file")
        }
        let file: SafetensorsFile
        do {
            // Other tensors of the model may be there, in double precision at most.
            let limits = ReadLimits(dataBytes: 2 * global.byteCount + plain.byteCount + (1 << 20))
            file = try SafetensorsFile(path: source, limits: limits)
        } catch {
            throw ClientError(.update, "the trainer's update cannot be read", cause: error)
        }
        let differences = file.schema.differences(from: plain).filter { difference in
            !(difference.kind == .unexpected && global.index(of: difference.name) != nil)
        }
        guard differences.isEmpty else {
            let some = differences.prefix(3).map(\.description).joined(separator: "; ")
            throw ClientError(
                .update, "the trainer's update: \(some)" + (differences.count > 3 ? "; and more" : ""))
        }
        return file
    }

    /// Reads a file by the positions of a schema whose tensors it holds.
    private static func reader(_ file: SafetensorsFile, _ schema: WeightsSchema) -> UpdateEncoder.Read {
        { tensor, byteOffset, buffer in
            try file.read(schema.tensors[tensor].name, byteOffset: byteOffset, into: buffer)
        }
    }

    static func hexadecimal(_ byte: UInt8) -> String {
        let text = String(byte, radix: 16)
        return text.count == 1 ? "0" + text : text
    }
}
