internal import Foundation

/// A job's `asynchronous`, read: training without rounds that wait for each other, as FedBuff does it.
///
/// Up to `concurrency` clients train at any time, each from the weights that are newest when it is asked. When `buffer`
/// updates are in, they are folded into the next version of the weights, whatever versions they started from. An update that
/// started τ versions ago is multiplied with the discount s(τ): (1 + τ)^−`exponent` for `polynomial`, 1 for `constant`. With
/// the aggregation rule `uniform-mean` a version is w + (1/K) Σ s(τᵢ) Δᵢ, as published; with `mean` the updates are
/// weighed by their examples besides.
///
/// J. Nguyen, K. Malik, H. Zhan, A. Yousefpour, M. Rabbat, M. Malek, D. Huba, "Federated Learning with Buffered
/// Asynchronous Aggregation", AISTATS 2022.
///
/// | key | default |
/// |---|---|
/// | `buffer` | required |
/// | `concurrency` | required |
/// | `staleness` | `polynomial` |
/// | `exponent` | 0.5 |
/// | `maximumStaleness` | none |
public struct AsynchronousSettings: Sendable, Hashable {
    /// How the discount depends on the staleness.
    public enum Staleness: String, Sendable, CaseIterable {
        /// Every update counts in full.
        case constant
        /// (1 + τ)^−exponent.
        case polynomial
    }

    /// How many updates make a version of the weights; at least 1.
    public var buffer: Int
    /// How many clients train at once; at least `buffer`.
    public var concurrency: Int
    /// How stale updates are discounted.
    public var staleness = Staleness.polynomial
    /// The exponent of the polynomial discount; from 0 to 10.
    public var exponent = 0.5
    /// A client whose update would be more versions old than that is told to stop; nil for no limit.
    public var maximumStaleness: Int?

    /// Numbers with the default discount.
    public init(buffer: Int, concurrency: Int) {
        self.buffer = buffer
        self.concurrency = concurrency
    }

    /// Reads a map.
    ///
    /// - Throws: `JobsError` with the code `invalidSpecification` that names every problem, one a line.
    public init(_ settings: Settings) throws(JobsError) {
        let (value, problems) = Self.read(settings)
        guard problems.isEmpty else {
            throw JobsError(
                code: .invalidSpecification, message: "job specification: " + problems.joined(separator: "\n"))
        }
        self = value
    }

    /// s(τ): what an update that started `staleness` versions ago is multiplied with.
    public func discount(staleness: Int) -> Double {
        switch self.staleness {
        case .constant: 1
        case .polynomial: pow(1 + Double(max(0, staleness)), -exponent)
        }
    }

    static func read(_ settings: Settings) -> (value: AsynchronousSettings, problems: [String]) {
        var map = SettingsMap(settings, place: "asynchronous", main: nil)
        var problems: [String] = []
        func required(_ key: String) -> Int {
            if settings[key] == nil { problems.append("asynchronous.\(key): found nothing, expected a whole number") }
            return map.optionalInt(key, in: 1...1_000_000) ?? 1
        }
        var value = AsynchronousSettings(buffer: required("buffer"), concurrency: required("concurrency"))
        let words = Staleness.allCases.map(\.rawValue)
        value.staleness =
            Staleness(rawValue: map.word("staleness", value.staleness.rawValue, among: words)) ?? value.staleness
        value.exponent = map.double("exponent", value.exponent, in: 0...10)
        value.maximumStaleness = map.optionalInt("maximumStaleness", in: 0...1_000_000)
        problems += map.finish()
        if problems.isEmpty, value.buffer > value.concurrency {
            problems.append(
                "asynchronous.buffer: found \(value.buffer), expected at most asynchronous.concurrency "
                    + "(\(value.concurrency))")
        }
        return (value, problems)
    }
}

extension JobSpecification {
    /// The strategies whose clients need nothing but the weights and keep nothing.
    private static let asynchronousStrategies: Set<StrategySettings.Name> = [.fedavg, .fedprox, .fedrs, .fedopt]

    /// What is wrong with `asynchronous`, and what does not go together with it, each with the reason.
    var asynchronousProblems: [String] {
        guard let asynchronous else { return [] }
        let problems = AsynchronousSettings.read(asynchronous).problems
        guard problems.isEmpty else { return problems }
        var found: [String] = []
        func refuse(_ isWrong: Bool, _ key: String, _ what: String, _ expected: String, because reason: String) {
            guard isWrong else { return }
            found.append("\(key): found \(what), expected \(expected) in an asynchronous job: \(reason)")
        }
        if let strategy = try? StrategySettings(strategy) {
            refuse(
                !Self.asynchronousStrategies.contains(strategy.name), "strategy", strategy.name.rawValue,
                Self.asynchronousStrategies.map(\.rawValue).sorted().joined(separator: ", "),
                because: "the others keep or send what belongs to a round")
        }
        if let combination = try? AggregationSettings(aggregation) {
            let reason = "its updates start from different weights and cannot be compared"
            refuse(
                combination.rule != .mean && combination.rule != .uniformMean, "aggregation",
                combination.rule.rawValue, "mean or uniform-mean", because: reason)
            refuse(
                combination.minimumCosine != nil || combination.maximumDistance != nil, "aggregation",
                "minimumCosine or maximumDistance", "neither", because: reason)
        }
        refuse(!privacy.isEmpty, "privacy", "a mechanism", "none", because: "what it charges is a round with a cohort")
        refuse(
            !secureAggregation.isEmpty, "secureAggregation", "one", "none",
            because: "masks cancel among the clients of one round")
        refuse(!attack.isEmpty, "attack", "one", "none", because: "hostile clients act together in a round")
        let encoding = encoding["name"]?.stringValue ?? ""
        refuse(
            !["", "f32"].contains(encoding), "encoding", encoding, "f32",
            because: "what clients keep of the others belongs to a round")
        refuse(
            !latest.isEmpty, "latest", "\(latest.count) tensors", "none", because: "the last client may be a stale one")
        if let sampling = try? SamplingSettings(clients.sampling.settings) {
            refuse(
                ![.uniform, .weighted, .stratified].contains(sampling.name), "clients.sampling",
                sampling.name.rawValue, "uniform, weighted or stratified", because: "clients are drawn as others finish"
            )
        }
        refuse(
            clients.targetUpdates != nil || clients.perRound != clients.minimum
                || clients.minimumUpdates != clients.perRound, "clients",
            "perRound, minimumUpdates or targetUpdates", "none of them",
            because: "asynchronous.concurrency and asynchronous.buffer stand for them")
        refuse(adaptiveDeadline != nil, "adaptiveDeadline", "one", "none", because: "nobody waits for a round")
        return found
    }
}
