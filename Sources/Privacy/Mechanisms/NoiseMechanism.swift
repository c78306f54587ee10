/// The ways in which a job protects its clients, and what a round of each costs: the one place where a job's noise
/// multiplier σ, in units of the clipping norm C, becomes a multiplier in units of the sensitivity.
public enum NoiseMechanism: String, Sendable, Hashable, Codable, CaseIterable {
    /// The coordinator adds N(0, (σC)²) to the sum of the clipped updates of a sampled cohort.
    case central
    /// Every client adds N(0, (σC)²) to its own clipped update.
    case local
    /// The coordinator releases prefix sums through a tree of N(0, (σC)²); a client at most every so many rounds.
    case ftrl
    /// The clients add discrete Gaussians under secure aggregation whose sum has the deviation σC: ``DistributedGaussian``.
    case distributed

    /// How a cohort is drawn.
    public enum Sampling: String, Sendable, Hashable, Codable, CaseIterable {
        /// Every participant by itself, with the probability cohort / participants.
        case poisson
        /// So many participants, each set equally likely.
        case fixed
    }

    /// What `rounds` rounds are charged.
    ///
    /// | mechanism | neighbours | sensitivity | charge |
    /// |---|---|---|---|
    /// | central, Poisson | one client more or less | C | sampled Gaussian, σ |
    /// | central, fixed size | one client replaced | 2C | sampled Gaussian without replacement, σ/2 |
    /// | local | the client's data replaced | 2C | Gaussian, σ/2, every round as if the client took part in it |
    /// | ftrl | one client's updates set to 0 | C a round | tree, σ |
    /// | distributed | one client's updates set to 0 | C | Gaussian, σ, every round in which the client takes part |
    ///
    /// - Parameters:
    ///   - noiseMultiplier: for `distributed` ``DistributedGaussian/multiplier``, which counts rounding and discreteness.
    ///   - rate: the share of the participants in a cohort, 0 to 1.
    ///   - separation: for `ftrl`, rounds from one participation of a client to its next.
    public func charge(
        noiseMultiplier: Double, rounds: Int = 1, rate: Double, sampling: Sampling = .fixed, separation: Int = 1
    ) -> PrivacyCharge {
        switch (self, sampling) {
        case (.central, .poisson):
            PrivacyCharge(kind: .poisson, noiseMultiplier: noiseMultiplier, rate: rate, count: rounds)
        case (.central, .fixed):
            PrivacyCharge(kind: .fixed, noiseMultiplier: noiseMultiplier / 2, rate: rate, count: rounds)
        case (.local, _):
            PrivacyCharge(kind: .poisson, noiseMultiplier: noiseMultiplier / 2, rate: 1, count: rounds)
        case (.distributed, _):
            PrivacyCharge(kind: .poisson, noiseMultiplier: noiseMultiplier, rate: 1, count: rounds)
        case (.ftrl, _):
            PrivacyCharge(
                kind: .tree, noiseMultiplier: noiseMultiplier, rate: 1, separation: max(1, separation), count: rounds)
        }
    }
}
