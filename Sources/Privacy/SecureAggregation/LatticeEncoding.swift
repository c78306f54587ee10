/// Numbers as whole multiples of a step, added modulo 2³² so that masks can hide them and sums stay exact.
///
/// With b bits a number x becomes q = round(x / s), limited to ±(2^(b−1) − 1), with s = range / (2^(b−1) − 1); halves go to
/// the even neighbour. The sum of n of them is exact while n · (2^(b−1) − 1) < 2³¹: ``init(range:bits:clients:)`` refuses
/// more.
public struct LatticeEncoding: Sendable, Hashable {
    /// The largest number that is written without being limited.
    public let range: Double
    /// Bits of one number, 2 to 31.
    public let bits: Int
    /// The largest whole number.
    public let limit: Int64
    /// The step.
    public let step: Double

    /// An encoding for sums of at most `clients` numbers.
    ///
    /// - Throws: ``PrivacyError`` `invalidParameter` when a number is out of its range or sums could wrap around.
    public init(range: Double, bits: Int, clients: Int) throws(PrivacyError) {
        guard range.isFinite, range > 0 else {
            throw PrivacyError(.invalidParameter, "secure aggregation: found range \(range), expected more than 0")
        }
        guard (2...31).contains(bits) else {
            throw PrivacyError(.invalidParameter, "secure aggregation: found \(bits) bits, expected 2 to 31")
        }
        limit = (1 << (bits - 1)) - 1
        guard clients >= 1, clients <= Int64(Int32.max) / limit else {
            throw PrivacyError(
                .invalidParameter,
                "secure aggregation: found \(clients) clients with \(bits) bits a number, expected at most "
                    + "\(Int64(Int32.max) / limit) so that sums do not wrap around; fewer bits allow more clients")
        }
        self.range = range
        self.bits = bits
        step = range / Double(limit)
    }

    /// An encoding with a step of its own, whose numbers another makes: see ``DistributedGaussian``.
    init(step: Double, limit: Int64) {
        self.step = step
        self.limit = limit
        range = step * Double(limit)
        bits = 32
    }

    /// The same step without the limit, as a client writes that keeps to none: sums may wrap around.
    public var unlimited: LatticeEncoding { LatticeEncoding(step: step, limit: Int64(Int32.max)) }

    /// Writes numbers.
    ///
    /// - Returns: how many were limited, NaN among them (written as 0).
    public func encode(
        _ values: UnsafeBufferPointer<Float>, into words: UnsafeMutableBufferPointer<UInt32>
    ) -> Int {
        precondition(values.count == words.count, "as many words as numbers are needed")
        let scale = Double(limit) / range
        let bound = Double(limit)
        var saturated = 0
        for index in values.indices {
            let scaled = (Double(values[index]) * scale).rounded(.toNearestOrEven)
            let limited = scaled.isNaN ? 0 : min(max(scaled, -bound), bound)
            if limited != scaled { saturated += 1 }
            words[index] = UInt32(bitPattern: Int32(limited))
        }
        return saturated
    }

    /// The number that a sum modulo 2³² stands for.
    public func decode(_ sum: UInt32) -> Double { Double(Int32(bitPattern: sum)) * step }
}
