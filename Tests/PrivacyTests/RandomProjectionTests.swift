import Foundation
import Testing

@testable import Privacy

/// Random sums of words, and what is concluded from them, against `Golden/make_norms.py`.
@Suite("Check of norms: random sums") struct RandomProjectionTests {
    private struct Golden: Decodable {
        struct Detection: Decodable {
            var ratio: Double
            var probability: Double
        }

        struct Row: Decodable {
            var projections: Int
            var quantile: Double
            var allowedRatio: Double
            var provenRefusal: Double
            var detections: [Detection]
        }

        struct Tail: Decodable {
            var x: Double
            var degrees: Int
            var tail: Double
        }

        var rows: [Row]
        var tails: [Tail]

        init() throws {
            let url = try #require(
                Bundle.module.url(forResource: "norms", withExtension: "json", subdirectory: "Golden"))
            self = try JSONDecoder().decode(Self.self, from: Data(contentsOf: url))
        }
    }

    private static func key(_ number: Int) -> [UInt8] {
        (0..<32).map { UInt8(truncatingIfNeeded: number >> (8 * ($0 % 4)) + $0) }
    }

    private static func sums(_ tensors: [[UInt32]], _ key: [UInt8], _ count: Int = 32) -> [UInt32] {
        RandomProjection(key: key, count: count).sums(rows: 1, sizes: tensors.map(\.count)) { _, tensor, start, words in
            for index in words.indices { words[index] = tensors[tensor][start + index] }
        }[0]
    }

    private static func words(_ count: Int, _ body: (Int) -> Int) -> [UInt32] {
        (0..<count).map { UInt32(truncatingIfNeeded: body($0)) }
    }

    /// The coefficient of an element as the documentation says it.
    private func coefficient(_ cipher: ChaCha20, _ tensor: UInt32, _ element: Int, _ sum: Int) -> Int {
        let (number, lane) = (UInt32(element / 16), element % 16)
        let (group, bit) = (UInt32(sum / 32), UInt32(sum % 32))
        let plus = cipher.block(counter: number, nonce: SIMD3(tensor, 0, 2 * group))[lane] >> bit & 1
        let minus = cipher.block(counter: number, nonce: SIMD3(tensor, 0, 2 * group + 1))[lane] >> bit & 1
        return Int(plus) - Int(minus)
    }

    @Test("The sums are those of the coefficients, whatever the sizes and the number of rows", arguments: [32, 64])
    func kernel(count: Int) {
        let sizes = [37, 1, 1100]
        let rows = (0..<3).map { row in sizes.map { size in Self.words(size) { $0 * 0x9E37_79B1 &+ row * 77 } } }
        let projection = RandomProjection(key: Self.key(9), count: count)
        let found = projection.sums(rows: 3, sizes: sizes) { row, tensor, start, words in
            for index in words.indices { words[index] = rows[row][tensor][start + index] }
        }
        let cipher = ChaCha20(key: Self.key(9))
        for sum in [0, 1, 17, count - 1] {
            var expected = [UInt32](repeating: 0, count: 3)
            for (tensor, size) in sizes.enumerated() {
                for element in 0..<size {
                    let factor = UInt32(truncatingIfNeeded: coefficient(cipher, UInt32(tensor), element, sum))
                    for row in 0..<3 { expected[row] &+= factor &* rows[row][tensor][element] }
                }
            }
            #expect(found.map { $0[sum] } == expected, "sum \(sum)")
        }
        #expect(Self.sums(rows[1], Self.key(9), count) == found[1])
    }

    @Test("A quarter of the coefficients is 1, a quarter −1 and half are 0")
    func coefficients() {
        var counts = [UInt32: Int]()
        for element in 0..<400 {
            for sum in Self.sums([Self.words(400) { $0 == element ? 1 : 0 }], Self.key(1)) {
                counts[sum, default: 0] += 1
            }
        }
        #expect(Set(counts.keys) == [0, 1, .max])
        // 12,800 draws: four deviations are 226 and 196.
        #expect(abs(counts[0, default: 0] - 6400) < 226)
        #expect(abs(counts[1, default: 0] - 3200) < 196 && abs(counts[.max, default: 0] - 3200) < 196)
    }

    @Test("The estimate is unbiased, and as far off as it may be, for long and for sparse vectors")
    func unbiased() {
        let dense = Self.words(64) { ($0 * 7919) % 2001 - 1000 }
        let sparse = Self.words(64) { $0 == 5 ? 5000 : 0 }
        for words in [dense, sparse] {
            let exact = words.reduce(0.0) { $0 + pow(Double(Int32(bitPattern: $1)), 2) }
            let estimates = (0..<300).map { NormBound.squaredLength(Self.sums([words], Self.key($0))) / exact }
            let mean = estimates.reduce(0, +) / 300
            let spread = (estimates.reduce(0) { $0 + pow($1 - mean, 2) } / 299).squareRoot()
            // √(2/32) = 0.25 is the deviation of one, at most; four deviations of the mean are 0.058.
            #expect(abs(mean - 1) < 0.058, "\(mean)")
            #expect(spread < 0.25 * 1.2, "\(spread)")
        }
    }

    @Test("Words that add up to nothing under signs alone, and other giants, are found out")
    func wrapAround() {
        let bound = NormBound(length: 1000, projections: 32)
        let giants: [[UInt32]] = [
            Self.words(100) { $0 < 2 ? 1 << 31 : 0 }, Self.words(100) { $0 < 4 ? 1 << 30 : 0 },
            Self.words(100) { _ in 1 << 31 }, Self.words(100) { $0 == 7 ? Int(Int32.max) : 3 },
            Self.words(100) { $0 % 2 == 0 ? 1 << 16 : 0 }, Self.words(100) { ($0 + 1) * 0x1234_5678 },
            Self.words(5000) { _ in 141 },
        ]
        for (number, words) in giants.enumerated() {
            for key in 0..<20 { #expect(!bound.admits(Self.sums([words], Self.key(key))), "\(number), \(key)") }
        }
    }

    @Test("An honest vector on the bound is admitted, and one of ten times the length is not")
    func admission() {
        for projections in [32, 128] {
            for key in 0..<100 {
                let words = Self.words(300) { (($0 + key) * 7919) % 2001 - 1000 }
                let length = words.reduce(0.0) { $0 + pow(Double(Int32(bitPattern: $1)), 2) }.squareRoot()
                let sums = Self.sums([words], Self.key(key), projections)
                #expect(NormBound(length: length, projections: projections).admits(sums))
                #expect(!NormBound(length: length / 10, projections: projections).admits(sums))
                #expect(NormBound(length: length / 10, projections: projections).admits(sums, updates: 10))
            }
        }
    }

    @Test("Quantiles, tails and the chances to be found out are those of the chi-square distribution")
    func golden() throws {
        let golden = try Golden()
        for row in golden.tails { expectClose(NormBound.tail(row.x, row.degrees), row.tail, 1e-9) }
        for row in golden.rows {
            expectClose(NormBound.quantile(1e-6, row.projections), row.quantile, 1e-9)
            let bound = NormBound(length: 500, projections: row.projections)
            expectClose(bound.limit.squareRoot() / 500, row.allowedRatio, 1e-9)
            expectClose(bound.provenRefusal, row.provenRefusal, 1e-6)
            for detection in row.detections {
                expectClose(bound.detection(ratio: detection.ratio), detection.probability, 1e-9)
            }
        }
    }

    @Test("The bound counts the rounding of every element, and sums that could wrap around are refused")
    func quantised() throws {
        let encoding = try LatticeEncoding(range: 0.25, bits: 16, clients: 10)
        let bound = try NormBound(clipNorm: 0.5, encoding: encoding, elements: 10_000, clients: 10, projections: 32)
        expectClose(bound.length, 0.5 / (0.25 / 32767) + 50, 1e-12)
        #expect(throws: PrivacyError.self) {
            try NormBound(clipNorm: 300, encoding: encoding, elements: 10_000, clients: 10, projections: 32)
        }
    }
}
