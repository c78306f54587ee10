public import Jobs

/// How the global model and the clients' own models are spread over the clients: `evaluation.personalise`.
///
/// Both models of a client are evaluated on the same examples, so the change is paired: its spread says for how many
/// clients a model of their own is worth having, which two separate spreads cannot.
public struct PersonalisationFigures: Sendable, Hashable, Codable {
    /// The global model, by metric.
    public var global: [String: MetricDistribution]
    /// The client's own model.
    public var own: [String: MetricDistribution]
    /// Own minus global, client by client: below 0 where the own model has the lower value, which is better for `loss`.
    public var change: [String: MetricDistribution]

    /// Gathers the metrics of clients; one without a metric in either model does not count for its change.
    init(_ pairs: [ClientEvaluation.Pair]) {
        global = MetricDistribution.over(pairs.map(\.global))
        own = MetricDistribution.over(pairs.map(\.own))
        change = MetricDistribution.over(
            pairs.map { pair in
                pair.own.reduce(into: [:]) { changes, entry in
                    if let before = pair.global[entry.key] { changes[entry.key] = entry.value - before }
                }
            })
    }
}
