internal import Foundation
public import Jobs
public import Privacy

/// What a job's `privacy` means for its rounds: who is drawn, what it costs, and when the budget is used up.
///
/// Cohorts come from the job's secret and not from its seed: sampling protects only who cannot work out who was drawn. The
/// number of participants that are ready counts as public.
public struct RoundPrivacy: Sendable {
    /// The job's settings.
    public let settings: PrivacySettings
    /// The secret that noise and cohorts come from.
    public let secret: PrivacySecret
    /// The committed charges.
    public private(set) var spent: SpentPrivacy
    /// The clipping norm of the next round.
    public var clipNorm: Double { spent.clipNorm ?? settings.clipNorm }
    /// The deviation of the noise on a sum of updates, in units of the clipping norm.
    public let updateMultiplier: Double
    /// What follows the clipping norm; nil for a flat one.
    public let quantile: QuantileClipping?
    /// The numbers of noise that clients add under secure aggregation; nil for another mechanism.
    public let distributed: DistributedGaussian?

    private let rounds: Int
    private let perRound: Int
    private let parameters: Int

    /// What a draw comes to.
    enum Draw {
        /// A cohort with its cost.
        case cohort([String], RoundCharge)
        /// Another round would exceed the budget, or costs more than can be bounded.
        case exhausted(String)
        /// Not enough participants may take part in this round.
        case short
    }

    /// The privacy of a job; nil for a job without.
    ///
    /// - Parameters:
    ///   - spent: the charges of the rounds that are committed.
    ///   - parameters: how many elements an update has.
    /// - Throws: `JobsError` or `PrivacyError` for wrong settings.
    public init?(
        _ specification: JobSpecification, secret: PrivacySecret, spent: SpentPrivacy = SpentPrivacy(),
        parameters: Int
    ) throws {
        guard let settings = try PrivacySettings.reading(specification.privacy) else { return nil }
        self.settings = settings
        self.secret = secret
        self.spent = spent
        self.parameters = parameters
        rounds = specification.rounds
        perRound = specification.clients.perRound
        distributed = try DistributedNumbers(specification).map {
            try DistributedGaussian(
                clipNorm: $0.clipNorm, noiseMultiplier: $0.noiseMultiplier, cohort: $0.cohort,
                contributors: $0.contributors, parameters: parameters, range: $0.range)
        }
        if settings.mechanism == .central, settings.clip == .adaptive {
            let clipping = try QuantileClipping(
                quantile: settings.quantile, rate: settings.clipRate,
                countDeviation: settings.countNoise ?? Double(perRound) / 20)
            quantile = clipping
            updateMultiplier = try clipping.updateMultiplier(total: settings.noiseMultiplier)
        } else {
            quantile = nil
            updateMultiplier = settings.noiseMultiplier
        }
    }

    /// Rounds from one participation of a client to its next (`ftrl`).
    public var separation: Int { min(rounds, settings.separation ?? rounds) }

    private var mechanism: NoiseMechanism {
        switch settings.mechanism {
        case .central, .record: .central
        case .local: .local
        case .ftrl: .ftrl
        case .distributed: .distributed
        }
    }

    private var sampling: NoiseMechanism.Sampling { settings.sampling == .poisson ? .poisson : .fixed }

    /// Whether a failed attempt costs what a completed one does: under local privacy the updates themselves are the
    /// release, and the coordinator has some of them; under distributed privacy it is not trusted to say that an attempt
    /// failed.
    public var chargesFailures: Bool { Self.chargesFailures(settings) }

    /// See ``chargesFailures``.
    public static func chargesFailures(_ settings: PrivacySettings) -> Bool {
        switch settings.mechanism {
        case .local, .record, .distributed: true
        case .central, .ftrl: false
        }
    }

    /// Whether a cohort's size is a draw itself: then it may be below the job's `minimumUpdates`, and empty.
    var hasRandomSize: Bool { settings.mechanism == .central && settings.sampling == .poisson }

    /// What a round costs when `count` of `total` participants are drawn.
    ///
    /// A discrete Gaussian on the lattice of ``LatticeScale`` loses what rounding adds to the sensitivity.
    public func charge(drawing count: Int, of total: Int) -> PrivacyCharge {
        var multiplier = distributed?.multiplier ?? settings.noiseMultiplier
        if settings.mechanism == .central, settings.noise == .discrete {
            multiplier /= LatticeScale.sensitivity(multiplier: updateMultiplier, parameters: parameters)
        }
        return mechanism.charge(
            noiseMultiplier: multiplier, rate: min(1, Double(count) / Double(max(1, total))), sampling: sampling,
            separation: separation)
    }

    /// The cohort of an attempt with its cost.
    ///
    /// - Parameters:
    ///   - examples: how many training examples a client declares.
    ///   - choose: draws as the job says, where the mechanism does not depend on how cohorts are drawn.
    func draw(
        _ specification: JobSpecification, round: Int, attempt: Int, candidates: [String], quorum: Int,
        examples: (String) -> Int, choose: ([String]) -> [String]
    ) -> Draw {
        let draws = PrivateSampling(secret)
        let cohort: [String]
        var expected = Double(min(perRound, candidates.count))
        switch settings.mechanism {
        case .record:
            return draw(candidates: candidates, quorum: quorum, choose: choose) {
                recordCharge(specification, examples: examples($0))
            }
        case .distributed:
            let charge = charge(drawing: perRound, of: candidates.count)
            return draw(candidates: candidates, quorum: quorum, choose: choose) { _ in charge }
        case .local:
            cohort = choose(candidates)
        case .central where settings.sampling == .poisson:
            cohort = draws.poisson(
                round: round, attempt: attempt, of: candidates, rate: expected / Double(candidates.count))
        case .central:
            cohort = draws.fixed(round: round, attempt: attempt, of: candidates, count: perRound)
        case .ftrl:
            let group = candidates.filter { draws.group(of: $0, groups: separation) == round % separation }
            guard group.count >= quorum else { return .short }
            cohort = draws.fixed(round: round, attempt: attempt, of: group, count: perRound)
            expected = Double(cohort.count)
        }
        let charge = charge(drawing: perRound, of: candidates.count)
        do {
            let epsilon = try epsilon(after: charge)
            if let budget = settings.epsilon, epsilon > budget {
                return .exhausted(
                    "the privacy budget (epsilon \(budget) at delta \(settings.delta)) allows no more: another round "
                        + (epsilon.isFinite ? String(format: "would spend %.4f", epsilon) : "has no bound"))
            }
            return .cohort(
                cohort, RoundCharge(charge: charge, clipNorm: clipNorm, expected: expected, epsilon: epsilon))
        } catch {
            return .exhausted("the privacy of another round cannot be bounded: \(error)")
        }
    }

    /// ε of everything so far at the job's δ.
    ///
    /// - Throws: `PrivacyError` when the accountant cannot take the charges.
    public func epsilon(after charge: PrivacyCharge? = nil) throws(PrivacyError) -> Double {
        let next = charge.map(spent.ledger.adding) ?? spent.ledger
        let shared = try next.epsilon(delta: settings.delta, by: accountant)
        guard !spent.records.isEmpty else { return shared }
        var worst = shared
        for ledger in Set(spent.records.values) {
            worst = max(worst, try ledger.epsilon(delta: settings.delta, by: accountant))
        }
        return worst
    }

    var accountant: PrivacyLedger.Accountant { settings.accountant == "rdp" ? .rdp : .pld }

    /// The round is committed: its charge counts for good, and the next one has this norm.
    public mutating func committed(_ charge: RoundCharge, nextClipNorm: Double?) {
        spent.add(charge.charge, records: charge.records)
        if let nextClipNorm { spent.clipNorm = nextClipNorm }
    }
}
