import Datasets
import Testing

/// Hashed words against values from `Golden/make_hashed_text.py`.
@Suite struct HashedTextTests {
    @Test func tokensAreWordsAndMarks() {
        #expect(
            HashedText.tokens("You\u{2019}re  NOT going, Café42! #fire\u{1F525}")
                == ["you're", "not", "going", ",", "café42", "!", "#", "fire", "\u{1F525}"])
        #expect(HashedText.tokens(" \t\n") == [])
    }

    @Test func vectorsAreTheGoldenOnes() {
        let found = HashedText.features("You\u{2019}re CAFÉ!")
        #expect(found.count == 3 * 512)
        for (row, golden) in Self.golden.enumerated() {
            for place in 0..<512 {
                #expect(abs(found[row * 512 + place] - (golden[place] ?? 0)) < 1e-4, "token \(row) place \(place)")
            }
        }
    }

    @Test func longTextsAreCutAndEveryTokenHasOneScale() {
        let long = HashedText.features((0..<100).map { "word\($0)" }.joined(separator: " "))
        #expect(long.count == HashedText.maximumTokens * 512)
        for token in 0..<HashedText.maximumTokens {
            let squares = long[token * 512..<(token + 1) * 512].reduce(0) { $0 + $1 * $1 }
            #expect(abs(squares - 512) < 0.01)
        }
        #expect(HashedText.features("") == [])
        // Like words are near, others are not.
        func product(_ a: String, _ b: String) -> Float {
            zip(HashedText.features(a), HashedText.features(b)).reduce(0) { $0 + $1.0 * $1.1 } / 512
        }
        #expect(product("wonderful", "wonderfully") > 0.15)
        #expect(abs(product("wonderful", "Tuesday")) < 0.15)
    }

    private static let golden: [[Int: Float]] = [
        [
            10: 3.2408, 24: 3.1379, 87: 6.2757, 96: -3.2408, 106: -3.2408, 125: -3.2408, 211: 3.1379, 218: -3.2408,
            238: 3.2408, 239: 6.2757, 243: -3.2408, 246: 3.2408, 261: -3.2408, 310: 3.1379, 329: -6.2757,
            339: -6.2757, 394: -3.2408, 403: -6.2757, 405: 3.2408, 413: -3.2408, 420: 6.2757, 431: -6.2757,
            443: 6.2757, 453: 3.2408, 469: -3.2408, 471: 3.2408, 505: -3.1379,
        ],
        [
            78: 6.5019, 83: -4.3346, 95: -6.5019, 110: 3.251, 113: 4.3346, 125: 6.5019, 134: 6.5019, 144: 3.251,
            178: 6.5019, 184: -6.5019, 196: 4.3346, 199: -4.3346, 214: 4.3346, 220: 6.5019, 284: -6.5019,
            334: -3.251, 375: -3.251, 378: 4.3346, 479: -4.3346,
        ],
        [
            52: 3.7712, 80: -7.5425, 146: 3.7712, 178: 7.5425, 221: 7.5425, 248: 7.5425, 250: -7.5425, 262: 3.7712,
            296: -7.5425, 348: -7.5425, 370: -7.5425, 510: 3.7712,
        ],
    ]
}
