internal import Crypto

extension MachineLimits {
    /// AES-256-GCM over records of 16 KiB, as TLS seals them, on one core: GB/s of plain text.
    public static func cipherSpeed(repetitions: Int = 5, bytes: Int = 128 << 20) throws -> [Double] {
        let record = [UInt8](repeating: 8, count: 16 << 10)
        let key = SymmetricKey(size: .bits256)
        let nonce = AES.GCM.Nonce()
        return try speeds(bytes: bytes / record.count * record.count, repetitions: repetitions) {
            for _ in 0..<(bytes / record.count) {
                // The same nonce again would be wrong for secrets; here nothing is one.
                _ = try AES.GCM.seal(record, using: key, nonce: nonce)
            }
        }
    }

    /// SHA-256 over blocks of 1 MiB, as transfers are hashed, on one core: GB/s.
    public static func hashSpeed(repetitions: Int = 5, bytes: Int = 256 << 20) -> [Double] {
        let block = [UInt8](repeating: 8, count: 1 << 20)
        return speeds(bytes: bytes / block.count * block.count, repetitions: repetitions) {
            var hash = SHA256()
            for _ in 0..<(bytes / block.count) { block.withUnsafeBytes { hash.update(bufferPointer: $0) } }
            _ = hash.finalize()
        }
    }
}
