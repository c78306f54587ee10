/// Some equal releases that were made, or will be, and what they cost.
public struct PrivacyCharge: Sendable, Hashable, Codable {
    /// The mechanisms.
    public enum Kind: String, Sendable, Hashable, Codable {
        /// Gaussian noise on a sum over a Poisson sample; neighbours differ by one participant more or less.
        case poisson
        /// Gaussian noise on a sum over a sample of fixed size without replacement; neighbours differ in one participant.
        case fixed
        /// Prefix sums of rounds by a binary tree of Gaussian noise; a participant at most every `separation` rounds. The
        /// releases of one tree are one charge, whose cost depends on the length: see ``TreeSensitivity``.
        case tree
    }

    /// What was released.
    public var kind: Kind
    /// Standard deviation of the noise divided by the L2 sensitivity between neighbours.
    public var noiseMultiplier: Double
    /// The share of the participants in a sample; 1 for `tree`.
    public var rate: Double
    /// For `tree`: rounds from one participation to the next, at least 1.
    public var separation: Int
    /// How many releases.
    public var count: Int

    /// A charge.
    public init(kind: Kind, noiseMultiplier: Double, rate: Double = 1, separation: Int = 1, count: Int = 1) {
        self.kind = kind
        self.noiseMultiplier = noiseMultiplier
        self.rate = rate
        self.separation = separation
        self.count = count
    }

    /// Itself when every number is in its range.
    ///
    /// - Throws: ``PrivacyError`` `invalidParameter`.
    public func validated() throws(PrivacyError) -> PrivacyCharge {
        guard noiseMultiplier > 0, noiseMultiplier.isFinite else {
            throw PrivacyError(
                .invalidParameter, "noise multiplier: found \(noiseMultiplier), expected a number above 0")
        }
        guard rate >= 0, rate <= 1 else {
            throw PrivacyError(.invalidParameter, "sampling rate: found \(rate), expected a number from 0 to 1")
        }
        guard separation >= 1, count >= 0 else {
            throw PrivacyError(
                .invalidParameter,
                "found \(count) releases with separation \(separation), expected at least 0 and at least 1")
        }
        return self
    }

    /// The Rényi divergence of all releases together, of an order above 1.
    func divergence(order: Double) -> Double {
        switch kind {
        case .poisson:
            Double(count) * RenyiDivergence.poisson(order: order, noiseMultiplier: noiseMultiplier, rate: rate)
        case .fixed:
            Double(count) * RenyiDivergence.fixedSize(order: order, noiseMultiplier: noiseMultiplier, rate: rate)
        case .tree:
            RenyiDivergence.gaussian(order: order, noiseMultiplier: noiseMultiplier)
                * Double(TreeSensitivity.squared(rounds: count, separation: separation))
        }
    }
}
