internal import Aggregation
internal import Federation
internal import Jobs
internal import Wire

/// What every update of a job must be, checked as early as it can be seen: sizes and figures before the first byte, names
/// and shapes with the header, values while they stream, the digest at the end.
struct UpdateAdmission: Sendable {
    let plan: JobPlan

    private var rules: AdmissionRules { AdmissionRules(plan.specification) }

    /// Checks what is known before the first byte.
    ///
    /// - Parameter weightsDigest: the weights that the round started from.
    func check(_ update: UpdateDescription, weightsDigest: String) throws {
        guard update.totalBytes == plan.updateBytes else {
            throw AdmissionRefusal(
                code: "size",
                reason: "the update has \(update.totalBytes) bytes, the job's schema gives \(plan.updateBytes)")
        }
        guard update.weightsDigest == weightsDigest else {
            throw AdmissionRefusal(
                code: "weights",
                reason: "trained from the weights \(update.weightsDigest.prefix(12)), "
                    + "the round started from \(weightsDigest.prefix(12))")
        }
        try rules.check(training: update.statistics)
    }

    /// Checks an evaluation report.
    func check(_ statistics: TaskStatistics) throws {
        try rules.check(evaluation: statistics)
    }

    /// The refusal for what an inspector found.
    static func refusal(_ error: AggregationError) -> AdmissionRefusal {
        let code =
            switch error.code {
            case .missingTensor, .unexpectedTensor, .shapeMismatch, .dtypeMismatch: "schema"
            case .notFinite: "non-finite"
            case .invalidHeader, .tooLong, .incomplete: "format"
            case .invalidEncoding: "encoding"
            default: "value"
            }
        return AdmissionRefusal(code: code, reason: PeerText.clean(error.message))
    }
}
