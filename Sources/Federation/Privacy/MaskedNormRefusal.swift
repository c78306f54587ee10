public import Jobs
public import Privacy

/// A sum that is not used, because masked updates in it are too long or clients lie about masks.
public struct MaskedNormRefusal: Error, Sendable, Hashable {
    /// Whom the next attempt goes without.
    public let refusals: [TaskRefusal]

    /// Why the attempt fails: who they are, and what was found of the first.
    public var reason: String {
        let names = refusals.prefix(10).map(\.client).joined(separator: ", ") + (refusals.count > 10 ? ", …" : "")
        let first = refusals.first.map { "\($0.client): \($0.reason)" } ?? ""
        return "the check of norms refuses the updates of \(names); \(first)"
    }

    /// Throws what was found; nothing when nothing was.
    ///
    /// - Throws: ``MaskedNormRefusal``. Only what is certain counts for `limits.quarantineAfter`.
    public static func check(_ findings: [NormFinding]) throws(MaskedNormRefusal) {
        guard !findings.isEmpty else { return }
        throw MaskedNormRefusal(
            refusals: findings.map {
                TaskRefusal(
                    client: $0.client,
                    code: $0.kind.isProof ? AdmissionRules.maskedNorm : AdmissionRules.maskedNormSuspect,
                    reason: $0.reason)
            })
    }
}

extension NormBound {
    /// The bound of a job's round; nil for one without a check.
    ///
    /// - Parameters:
    ///   - encoding: of the round.
    ///   - elements: of an update.
    ///   - clients: the round's cohort.
    /// - Throws: `PrivacyError` where sums could wrap around.
    public init?(
        _ settings: SecureAggregationSettings, encoding: LatticeEncoding, elements: Int, clients: Int
    ) throws(PrivacyError) {
        guard let clipNorm = settings.clipNorm, let projections = settings.projections else { return nil }
        try self.init(
            clipNorm: clipNorm, encoding: encoding, elements: elements, clients: clients, projections: projections)
    }
}
