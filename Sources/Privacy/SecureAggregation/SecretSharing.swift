/// Shamir's secret sharing over the field of 256 elements, byte by byte: any `threshold` shares give the secret, fewer say
/// nothing about it.
///
/// A. Shamir, "How to share a secret", CACM 1979. Byte b of the secret is the value at 0 of a polynomial of degree
/// `threshold` − 1 with random coefficients, a share is its values at the share's point (1 to 255). The field is that of
/// AES, x⁸ + x⁴ + x³ + x + 1; products take the same steps whatever the factors are.
public enum SecretSharing {
    /// One share of a secret.
    public struct Share: Sendable, Hashable {
        /// Where the polynomials were evaluated: 1 to 255, another for every holder.
        public var point: UInt8
        /// One value for each byte of the secret.
        public var bytes: [UInt8]

        /// A share from its parts.
        public init(point: UInt8, bytes: [UInt8]) {
            self.point = point
            self.bytes = bytes
        }
    }

    /// The most shares that one secret can have.
    public static let maximumShares = 255

    /// Shares a secret among `count` holders at the points 1 to `count`.
    ///
    /// - Parameter random: draws the coefficients; whoever can foresee it knows the secret from one share.
    /// - Throws: ``PrivacyError`` `invalidParameter` unless 1 ≤ threshold ≤ count ≤ 255.
    public static func split(
        _ secret: [UInt8], threshold: Int, count: Int, random: inout some RandomNumberGenerator
    ) throws(PrivacyError) -> [Share] {
        guard 1 <= threshold, threshold <= count, count <= maximumShares else {
            throw PrivacyError(
                .invalidParameter,
                "secret sharing: found threshold \(threshold) of \(count) shares, expected 1 to the number of shares, "
                    + "and at most \(maximumShares) shares")
        }
        var shares = (1...count).map { Share(point: UInt8($0), bytes: []) }
        for byte in secret {
            let coefficients = (1..<threshold).map { _ in UInt8.random(in: .min ... .max, using: &random) }
            for index in shares.indices {
                // Horner from the highest coefficient down.
                var value: UInt8 = 0
                for coefficient in coefficients.reversed() {
                    value = multiply(value ^ coefficient, shares[index].point)
                }
                shares[index].bytes.append(value ^ byte)
            }
        }
        return shares
    }

    /// The secret of at least `threshold` shares, by Lagrange's interpolation at 0. With fewer shares, or with one that was
    /// altered, other bytes come out: check them against something public.
    ///
    /// - Throws: ``PrivacyError`` `protocolViolation` for too few shares, equal points, the point 0 or different lengths.
    public static func combine(_ shares: [Share], threshold: Int) throws(PrivacyError) -> [UInt8] {
        guard shares.count >= threshold, threshold >= 1 else {
            throw PrivacyError(
                .protocolViolation, "secret sharing: found \(shares.count) shares, expected at least \(threshold)")
        }
        let used = Array(shares.prefix(threshold))
        let length = used[0].bytes.count
        guard used.allSatisfy({ $0.bytes.count == length && $0.point != 0 }), Set(used.map(\.point)).count == used.count
        else {
            throw PrivacyError(
                .protocolViolation, "secret sharing: found shares of different lengths or at equal points")
        }
        var secret = [UInt8](repeating: 0, count: length)
        for share in used {
            // ∏ x_j / (x_j − x_i); in this field taking away is adding.
            var weight: UInt8 = 1
            for other in used where other.point != share.point {
                weight = multiply(weight, multiply(other.point, inverse(other.point ^ share.point)))
            }
            for index in 0..<length { secret[index] ^= multiply(weight, share.bytes[index]) }
        }
        return secret
    }

    /// The product of two elements.
    static func multiply(_ left: UInt8, _ right: UInt8) -> UInt8 {
        var product: UInt8 = 0
        var factor = left
        for bit in 0..<8 {
            // All bits set where the bit of `right` is set.
            product ^= factor & (0 &- (right >> UInt8(bit) & 1))
            factor = (factor << 1) ^ (0x1B & (0 &- (factor >> 7)))
        }
        return product
    }

    /// a⁻¹ = a²⁵⁴; 0 for 0.
    static func inverse(_ value: UInt8) -> UInt8 {
        var result: UInt8 = 1
        var power = value
        for bit in 0..<8 {
            if 254 >> bit & 1 == 1 { result = multiply(result, power) }
            power = multiply(power, power)
        }
        return result
    }
}
