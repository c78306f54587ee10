/// What is done to clients' data before they are used: modalities taken away, labels taken away, labels made wrong.
///
/// The three kinds of the FedMultimodal benchmark (Feng et al., KDD 2023), in any combination and for any number of
/// modalities. A description is pure; `CorruptionSimulator` turns it into the outcome for one client.
public struct CorruptionDescription: Sendable, Hashable {
    /// How draws are made.
    public enum Mode: String, Sendable, CaseIterable, Codable {
        /// Independent draws from streams of the seed, as the paper describes them. The outcome is nested: with the
        /// same seed a higher rate hits everything that a lower one hits.
        case right
        /// The benchmark's own draws, with its reused seeds and class-wide label errors: see `FaithfulCorruption`.
        /// For comparing with its published numbers only; the seed of a job plays no part.
        case faithful
    }

    /// What one draw of a missing modality decides about, in the mode `right`.
    public enum Unit: String, Sendable, CaseIterable, Codable {
        /// A client has a modality in all its samples or in none.
        case client
        /// Every sample draws for itself.
        case sample
    }

    /// How draws are made.
    public var mode: Mode
    /// The probability that a modality is missing, drawn for each modality.
    public var missingModality: CorruptionRate
    /// What one of these draws decides about.
    public var unit: Unit
    /// The probability that a training sample has no label; such samples are not trained on.
    public var missingLabels: CorruptionRate
    /// The probability that a training sample's label is replaced by a wrong one.
    public var erroneousLabels: CorruptionRate
    /// Which part of the off-diagonal of the matrix of label errors is zero.
    public var sparsity: Double
    /// The probability that a modality of a held-out sample is missing, always drawn for each sample.
    public var evaluationMissingModality: CorruptionRate
    /// The probability that a held-out sample is judged by a wrong label, with the same sparsity.
    public var evaluationErroneousLabels: CorruptionRate

    /// Nothing happens.
    public static let none = CorruptionDescription()

    /// Makes a description; `validate()` checks it.
    public init(
        mode: Mode = .right,
        missingModality: CorruptionRate = .zero,
        unit: Unit = .client,
        missingLabels: CorruptionRate = .zero,
        erroneousLabels: CorruptionRate = .zero,
        sparsity: Double = 0.4,
        evaluationMissingModality: CorruptionRate = .zero,
        evaluationErroneousLabels: CorruptionRate = .zero
    ) {
        self.mode = mode
        self.missingModality = missingModality
        self.unit = unit
        self.missingLabels = missingLabels
        self.erroneousLabels = erroneousLabels
        self.sparsity = sparsity
        self.evaluationMissingModality = evaluationMissingModality
        self.evaluationErroneousLabels = evaluationErroneousLabels
    }

    /// Whether training data may change.
    public var corruptsTraining: Bool {
        !(missingModality.isZero && missingLabels.isZero && erroneousLabels.isZero)
    }

    /// Whether held-out data may change.
    public var corruptsEvaluation: Bool {
        !(evaluationMissingModality.isZero && evaluationErroneousLabels.isZero)
    }

    /// Checks all numbers, and that the mode can do what is asked.
    ///
    /// - Throws: `DatasetError` with code `invalidArgument`.
    public func validate() throws(DatasetError) {
        try missingModality.validate("corruption: missingModality")
        try missingLabels.validate("corruption: missingLabels")
        try erroneousLabels.validate("corruption: erroneousLabels")
        try evaluationMissingModality.validate("corruption: evaluationMissingModality")
        try evaluationErroneousLabels.validate("corruption: evaluationErroneousLabels")
        guard (0...1).contains(sparsity) else {
            throw DatasetError(
                .invalidArgument, "corruption: sparsity: found \(sparsity), expected a number in 0...1")
        }
        guard mode == .faithful else { return }
        guard missingModality.isConstant, missingLabels.isConstant, erroneousLabels.isConstant else {
            throw DatasetError(
                .invalidArgument, "corruption: the mode faithful knows constant rates only; expected the mode right")
        }
        // NumPy draws otherwise above a half.
        for (key, rate) in [("missingModality", missingModality), ("missingLabels", missingLabels)]
        where rate.mean > 0.5 {
            throw DatasetError(
                .invalidArgument,
                "corruption: \(key): found \(rate.mean), expected at most 0.5 in the mode faithful")
        }
        guard unit == .client else {
            throw DatasetError(
                .invalidArgument,
                "corruption: in the mode faithful a modality is missing for a whole client; expected the unit client")
        }
        guard erroneousLabels.mean < 1 else {
            throw DatasetError(
                .invalidArgument, "corruption: erroneousLabels: found 1, expected less in the mode faithful")
        }
        guard !corruptsEvaluation else {
            throw DatasetError(
                .invalidArgument,
                "corruption: the mode faithful leaves held-out data alone; expected no evaluation rates or the mode right"
            )
        }
    }
}
