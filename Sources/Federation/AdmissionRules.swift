public import Jobs
public import Weights

/// Why an update or a report is not taken: final, recorded, and the round goes on without it.
public struct AdmissionRefusal: Error, Sendable, Hashable {
    /// A stable word.
    public var code: String
    /// The reason in a sentence.
    public var reason: String

    /// A refusal with its parts.
    public init(code: String, reason: String) {
        self.code = code
        self.reason = reason
    }
}

/// What the figures and values of every update and report of a job must be, whoever runs the rounds: a coordinator checks
/// them as they arrive, a simulation all at once.
public struct AdmissionRules: Sendable, Hashable {
    /// The words of refusals that say what is wrong with an update itself: those that quarantine counts. A lost digest, a
    /// missed deadline or a failed trainer is nobody's ill will.
    public static let offences: Set<String> = [
        "size", "weights", "schema", "non-finite", "norm", "examples", "statistics", secureShares,
        maskedNorm,
    ]

    /// The word of refusals of clients that have no part in a round's secure aggregation, or left it.
    public static let secureAggregation = "secure-aggregation"
    /// The word of refusals of clients whose shares most of their neighbours could not open.
    public static let secureShares = "secure-shares"
    /// The word of refusals of clients whose masked updates are too long, or that lie about masks: see `NormFinding`.
    public static let maskedNorm = "masked-norm"
    /// The word of refusals of clients of which at least half are such, and nobody knows which.
    public static let maskedNormSuspect = "masked-norm-suspect"

    /// The largest L2 norm of an update where the job does not say. Far above what training gives, and far below what could overflow float32 when
    /// it is added to the weights.
    public static let maximumNorm = 1e18

    /// The most examples that one task may report.
    public let maximumExamples: Int
    /// Whether trainers have to protect single examples, and say so.
    private let needsPrivateSteps: Bool
    /// The largest L2 norm of an update.
    public let maximumNorm: Double
    /// Whether updates hold the number of effective steps (``AuxiliaryTensors/steps``), by which FedNova's server divides
    /// and multiplies: to be checked with ``check(steps:examples:)``.
    public let claimsSteps: Bool

    /// Whether the rule weighs updates by the losses that clients report: one without would fail every round that it is in.
    private let needsLoss: Bool

    private let specification: JobSpecification

    /// The rules of a job.
    public init(_ specification: JobSpecification) {
        maximumExamples = specification.limits.maximumExamples
        needsPrivateSteps = specification.privacy["mechanism"]?.stringValue == "record"
        maximumNorm = min(Self.maximumNorm, specification.limits.maximumNorm ?? Self.maximumNorm)
        claimsSteps = specification.strategyName == StrategySettings.Name.fednova.rawValue
        needsLoss = specification.aggregation["rule"]?.stringValue == "q-fedavg"
        self.specification = specification
    }

    /// Checks the figures of an update.
    ///
    /// - Throws: ``AdmissionRefusal`` `examples`, `statistics` or `privacy`.
    public func check(training statistics: TaskStatistics) throws(AdmissionRefusal) {
        let isHidden = statistics.isWithheld && specification.hidesClients && statistics.examples == 0
        guard isHidden || (1...max(1, maximumExamples)).contains(statistics.examples) else {
            throw AdmissionRefusal(
                code: "examples", reason: "\(statistics.examples) examples, the job allows 1 to \(maximumExamples)")
        }
        guard !needsPrivateSteps || (statistics.sums[TaskStatistics.privateSteps] ?? 0) > 0 else {
            throw AdmissionRefusal(
                code: "privacy",
                reason: "the trainer counts no privateSteps: it does not protect single examples, as the job asks")
        }
        try validate(statistics)
        if needsLoss {
            let loss = statistics.sums["loss"]
            guard let loss, loss.isFinite, loss >= 0 else {
                throw AdmissionRefusal(
                    code: "statistics",
                    reason:
                        "the sum of losses is \(loss.map { "\($0)" } ?? "missing"), the rule q-fedavg needs one of at least 0"
                )
            }
        }
    }

    /// Checks an evaluation's report.
    ///
    /// - Throws: ``AdmissionRefusal`` `examples` or `statistics`.
    public func check(evaluation statistics: TaskStatistics) throws(AdmissionRefusal) {
        guard (0...max(0, maximumExamples)).contains(statistics.examples) else {
            throw AdmissionRefusal(
                code: "examples",
                reason: "\(statistics.examples) examples, the job allows at most \(maximumExamples)")
        }
        try validate(statistics)
    }

    /// Checks an update's L2 norm.
    ///
    /// - Throws: ``AdmissionRefusal`` `norm`.
    public func check(norm: Double) throws(AdmissionRefusal) {
        guard norm <= maximumNorm else {
            throw AdmissionRefusal(
                code: "norm", reason: "the update's norm is \(norm), at most \(maximumNorm)")
        }
    }

    /// Checks the number of effective steps that an update claims. Who claims many makes the server's step longer, so it
    /// is at most what the job's training settings give for the examples that the same client claims.
    ///
    /// - Throws: ``AdmissionRefusal`` `steps`.
    public func check(steps: Double, examples: Int) throws(AdmissionRefusal) {
        let most = specification.mostEffectiveSteps(examples: examples)
        guard steps <= most else {
            throw AdmissionRefusal(
                code: "steps",
                reason: "\(steps) effective steps, the job's training gives at most \(most) for \(examples) examples")
        }
    }

    /// Checks the values of an update in memory.
    ///
    /// - Throws: ``AdmissionRefusal`` `non-finite`, `norm` or `steps`.
    public func check(_ update: Weights, examples: Int) throws(AdmissionRefusal) {
        let norm = update.norm
        // A norm that is finite was made from finite values: one pass is enough.
        guard norm.isFinite || update.allFinite else {
            throw AdmissionRefusal(code: "non-finite", reason: "the update holds values that are not finite")
        }
        try check(norm: norm)
        if claimsSteps, let steps = try? update.floats(AuxiliaryTensors.steps).first {
            try check(steps: Double(steps), examples: examples)
        }
    }

    private func validate(_ statistics: TaskStatistics) throws(AdmissionRefusal) {
        do {
            _ = try statistics.validated(maximumExamples: maximumExamples)
        } catch {
            throw AdmissionRefusal(code: "statistics", reason: "\(error)")
        }
    }
}
