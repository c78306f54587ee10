internal import Jobs
internal import Weights

/// The number of effective steps that an update claims: FedNova's `aux.steps`.
enum ClaimedSteps {
    /// Fills a buffer from an offset of an update.
    typealias Read = (UnsafeMutableRawBufferPointer, _ offset: Int) throws -> Void

    /// Reads the claim out of an update whose header was found good.
    ///
    /// - Returns: nil when the update holds no such tensor.
    /// - Throws: `WeightsError` for a header that is not good after all, or an error of the disk.
    static func read(_ read: Read) throws -> Double? {
        func bytes(_ count: Int, at offset: Int) throws -> [UInt8] {
            var bytes = [UInt8](repeating: 0, count: count)
            try bytes.withUnsafeMutableBytes { try read($0, offset) }
            return bytes
        }
        let length = try bytes(8, at: 0).withUnsafeBytes { try SafetensorsHeader.length($0) }
        let header = try bytes(length, at: 8).withUnsafeBytes { try SafetensorsHeader(parsing: $0) }
        guard let entry = header.entries.first(where: { $0.spec.name == AuxiliaryTensors.steps }),
            entry.spec.dtype == .f32, entry.range.count == 4
        else { return nil }
        let value = try bytes(4, at: header.dataOffset + entry.range.lowerBound)
        let pattern = value.reversed().reduce(UInt32(0)) { $0 << 8 | UInt32($1) }
        return Double(Float(bitPattern: pattern))
    }
}
