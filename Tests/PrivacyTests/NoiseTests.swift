import Foundation
import Testing

@testable import Privacy

@Suite("Noise under a secret")
struct NoiseTests {
    let secret: PrivacySecret

    init() throws { secret = try PrivacySecret(bytes: (0..<32).map { UInt8($0) }) }

    @Test("The block function of RFC 8439, 2.3.2 and appendix A.1")
    func blocks() {
        let block = ChaCha20(key: (0..<32).map { UInt8($0) }).block(
            counter: 1, nonce: SIMD3(0x0900_0000, 0x4A00_0000, 0))
        let expected: [UInt32] = [
            0xE4E7_F110, 0x1559_3BD1, 0x1FDD_0F50, 0xC471_20A3, 0xC7F4_D1C7, 0x0368_C033, 0x9AAA_2204, 0x4E6C_D4C3,
            0x4664_82D2, 0x09AA_9F07, 0x05D7_C214, 0xA202_8BD9, 0xD19C_12B5, 0xB94E_16DE, 0xE883_D0CB, 0x4E3C_50A2,
        ]
        #expect((0..<16).map { block[$0] } == expected)
        let zero = ChaCha20(key: [UInt8](repeating: 0, count: 32)).block(counter: 0, nonce: .zero)
        #expect((zero[0], zero[1], zero[15]) == (0xADE0_B876, 0x903D_F1A0, 0x8665_EEB2))
    }

    @Test("Many blocks at a time are the block function's, one by one, also across 2³² blocks")
    func manyBlocks() {
        let nonce = SIMD3<UInt32>(0x0900_0000, 0x4A00_0000, 0)
        let cipher = ChaCha20(key: (0..<32).map { UInt8($0) })
        for number in [0, 1, 1000, 1 << 32 - 5, 3 << 32 - 1] {
            for count in [0, 1, 2, 3, 4, 5, 7, 8, 9, 15, 16, 17, 31, 32, 33, 50] {
                let before = (0..<count * 16).map { UInt32(truncatingIfNeeded: $0 &* 2_654_435_761) }
                let stream = (0..<count).flatMap { index in
                    let high = UInt32(truncatingIfNeeded: (number + index) >> 32)
                    let block = cipher.block(
                        counter: UInt32(truncatingIfNeeded: number + index),
                        nonce: SIMD3(nonce.x, nonce.y &+ high, nonce.z))
                    return (0..<16).map { block[$0] }
                }
                for isAdded in [true, false] {
                    var words = before
                    words.withUnsafeMutableBufferPointer {
                        cipher.apply(number: number, nonce: nonce, to: $0, isAdded: isAdded)
                    }
                    #expect(words == zip(before, stream).map { isAdded ? $0 &+ $1 : $0 &- $1 })
                }
            }
        }
    }

    @Test("A mask's words are those of its elements, wherever a part of a tensor begins and ends")
    func maskedParts() {
        let key = (0..<32).map { UInt8($0 * 3) }
        let cipher = ChaCha20(key: key)
        let origin = 16 << 32 - 300
        let stream = (origin..<origin + 700).map { element in
            cipher.block(
                counter: UInt32(truncatingIfNeeded: element / 16),
                nonce: SIMD3(7, UInt32(truncatingIfNeeded: (element / 16) >> 32), 1))[element % 16]
        }
        for start in [0, 1, 15, 16, 17, 100, 299, 300, 301] {
            for count in [0, 1, 2, 15, 16, 17, 33, 127, 128, 129, 257, 300, 399] {
                let expected = Array(stream[start..<start + count])
                for isAdded in [true, false] {
                    // At odd places of memory, too.
                    var words = [UInt32](repeating: 5, count: count + 3)
                    words.withUnsafeMutableBufferPointer {
                        PairwiseMask(key: key, isAdded: isAdded).apply(
                            tensor: 7, start: origin + start, to: .init(rebasing: $0[1..<1 + count]))
                    }
                    #expect(
                        words == [5] + expected.map { isAdded ? 5 &+ $0 : 5 &- $0 } + [5, 5], "\(start), \(count)")
                }
            }
        }
    }

    private func normals(_ stream: NoiseStream, tensor: Int, start: Int, count: Int) -> [Double] {
        var values = [Double](repeating: 0, count: count)
        values.withUnsafeMutableBufferPointer {
            stream.addNormals(tensor: tensor, start: start, deviation: 1, to: $0)
        }
        return values
    }

    @Test("Noise depends on the element and not on the block it is made in, and is the same for the same secret")
    func addressing() throws {
        let stream = secret.stream(purpose: "noise", round: 3, attempt: 1)
        let whole = normals(stream, tensor: 2, start: 0, count: 100)
        for start in [0, 1, 7, 8, 13, 64] {
            #expect(normals(stream, tensor: 2, start: start, count: 30) == Array(whole[start..<start + 30]))
        }
        let again = try PrivacySecret(bytes: secret.rawBytes).stream(purpose: "noise", round: 3, attempt: 1)
        #expect(normals(again, tensor: 2, start: 0, count: 100) == whole)
        #expect(stream.normal(tensor: 2, element: 13) == whole[13])
        for other in [
            secret.stream(purpose: "count", round: 3, attempt: 1),
            secret.stream(purpose: "noise", round: 4, attempt: 1),
            secret.stream(purpose: "noise", round: 3, attempt: 2), PrivacySecret().stream(purpose: "noise", round: 3),
        ] {
            #expect(Set(normals(other, tensor: 2, start: 0, count: 100)).isDisjoint(with: whole))
        }
        #expect(Set(normals(stream, tensor: 3, start: 0, count: 100)).isDisjoint(with: whole))
    }

    @Test("Normals: moments, tails and Kolmogorov-Smirnov's distance")
    func distribution() {
        let count = 40_000
        let values = normals(secret.stream(purpose: "noise", round: 0), tensor: 0, start: 0, count: count)
        let mean = values.reduce(0, +) / Double(count)
        let variance = values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(count)
        let fourth = values.reduce(0) { $0 + pow($1 - mean, 4) } / Double(count)
        // Five standard errors.
        #expect(abs(mean) < 5 / Double(count).squareRoot())
        #expect(abs(variance - 1) < 5 * (2 / Double(count)).squareRoot())
        #expect(abs(fourth - 3) < 5 * (96 / Double(count)).squareRoot())
        var distance = 0.0
        for (index, value) in values.sorted().enumerated() {
            let expected = 0.5 * erfc(-value / 2.0.squareRoot())
            distance = max(distance, abs(expected - Double(index) / Double(count)))
        }
        // The 99.9 % point of the distance.
        #expect(distance < 1.95 / Double(count).squareRoot())
        let neighbours = zip(values, values.dropFirst()).reduce(0) { $0 + $1.0 * $1.1 } / Double(count)
        #expect(abs(neighbours) < 5 / Double(count).squareRoot())
    }

    @Test("The discrete Gaussian: chi-square against its probabilities")
    func discrete() throws {
        for golden in Golden.values.discreteGaussian {
            let distribution = try DiscreteGaussian(sigma: golden.sigma)
            let stream = secret.stream(purpose: "noise", round: 1)
            let count = 4000
            var counts = [Double](repeating: 0, count: golden.probabilities.count + 1)
            var sum = 0
            for element in 0..<count {
                var words = stream.words(tensor: 1, element: element)
                let value = Int(distribution.draw(&words))
                counts[min(abs(value), golden.probabilities.count)] += 1
                sum += value
            }
            var statistic = 0.0
            var bins = 0
            for (found, probability) in zip(counts, golden.probabilities) where probability * Double(count) >= 5 {
                let expected = probability * Double(count)
                statistic += (found - expected) * (found - expected) / expected
                bins += 1
            }
            // Far above the 99.9 % point for so few bins, far below what a wrong sigma gives.
            #expect(
                statistic < Double(bins) + 5 * (2 * Double(bins)).squareRoot(), "sigma \(golden.sigma): \(statistic)")
            #expect(abs(Double(sum)) < 5 * Double(golden.sigma) * Double(count).squareRoot())
        }
        #expect(throws: PrivacyError.self) { try DiscreteGaussian(sigma: 0) }
        #expect(throws: PrivacyError.self) { try DiscreteGaussian(sigma: 2 << 20) }
    }

    @Test("The discrete Gaussian with its largest sigma")
    func largeDiscrete() throws {
        let distribution = try DiscreteGaussian(sigma: DiscreteGaussian.largestSigma)
        let stream = secret.stream(purpose: "noise", round: 2)
        let count = 2000
        let scaled = (0..<count).map { element in
            var words = stream.words(element: element)
            return Double(distribution.draw(&words)) / Double(DiscreteGaussian.largestSigma)
        }
        let variance = scaled.reduce(0) { $0 + $1 * $1 } / Double(count)
        #expect(abs(variance - 1) < 5 * (2 / Double(count)).squareRoot())
    }

    @Test("A secret does not show itself")
    func hidden() throws {
        #expect("\(secret)" == "privacy secret")
        var text = ""
        dump(secret, to: &text)
        #expect(!text.contains("31"))
        #expect(PrivacySecret() != PrivacySecret())
        #expect(throws: PrivacyError.self) { try PrivacySecret(bytes: [1, 2, 3]) }
    }

    @Test("A secret's file: made once, mode 0600, refused when it holds something else")
    func file() throws {
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent(UUID().uuidString).path
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let file = SecretFile("\(folder)/privacy.key")
        #expect(try file.existing() == nil)
        let secret = try file.load()
        #expect(try file.load() == secret && file.existing() == secret)
        let attributes = try FileManager.default.attributesOfItem(atPath: file.path)
        #expect((attributes[.posixPermissions] as? NSNumber)?.intValue == 0o600)
        #expect(try file.make() != secret)
        try Data([1, 2, 3]).write(to: URL(fileURLWithPath: file.path))
        #expect(throws: PrivacyError.self) { try file.load() }
    }
}
