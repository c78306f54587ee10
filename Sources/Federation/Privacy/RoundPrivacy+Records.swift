internal import Foundation
internal import Jobs
internal import Privacy

/// Jobs in which every client spends on its own, so that costs do not add up over clients: those whose trainers protect
/// single examples, and those whose clients add the noise of a sum, where only who is in a cohort loses something and the
/// coordinator knows who is. A client that has no budget left is not drawn any more.
extension RoundPrivacy {
    /// What a client's records cost in one round: Poisson samples of the rate min(1, batchSize / n), in
    /// epochs · ⌈n / batchSize⌉ steps, as `PrivateDescent` of the trainer makes them.
    func recordCharge(_ specification: JobSpecification, examples: Int) -> PrivacyCharge {
        let batch = max(1, specification.training["batchSize"]?.intValue ?? JobSpecification.standardBatchSize)
        let epochs = max(1, specification.training["epochs"]?.intValue ?? 1)
        let count = max(1, examples)
        return PrivacyCharge(
            kind: .poisson, noiseMultiplier: settings.noiseMultiplier,
            rate: min(1, Double(batch) / Double(count)), count: epochs * ((count + batch - 1) / batch))
    }

    /// The cohort of an attempt with what it costs each of its clients.
    func draw(
        candidates: [String], quorum: Int, choose: ([String]) -> [String], charge: (String) -> PrivacyCharge
    ) -> Draw {
        var known: [PrivacyLedger: Double] = [:]
        func epsilon(_ ledger: PrivacyLedger) -> Double {
            if let value = known[ledger] { return value }
            let value = (try? ledger.epsilon(delta: settings.delta, by: accountant)) ?? .infinity
            known[ledger] = value
            return value
        }
        func after(_ client: String) -> Double {
            epsilon((spent.records[client] ?? PrivacyLedger()).adding(charge(client)))
        }
        let budget = settings.epsilon ?? .greatestFiniteMagnitude
        let able = candidates.filter { after($0) <= budget }
        guard able.count >= quorum else {
            return .exhausted(
                "the privacy budget (epsilon \(settings.epsilon.map { "\($0)" } ?? "unlimited") at delta \(settings.delta)) "
                    + "allows no more: "
                    + (settings.mechanism == .record ? "the records of " : "")
                    + "\(able.count) of \(candidates.count) clients have enough left")
        }
        let cohort = choose(able)
        let charges = Dictionary(cohort.map { ($0, charge($0)) }, uniquingKeysWith: { $1 })
        let others = spent.records.filter { charges[$0.key] == nil }.values.map(epsilon)
        let worst = (cohort.map(after) + others).max() ?? 0
        return .cohort(
            cohort,
            RoundCharge(
                charge: PrivacyCharge(kind: .poisson, noiseMultiplier: settings.noiseMultiplier, count: 0),
                records: charges, clipNorm: settings.clipNorm, expected: Double(cohort.count), epsilon: worst))
    }
}
