import Crypto
import Durability
import Foundation
import Privacy
import Weights

/// Turns the file that a trainer wrote into the masked words that are sent: checked, protected as the job says, written as
/// whole numbers, masked, durable. Nothing else of the update is written.
///
/// The same words as `MaskedUpdate.masked` gives, one block after the other: memory is two blocks, whatever the model's size.
enum MaskedFile {
    private static let block = 64 << 10

    /// Checks and rewrites.
    ///
    /// - Parameters:
    ///   - source: the trainer's safetensors file.
    ///   - plain: what the job's updates hold.
    ///   - global: the schema of the job's weights; its other tensors may be in the file and are left out.
    ///   - distributed: finds what writes the words in a job whose clients add a share of noise each; nil for none.
    ///   - destination: the final path.
    /// - Returns: digest and size of the durable file, and how many elements were limited to the job's range.
    /// - Throws: ``ClientError`` (`update`) that names the tensor, `DurabilityError` from the disk.
    static func finish(
        _ source: String, plain: WeightsSchema, global: WeightsSchema, masking: UpdateMasking,
        protection: UpdateProtection?, distributed: (SafetensorsFile) throws -> DistributedNoise? = { _ in nil },
        to destination: String, fileSystem: any FileSystem = PosixFileSystem()
    ) throws -> (update: OutboxEntry.Update, saturated: Int) {
        let file = try UpdateFile.open(source, plain: plain, global: global)
        let local = try protection?.noise(file, schema: plain)
        let factor = try masking.clipNorm.map { FlatClipping.factor(norm: try norm(of: file, plain), bound: $0) } ?? 1
        let share = try distributed(file)
        let words = try MaskedUpdate.schema(of: plain)
        let floats = UnsafeMutableBufferPointer<Float>.allocate(capacity: block)
        let numbers = UnsafeMutableBufferPointer<UInt32>.allocate(capacity: block)
        floats.initialize(repeating: 0)
        numbers.initialize(repeating: 0)
        defer {
            floats.deallocate()
            numbers.deallocate()
        }
        var hash = SHA256()
        var size: Int64 = 0
        var saturated = 0
        try DurableFile.write(to: destination, fileSystem: fileSystem) { writer in
            func append(_ bytes: UnsafeRawBufferPointer) throws {
                hash.update(bufferPointer: bytes)
                size += Int64(bytes.count)
                try writer.append(bytes)
            }
            try Safetensors.canonicalHeader(words).withUnsafeBytes { try append($0) }
            for (index, spec) in words.tensors.enumerated() {
                guard let place = plain.index(of: spec.name) else { continue }
                let tensor = plain.tensors[place]
                for start in stride(from: 0, to: tensor.elementCount, by: block) {
                    let count = min(block, tensor.elementCount - start)
                    let values = UnsafeMutableBufferPointer(rebasing: floats[..<count])
                    let part = UnsafeMutableBufferPointer(rebasing: numbers[..<count])
                    try file.read(tensor.name, byteOffset: start * 4, into: UnsafeMutableRawBufferPointer(values))
                    local?.apply(tensor: place, start: start, to: values)
                    try UpdateFile.requireFinite(UnsafeRawBufferPointer(values), tensor)
                    FlatClipping.scale(values, by: factor)
                    saturated +=
                        share?.encode(tensor: place, start: start, UnsafeBufferPointer(values), into: part)
                        ?? masking.encoding.encode(UnsafeBufferPointer(values), into: part)
                    for mask in masking.masks { mask.apply(tensor: index, start: start, to: part) }
                    try append(UnsafeRawBufferPointer(part))
                }
            }
        }
        let digest = hash.finalize().map(UpdateFile.hexadecimal).joined()
        return (OutboxEntry.Update(digest: digest, bytes: size), saturated)
    }

    /// The L2 norm of an update over all its tensors.
    private static func norm(of file: SafetensorsFile, _ schema: WeightsSchema) throws -> Double {
        let values = UnsafeMutableBufferPointer<Float>.allocate(capacity: block)
        values.initialize(repeating: 0)
        defer { values.deallocate() }
        var total = 0.0
        for spec in schema.tensors {
            for start in stride(from: 0, to: spec.elementCount, by: block) {
                let part = UnsafeMutableBufferPointer(rebasing: values[..<min(block, spec.elementCount - start)])
                try file.read(spec.name, byteOffset: start * 4, into: UnsafeMutableRawBufferPointer(part))
                total += FloatKernels.sumOfSquares(UnsafeRawBufferPointer(part), as: .f32)
            }
        }
        return total.squareRoot()
    }
}
