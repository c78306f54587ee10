import Testing

@testable import Privacy

@Suite struct SecretSharingTests {
    private func words(_ purpose: String) throws -> NoiseWords {
        try PrivacySecret(bytes: [UInt8](repeating: 7, count: 32)).stream(purpose: purpose, round: 0).words()
    }

    @Test func theFieldIsThatOfAES() {
        // FIPS 197, section 4.2: {57} · {83} = {c1}, {57} · {13} = {fe}.
        #expect(SecretSharing.multiply(0x57, 0x83) == 0xC1)
        #expect(SecretSharing.multiply(0x57, 0x13) == 0xFE)
        for value in UInt8(1)...255 {
            #expect(SecretSharing.multiply(value, SecretSharing.inverse(value)) == 1)
        }
    }

    @Test(arguments: [(1, 1), (2, 3), (14, 20), (128, 255), (255, 255)])
    func anyThresholdOfSharesGivesTheSecret(_ threshold: Int, _ count: Int) throws {
        var random = try words("secret")
        let secret = (0..<32).map { _ in UInt8.random(in: .min ... .max, using: &random) }
        let shares = try SecretSharing.split(secret, threshold: threshold, count: count, random: &random)
        #expect(Set(shares.map(\.point)).count == count)
        for _ in 0..<5 {
            let some = Array(shares.shuffled(using: &random).prefix(threshold))
            #expect(try SecretSharing.combine(some, threshold: threshold) == secret)
        }
    }

    /// With one share fewer, every value of the secret's byte is equally likely: over many polynomials the value that
    /// completes the shares runs over all of them.
    @Test func fewerSharesSayNothing() throws {
        var random = try words("fewer")
        var seen = [Int](repeating: 0, count: 256)
        for _ in 0..<25_600 {
            let shares = try SecretSharing.split([42], threshold: 2, count: 2, random: &random)
            seen[Int(shares[0].bytes[0])] += 1
        }
        // Chi-square with 255 degrees of freedom: 99.9 % of them are below 330.5.
        let statistic = seen.reduce(0.0) { $0 + (Double($1) - 100) * (Double($1) - 100) / 100 }
        #expect(statistic < 330.5)
    }

    @Test func refusesWhatCannotBeShared() throws {
        var random = try words("refused")
        for (threshold, count) in [(0, 3), (4, 3), (2, 256)] {
            #expect(throws: PrivacyError.self) {
                try SecretSharing.split([1], threshold: threshold, count: count, random: &random)
            }
        }
        let shares = try SecretSharing.split([1, 2], threshold: 2, count: 3, random: &random)
        #expect(throws: PrivacyError.self) { try SecretSharing.combine([shares[0]], threshold: 2) }
        #expect(throws: PrivacyError.self) { try SecretSharing.combine([shares[0], shares[0]], threshold: 2) }
        #expect(throws: PrivacyError.self) {
            try SecretSharing.combine([shares[0], .init(point: 2, bytes: [1])], threshold: 2)
        }
    }
}
