import Foundation
import Testing
import Weights

@testable import Privacy

/// What clients do to their updates, and what comes of the sum.
@Suite("Distributed noise: a client's step")
struct DistributedNoiseTests {
    private let secret: PrivacySecret

    init() throws { secret = try PrivacySecret(bytes: (0..<32).map { UInt8($0 &* 5) }) }

    private func numbers(
        clip: Double = 1, z: Double = 1, cohort: Int = 12, contributors: Int = 8, parameters: Int = 3000,
        range: Double? = nil
    ) throws -> DistributedGaussian {
        try DistributedGaussian(
            clipNorm: clip, noiseMultiplier: z, cohort: cohort, contributors: contributors, parameters: parameters,
            range: range)
    }

    private func update(_ values: [Float]) throws -> Weights { try Weights([("w", [values.count], values)]) }

    private func noise(
        _ numbers: DistributedGaussian, _ update: Weights, client: Int = 0, round: Int = 3, attempt: Int = 0,
        secret: PrivacySecret? = nil
    ) throws -> DistributedNoise {
        try DistributedNoise(
            numbers, secret: secret ?? self.secret, purpose: "client \(client)", round: round, attempt: attempt,
            update: update)
    }

    private func words(_ noise: DistributedNoise, _ values: [Float], block: Int? = nil) -> (
        words: [UInt32], limited: Int
    ) {
        var words = [UInt32](repeating: 0, count: values.count)
        var limited = 0
        for start in stride(from: 0, to: values.count, by: block ?? values.count) {
            let end = min(values.count, start + (block ?? values.count))
            values.withUnsafeBufferPointer { values in
                words.withUnsafeMutableBufferPointer { words in
                    limited += noise.encode(
                        tensor: 0, start: start, UnsafeBufferPointer(rebasing: values[start..<end]),
                        into: UnsafeMutableBufferPointer(rebasing: words[start..<end]))
                }
            }
        }
        return (words, limited)
    }

    @Test("The sum of the fewest clients carries the noise of the wanted multiplier: its moments")
    func moments() throws {
        let numbers = try numbers(z: 2)
        let values = [Float](repeating: 0, count: 3000)
        var sums = [UInt32](repeating: 0, count: 3000)
        for client in 0..<8 {
            let own = try words(noise(numbers, update(values), client: client), values).words
            for index in sums.indices { sums[index] &+= own[index] }
        }
        let noise = sums.map { numbers.encoding.decode($0) }
        let mean = noise.reduce(0, +) / 3000
        let variance = noise.reduce(0) { $0 + $1 * $1 } / 3000
        let fourth = noise.reduce(0) { $0 + pow($1, 4) } / 3000
        // σC = 2; five standard errors each.
        #expect(abs(mean) < 5 * 2 / 3000.0.squareRoot())
        #expect(abs(variance / 4 - 1) < 5 * (2.0 / 3000).squareRoot())
        #expect(abs(fourth / 16 - 3) < 5 * (96.0 / 3000).squareRoot())
        // One client's share is an eighth of the variance.
        let single = try words(self.noise(numbers, update(values)), values).words.map { numbers.encoding.decode($0) }
        let share = single.reduce(0) { $0 + $1 * $1 } / 3000
        #expect(abs(share / 0.5 - 1) < 5 * (2.0 / 3000).squareRoot())
    }

    @Test("The same after a restart and in blocks of any size; another for other rounds, attempts, clients and secrets")
    func determinism() throws {
        let numbers = try numbers()
        let values = (0..<3000).map { Float($0 % 13) / 500 - 0.01 }
        let update = try update(values)
        let one = try words(noise(numbers, update), values).words
        for block in [1, 7, 8, 500] { #expect(try words(noise(numbers, update), values, block: block).words == one) }
        let again = try PrivacySecret(bytes: secret.rawBytes)
        #expect(try words(noise(numbers, update, secret: again), values).words == one)
        for other in [
            try noise(numbers, update, client: 1), try noise(numbers, update, round: 4),
            try noise(numbers, update, attempt: 1), try noise(numbers, update, secret: PrivacySecret()),
        ] {
            let found = words(other, values).words
            #expect(zip(found, one).count { $0 == $1 } < 10)
        }
    }

    @Test("The clipped update is what is left without the noise, and no rounded one is too long")
    func clipping() throws {
        // So coarse a lattice that rounding matters.
        let numbers = try numbers(
            clip: 1, z: 30, cohort: 4_000_000, contributors: 3_000_000, parameters: 3000, range: 0.5)
        #expect(numbers.sigma <= 1 << 12)
        let values = (0..<3000).map { index -> Float in index == 0 ? 90 : Float(index % 3) - 1 }
        let update = try update(values)
        let norm = update.norm
        var total = [Double](repeating: 0, count: values.count)
        let repeats = 40
        for attempt in 0..<repeats {
            let noise = try noise(numbers, update, attempt: attempt)
            let found = words(noise, values)
            // Only the first element is beyond the range after clipping.
            #expect(found.limited == (Double(90) / norm > 0.5 ? 1 : 0))
            for index in values.indices { total[index] += numbers.encoding.decode(found.words[index]) }
            var squares = 0.0
            values.withUnsafeBufferPointer { values in
                _ = noise.forEachRounded(0, 0, values) { _, whole in squares += Double(whole * whole) }
            }
            #expect(squares > 0 && squares <= numbers.squaredNormBound)
        }
        let deviation = Double(numbers.sigma) * numbers.step * Double(repeats).squareRoot()
        for index in values.indices {
            let clipped = min(0.5, Double(values[index]) / norm)
            #expect(abs(total[index] - Double(repeats) * clipped) < 6 * deviation, "\(index)")
        }
    }

    @Test("An update that is not finite leaves noise alone")
    func notFinite() throws {
        let numbers = try numbers()
        var values = [Float](repeating: 0.01, count: 3000)
        let silent = try words(noise(numbers, update([Float](repeating: 0, count: 3000))), values).words
        values[7] = .nan
        let found = try words(noise(numbers, update(values)), values)
        #expect(found.limited == 1)
        #expect(silent.count == found.words.count)
        let size = found.words.reduce(0.0) { $0 + pow(numbers.encoding.decode($1), 2) } / 3000
        // A share of 1/8 of a multiplier of 1.
        #expect(abs(size / 0.125 - 1) < 5 * (2.0 / 3000).squareRoot())
    }

    @Test("Masks come off the noisy words, and a client signs no list that is too short for the noise")
    func masks() throws {
        let numbers = try numbers()
        let values = [Float](repeating: 0.01, count: 3000)
        let update = try update(values)
        let noise = try noise(numbers, update)
        let mask = PairwiseMask(key: [UInt8](repeating: 9, count: 32), isAdded: true)
        let masked = try MaskedUpdate.masked(update, as: numbers.encoding, with: [mask], noise: noise)
        var bytes = try masked.words.withUnsafeBytes(of: "w") { Array($0.bindMemory(to: UInt32.self)) }
        bytes.withUnsafeMutableBufferPointer { mask.reversed.apply(tensor: 0, start: 0, to: $0) }
        #expect(bytes == words(noise, values).words)

        let names = ["a", "b", "c", "d"]
        let round = try SecureRound(context: "r", cohort: 4, degree: nil, threshold: 3, minimum: 4)
        let identities = TransientIdentity.make(for: names)
        var clients = try names.map { name in
            try SecureClient(client: name, round: round, identity: #require(identities[name]))
        }
        let roster = try clients.indices.map { try clients[$0].advertise() }
        let shares = try clients.indices.flatMap { try clients[$0].share(roster) }
        for index in clients.indices {
            _ = try clients[index].masks(shares.filter { $0.recipient == names[index] })
        }
        let error = #expect(throws: PrivacyError.self) { try clients[0].sign(["a", "b", "c"]) }
        #expect(error?.message.contains("at least 4") == true)
        #expect(throws: Never.self) { try clients[1].sign(names) }
    }

    @Test("A client shares nothing, and masks nothing, in a round that cannot have the smallest sum any more")
    func smallRound() throws {
        let names = ["a", "b", "c", "d"]
        let round = try SecureRound(context: "r", cohort: 4, degree: nil, threshold: 3, minimum: 4)
        let identities = TransientIdentity.make(for: names)
        func advertised() throws -> (clients: [SecureClient], roster: [KeyAdvertisement]) {
            var clients = try names.map { name in
                try SecureClient(client: name, round: round, identity: #require(identities[name]))
            }
            let roster = try clients.indices.map { try clients[$0].advertise() }
            return (clients, roster)
        }
        var (few, roster) = try advertised()
        let early = #expect(throws: PrivacyError.self) { try few[0].share(Array(roster.prefix(3))) }
        #expect(early?.message.contains("3 clients have keys, at least 4") == true)
        var clients: [SecureClient]
        (clients, roster) = try advertised()
        let shares = try clients.indices.flatMap { try clients[$0].share(roster) }
        let late = #expect(throws: PrivacyError.self) {
            try clients[0].masks(shares.filter { $0.recipient == "a" && $0.sender != "d" })
        }
        #expect(late?.message.contains("3 clients share their secrets, at least 4") == true)
    }
}
