public import Jobs

/// What a site demands of a job's secure aggregation: `required`, or a map with the least that it takes.
public struct SecureAggregationRule: Sendable, Hashable, Decodable {
    /// The fewest updates that may be in a sum; nil for whatever the job says.
    public var minimum: Int?
    /// The fewest holders of shares that may be able to give this client's secrets away together; nil for whatever the job says.
    public var threshold: Int?
    /// The most random sums of an update that the coordinator may be shown in an attempt; nil for as many as the job says.
    public var projections: Int?

    private enum CodingKeys: String, CodingKey { case minimum, threshold, projections }

    /// Creates a rule.
    public init(minimum: Int? = nil, threshold: Int? = nil, projections: Int? = nil) {
        self.minimum = minimum
        self.threshold = threshold
        self.projections = projections
    }

    /// Reads the word or the map.
    public init(from decoder: any Decoder) throws {
        if try decoder.isRequired() {
            self.init()
            return
        }
        let container = try decoder.container(keyedBy: CodingKeys.self)
        self.init(
            minimum: try container.decodeIfPresent(Int.self, forKey: .minimum),
            threshold: try container.decodeIfPresent(Int.self, forKey: .threshold),
            projections: try container.decodeIfPresent(Int.self, forKey: .projections))
    }

    /// Why a job is declined, nil when it says enough.
    func refusal(of job: JobSpecification) -> SiteRules.Refusal? {
        guard let settings = try? SecureAggregationSettings.reading(job.secureAggregation) else {
            return Self.refusal("this site takes part only in jobs with secureAggregation, and the job has none")
        }
        let smallest = settings.minimum(of: job.clients)
        if let minimum, smallest < minimum {
            return Self.refusal(
                "the job's sums may have as few as \(smallest) updates, this site asks for secureAggregation.minimum from "
                    + "\(minimum)")
        }
        if let projections, let shown = settings.projections, shown > projections {
            return Self.refusal(
                "the job has \(shown) random sums of every update shown, this site asks for secureAggregation.projections up "
                    + "to \(projections)")
        }
        return refusal(threshold: settings.threshold(of: job.clients.perRound))
    }

    /// Why a round is declined whose secrets so many holders of shares can give away; nil when they are enough.
    func refusal(threshold found: Int) -> SiteRules.Refusal? {
        guard let threshold, found < threshold else { return nil }
        return Self.refusal(
            "\(found) holders of shares can give a client's secrets away, this site asks for secureAggregation.threshold from "
                + "\(threshold)")
    }

    private static func refusal(_ reason: String) -> SiteRules.Refusal {
        SiteRules.Refusal(code: "secure-aggregation", reason: reason)
    }
}

/// What a site demands of a job's `privacy`: `required`, or a map with the least that it takes.
///
/// The noise of the mechanisms `local`, `record` and `distributed` is made here, as the job says; what `central` and `ftrl` say, and
/// that a budget is kept, is the coordinator's word.
public struct PrivacyRule: Sendable, Hashable, Decodable {
    /// The mechanisms that are taken; empty for all.
    public var mechanisms: [PrivacySettings.Mechanism]
    /// The largest budget of a job; a job without one is declined. nil for any.
    public var epsilon: Double?
    /// The largest delta.
    public var delta: Double?
    /// The smallest noise multiplier.
    public var noiseMultiplier: Double?

    private enum CodingKeys: String, CodingKey { case mechanisms, epsilon, delta, noiseMultiplier }

    /// Creates a rule.
    public init(
        mechanisms: [PrivacySettings.Mechanism] = [], epsilon: Double? = nil, delta: Double? = nil,
        noiseMultiplier: Double? = nil
    ) {
        self.mechanisms = mechanisms
        self.epsilon = epsilon
        self.delta = delta
        self.noiseMultiplier = noiseMultiplier
    }

    /// Reads the word or the map.
    public init(from decoder: any Decoder) throws {
        if try decoder.isRequired() {
            self.init()
            return
        }
        let container = try decoder.container(keyedBy: CodingKeys.self)
        self.init(
            mechanisms: try container.decodeIfPresent([PrivacySettings.Mechanism].self, forKey: .mechanisms) ?? [],
            epsilon: try container.decodeIfPresent(Double.self, forKey: .epsilon),
            delta: try container.decodeIfPresent(Double.self, forKey: .delta),
            noiseMultiplier: try container.decodeIfPresent(Double.self, forKey: .noiseMultiplier))
    }

    /// Why a job is declined, nil when it says enough.
    func refusal(of job: JobSpecification) -> SiteRules.Refusal? {
        guard let settings = try? PrivacySettings.reading(job.privacy) else {
            return Self.refusal("this site takes part only in jobs with privacy, and the job has none")
        }
        if !mechanisms.isEmpty, !mechanisms.contains(settings.mechanism) {
            return Self.refusal(
                "this site takes no jobs of the mechanism \(settings.mechanism.rawValue), but "
                    + mechanisms.map(\.rawValue).joined(separator: ", "))
        }
        if let epsilon, settings.epsilon.map({ $0 > epsilon }) ?? true {
            return Self.refusal(
                "the job has \(settings.epsilon.map { "an epsilon of \($0)" } ?? "no epsilon"), this site asks for one of at "
                    + "most \(epsilon)")
        }
        if let delta, settings.delta > delta {
            return Self.refusal("the job has a delta of \(settings.delta), this site asks for at most \(delta)")
        }
        if let noiseMultiplier, settings.noiseMultiplier < noiseMultiplier {
            return Self.refusal(
                "the job has a noiseMultiplier of \(settings.noiseMultiplier), this site asks for at least \(noiseMultiplier)"
            )
        }
        return nil
    }

    private static func refusal(_ reason: String) -> SiteRules.Refusal {
        SiteRules.Refusal(code: "privacy", reason: reason)
    }
}

extension Decoder {
    /// Whether the value is the word `required`; false for a map.
    fileprivate func isRequired() throws -> Bool {
        let value = try singleValueContainer()
        guard let word = try? value.decode(String.self) else { return false }
        guard word == "required" else {
            throw DecodingError.dataCorruptedError(
                in: value, debugDescription: "found \"\(word)\", expected required, or a map")
        }
        return true
    }
}
