internal import Foundation

/// q-FedAvg: clients with a larger loss count for more. With Fₖ the loss that client k reports and L = 1/η,
/// Δ̄ = Σₖ Fₖ^q L Δₖ / Σₖ (q Fₖ^(q−1) ‖L Δₖ‖² + L Fₖ^q).
///
/// T. Li, M. Sanjabi, A. Beirami, V. Smith, "Fair resource allocation in federated learning", ICLR 2020, algorithm 2. With
/// q = 0 it is the plain mean. Fₖ is the mean loss over the client's training in the round, where the paper has the loss
/// before it. One client can move it anywhere, as the loss is what the client says.
public struct FairMean: UpdateRule {
    /// How much fairness, at least 0.
    public var q: Double
    /// The clients' step size η, more than 0.
    public var learningRate: Double

    /// `q-fedavg`.
    public let name = "q-fedavg"
    /// 1.
    public let minimumUpdates = 1
    /// Losses and norms.
    public let evidence = Evidence.norms

    /// The rule with its numbers.
    public init(q: Double, learningRate: Double) {
        precondition(q >= 0 && learningRate > 0, "q is not negative and a step size is more than nothing")
        self.q = q
        self.learningRate = learningRate
    }

    /// None.
    public func tolerated(among updates: Int) -> Int { 0 }

    /// The weights.
    ///
    /// - Throws: ``AggregationError`` `invalidRule` for a client without a loss of at least 0.
    public func combination(of updates: UpdateEvidence) throws -> Combination {
        let slope = 1 / learningRate
        var (factors, total) = ([Double](), 0.0)
        for update in 0..<updates.count {
            guard let loss = updates.losses[update], loss.isFinite, loss >= 0 else {
                throw AggregationError(
                    .invalidRule,
                    "the rule \(name) needs a loss of at least 0 from client '\(updates.clients[update])', found "
                        + "\(updates.losses[update].map { "\($0)" } ?? "none")")
            }
            // As the authors' code: no power of nothing.
            let known = max(loss, 1e-10)
            let norm = slope * updates.norm(update)
            factors.append(pow(known, q) * slope)
            total += q * pow(known, q - 1) * norm * norm + slope * pow(known, q)
        }
        return .linear(factors.map { $0 / total })
    }
}
