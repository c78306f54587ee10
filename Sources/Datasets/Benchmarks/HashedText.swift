/// Text as a sequence of vectors, one a token, without a learned table: signed feature hashing.
///
/// It stands in for the hidden states of a language model, whose weights are not at hand: it knows which words are the
/// same and which share parts, and nothing of what they mean.
///
/// 1. Tokens: the text in lower case; a run of letters, digits and apostrophes is a token, every other character that
///    is not white space is one of its own. The first ``maximumTokens`` are kept.
/// 2. Features of a token: the word itself with weight 1 in each of 8 places; the pieces of 3 to 5 characters of
///    `<word>`, each with weight 2/√(their number); the pair with the token before with weight 0.5 in each of 4 places.
/// 3. A feature goes to the place h mod 512 with the sign of the top bit of h, a 64-bit hash of its text (FNV-1a, then
///    the finaliser of SplitMix64).
/// 4. The vector is scaled to a root mean square of 1.
///
/// Sources: K. Weinberger et al., "Feature hashing for large scale multitask learning", ICML 2009; the pieces of words
/// from P. Bojanowski et al., "Enriching word vectors with subword information", TACL 2017.
public enum HashedText {
    /// Features of a token, as many as MobileBERT's states have.
    public static let dimensions = 512
    /// The most tokens that are kept. Of MELD's utterances and CrisisMMD's posts few are longer.
    public static let maximumTokens = 32

    /// The tokens of a text, all of them.
    public static func tokens(_ text: String) -> [String] {
        var tokens: [String] = []
        var word = ""
        func isWord(_ scalar: Unicode.Scalar) -> Bool {
            scalar == "'" || scalar.properties.isAlphabetic || scalar.properties.numericType != nil
        }
        for scalar in text.lowercased().unicodeScalars {
            let scalar = scalar == "\u{2019}" ? "'" : scalar
            if isWord(scalar) {
                word.unicodeScalars.append(scalar)
            } else {
                if !word.isEmpty { tokens.append(word) }
                word = ""
                if !scalar.properties.isWhitespace { tokens.append(String(scalar)) }
            }
        }
        if !word.isEmpty { tokens.append(word) }
        return tokens
    }

    /// The vectors of the first tokens of a text, row-major `[tokens, 512]`, at most ``maximumTokens``.
    public static func features(_ text: String) -> [Float] {
        let tokens = tokens(text).prefix(maximumTokens)
        var result = [Float](repeating: 0, count: tokens.count * dimensions)
        result.withUnsafeMutableBufferPointer { encode(tokens, into: $0) }
        return result
    }

    /// Writes the vectors of tokens, one after another, into a buffer of zeros that is large enough.
    static func encode(_ tokens: some Sequence<String>, into buffer: UnsafeMutableBufferPointer<Float>) {
        var previous = ""
        for (index, token) in tokens.enumerated() {
            var vector = Vector(
                buffer: UnsafeMutableBufferPointer(rebasing: buffer[index * dimensions..<(index + 1) * dimensions]))
            vector.add("w \(token)".utf8, places: 8, weight: 1)
            let scalars = Array("<\(token)>".unicodeScalars)
            let count = (3...5).reduce(0) { $0 + max(0, scalars.count - $1 + 1) }
            let weight = 2 / Float(max(1, count)).squareRoot()
            for length in 3...5 where scalars.count >= length {
                for start in 0...scalars.count - length {
                    var piece = "c "
                    piece.unicodeScalars.append(contentsOf: scalars[start..<start + length])
                    vector.add(piece.utf8, places: 1, weight: weight)
                }
            }
            vector.add("p \(previous) \(token)".utf8, places: 4, weight: 0.5)
            vector.scale()
            previous = token
        }
    }

    /// One token's vector, of which few places are not zero.
    private struct Vector {
        let buffer: UnsafeMutableBufferPointer<Float>
        var touched: [Int] = []

        mutating func add(_ text: String.UTF8View, places: Int, weight: Float) {
            var hash: UInt64 = 0xCBF2_9CE4_8422_2325
            for byte in text { hash = (hash ^ UInt64(byte)) &* 0x0000_0100_0000_01B3 }
            for _ in 0..<places {
                hash = mix(hash &+ 0x9E37_79B9_7F4A_7C15)
                let place = Int(hash % UInt64(dimensions))
                buffer[place] += hash >> 63 == 0 ? weight : -weight
                touched.append(place)
            }
        }

        /// In the order of places, so that the sum has the same bits everywhere.
        func scale() {
            let places = Set(touched).sorted()
            let squares = places.reduce(Float(0)) { $0 + buffer[$1] * buffer[$1] }
            guard squares > 0 else { return }
            let factor = (Float(dimensions) / squares).squareRoot()
            for place in places { buffer[place] *= factor }
        }
    }

    private static func mix(_ value: UInt64) -> UInt64 {
        var value = (value ^ (value >> 30)) &* 0xBF58_476D_1CE4_E5B9
        value = (value ^ (value >> 27)) &* 0x94D0_49BB_1331_11EB
        return value ^ (value >> 31)
    }
}
