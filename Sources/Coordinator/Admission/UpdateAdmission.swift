internal import Aggregation
internal import Federation
internal import Jobs
internal import Wire

/// Why an update is not taken: final, recorded, and the round goes on without it.
struct AdmissionRefusal: Error, Sendable, Hashable {
    /// A stable word.
    var code: String
    /// The reason in a sentence.
    var reason: String
}

/// What every update of a job must be, checked as early as it can be seen: sizes and figures before the first byte, names
/// and shapes with the header, values while they stream, the digest at the end.
struct UpdateAdmission: Sendable {
    /// The largest L2 norm of an update. Far above what training gives, and far below what could overflow float32 when
    /// it is added to the weights.
    static let maximumNorm = 1e18

    let plan: JobPlan

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
        let maximum = plan.specification.limits.maximumExamples
        guard (1...max(1, maximum)).contains(update.statistics.examples) else {
            throw AdmissionRefusal(
                code: "examples", reason: "\(update.statistics.examples) examples, the job allows 1 to \(maximum)")
        }
        do {
            _ = try update.statistics.validated(maximumExamples: maximum)
        } catch {
            throw AdmissionRefusal(code: "statistics", reason: "\(error)")
        }
    }

    /// Checks an evaluation report.
    func check(_ statistics: TaskStatistics) throws {
        let maximum = plan.specification.limits.maximumExamples
        guard (0...maximum).contains(statistics.examples) else {
            throw AdmissionRefusal(
                code: "examples", reason: "\(statistics.examples) examples, the job allows at most \(maximum)")
        }
        do {
            _ = try statistics.validated(maximumExamples: maximum)
        } catch {
            throw AdmissionRefusal(code: "statistics", reason: "\(error)")
        }
    }

    /// The refusal for what an inspector found.
    static func refusal(_ error: AggregationError) -> AdmissionRefusal {
        let code =
            switch error.code {
            case .missingTensor, .unexpectedTensor, .shapeMismatch, .dtypeMismatch: "schema"
            case .notFinite: "non-finite"
            case .invalidHeader, .tooLong, .incomplete: "format"
            default: "value"
            }
        return AdmissionRefusal(code: code, reason: PeerText.clean(error.message))
    }
}
