public import Weights

/// What one client does to its update before it masks it: clip to C, round to the lattice at random, add its share of the
/// noise. The numbers are those of ``DistributedGaussian``.
///
/// An element x becomes ⌊x/γ⌋ or the next, with the mean x/γ; all are drawn again while the rounded update is longer than
/// the bound. Rounding and noise are addressed by (purpose, round, attempt, tensor, element) under the client's own secret:
/// the same update of the same attempt gets the same words after a restart and in blocks of any size.
public struct DistributedNoise: Sendable {
    /// Reads elements of a tensor from `start` on.
    public typealias Read = (
        _ tensor: Int, _ start: Int, _ values: UnsafeMutableBufferPointer<Float>
    ) throws -> Void

    /// After so many refused roundings elements are rounded towards zero, which is never too long. Each is refused with
    /// the probability e^(−½) at most.
    private static let tries = 64
    /// How many elements are looked at together.
    private static let block = 16 << 10
    /// Words of 64 bits in one block of the cipher.
    private static let wordsPerBlock = 8

    /// The numbers.
    public let gaussian: DistributedGaussian
    private let distribution: DiscreteGaussian
    private let factor: Double
    private let noise: NoiseStream
    /// Nil for rounding towards zero.
    private var rounding: NoiseStream?

    /// Looks at an update's norm and finds its rounding.
    ///
    /// - Parameters:
    ///   - secret: the client's own.
    ///   - purpose: names the client and the job beyond doubt among the uses of the secret.
    ///   - sizes: how many elements each tensor has.
    ///   - read: reads the update; called for all of it at least twice.
    /// - Throws: what `read` throws.
    public init(
        _ gaussian: DistributedGaussian, secret: PrivacySecret, purpose: String, round: Int, attempt: Int,
        sizes: [Int], read: Read
    ) throws {
        self.gaussian = gaussian
        distribution = try DiscreteGaussian(sigma: gaussian.sigma)
        noise = secret.stream(purpose: purpose + " noise", round: round, attempt: attempt)
        var total = 0.0
        try Self.visit(sizes, read) { _, _, values in
            for value in values { total += Double(value) * Double(value) }
        }
        factor = FlatClipping.factor(norm: total.squareRoot(), bound: gaussian.clipNorm)
        let bound = UInt128(gaussian.squaredNormBound)
        for index in 0..<Self.tries {
            rounding = secret.stream(purpose: purpose + " rounding \(index)", round: round, attempt: attempt)
            var squares: UInt128 = 0
            try Self.visit(sizes, read) { tensor, start, values in
                forEachRounded(tensor, start, values) { _, whole in
                    squares += UInt128(whole.magnitude) * UInt128(whole.magnitude)
                }
            }
            if squares <= bound { return }
        }
        rounding = nil
    }

    /// The same for an update in memory.
    ///
    /// - Throws: `PrivacyError` `invalidParameter` when a tensor is not in f32, the form of updates.
    public init(
        _ gaussian: DistributedGaussian, secret: PrivacySecret, purpose: String, round: Int, attempt: Int,
        update: Weights
    ) throws {
        let specs = update.schema.tensors
        for spec in specs where spec.dtype != .f32 {
            throw PrivacyError(
                .invalidParameter,
                "distributed noise: tensor '\(spec.name)' of the update is \(spec.dtype.rawValue), expected F32")
        }
        try self.init(
            gaussian, secret: secret, purpose: purpose, round: round, attempt: attempt, sizes: specs.map(\.elementCount)
        ) { tensor, start, target in
            try update.withFloats(specs[tensor].name) { values in
                for index in target.indices { target[index] = values[start + index] }
            }
        }
    }

    /// Writes elements of a tensor as words modulo 2³², ready to be masked.
    ///
    /// - Parameters:
    ///   - tensor: the tensor's position in the update's schema.
    ///   - start: the first element.
    /// - Returns: how many elements were limited.
    public func encode(
        tensor: Int, start: Int, _ values: UnsafeBufferPointer<Float>, into words: UnsafeMutableBufferPointer<UInt32>
    ) -> Int {
        precondition(values.count == words.count, "as many words as numbers are needed")
        return forEachRounded(tensor, start, values) { index, whole in
            var draws = noise.words(tensor: tensor, element: start + index)
            words[index] = UInt32(truncatingIfNeeded: whole &+ distribution.draw(&draws))
        }
    }

    /// Clips, limits and rounds elements; gives each with its place in the block.
    ///
    /// - Returns: how many were limited.
    @discardableResult
    func forEachRounded(
        _ tensor: Int, _ start: Int, _ values: UnsafeBufferPointer<Float>, _ body: (Int, Int64) -> Void
    ) -> Int {
        var limited = 0
        var words: NoiseWords?
        for index in values.indices {
            let element = start + index
            if let rounding, words == nil || element % Self.wordsPerBlock == 0 {
                var fresh = rounding.words(tensor: tensor, element: element / Self.wordsPerBlock)
                for _ in 0..<(element % Self.wordsPerBlock) { _ = fresh.next() }
                words = fresh
            }
            let word = words?.next() ?? 0
            // Nothing is left of an update whose norm is not finite.
            let value = factor > 0 ? Double(values[index]) * factor : 0
            let inside = min(max(value, -gaussian.range), gaussian.range)
            if inside != value || !values[index].isFinite { limited += 1 }
            let scaled = inside / gaussian.step
            let low = scaled.rounded(.down)
            var whole = Int64(low)
            if rounding == nil {
                whole = Int64(scaled.rounded(.towardZero))
            } else if Double(word) * 0x1p-64 < scaled - low {
                whole += 1
            }
            body(index, min(max(whole, -gaussian.limit), gaussian.limit))
        }
        return limited
    }

    private static func visit(
        _ sizes: [Int], _ read: Read, _ body: (Int, Int, UnsafeBufferPointer<Float>) -> Void
    ) throws {
        let values = UnsafeMutableBufferPointer<Float>.allocate(capacity: block)
        values.initialize(repeating: 0)
        defer { values.deallocate() }
        for (tensor, size) in sizes.enumerated() {
            for start in stride(from: 0, to: size, by: block) {
                let part = UnsafeMutableBufferPointer(rebasing: values[..<min(block, size - start)])
                try read(tensor, start, part)
                body(tensor, start, UnsafeBufferPointer(part))
            }
        }
    }
}
