/// How a metric is spread over clients: whom a model serves well and whom badly.
///
/// Every client counts the same, however many examples it has. Figures such as the variance of the accuracy and the mean
/// of the worst tenth measure fairness as in T. Li et al., "Fair resource allocation in federated learning", ICLR 2020.
public struct MetricDistribution: Sendable, Hashable, Codable {
    /// How many clients have the metric.
    public var clients: Int
    /// The mean over clients.
    public var mean: Double
    /// The mean squared deviation from it.
    public var variance: Double
    /// The smallest value.
    public var minimum: Double
    /// The value below which a quarter lies, interpolated between neighbours (NumPy's default).
    public var lowerQuartile: Double
    /// The value below which half lies.
    public var median: Double
    /// The value below which three quarters lie.
    public var upperQuartile: Double
    /// The largest value.
    public var maximum: Double
    /// The mean over the worst tenth of the clients, rounded up: those with the lowest values, or with the highest where
    /// lower is better.
    public var worstTenth: Double

    /// The distribution of values that are finite; nil where there are none.
    public init?(_ values: [Double], lowerIsBetter: Bool = false) {
        let sorted = values.filter(\.isFinite).sorted()
        guard let first = sorted.first, let last = sorted.last else { return nil }
        func quantile(_ share: Double) -> Double {
            let place = share * Double(sorted.count - 1)
            let below = Int(place)
            let above = min(below + 1, sorted.count - 1)
            return sorted[below] + (place - Double(below)) * (sorted[above] - sorted[below])
        }
        func average(_ part: some Collection<Double>) -> Double { part.reduce(0, +) / Double(part.count) }
        let mean = average(sorted)
        let tenth = (sorted.count + 9) / 10
        clients = sorted.count
        self.mean = mean
        variance = average(sorted.map { ($0 - mean) * ($0 - mean) })
        minimum = first
        lowerQuartile = quantile(0.25)
        median = quantile(0.5)
        upperQuartile = quantile(0.75)
        maximum = last
        worstTenth = average(lowerIsBetter ? sorted.suffix(tenth) : sorted.prefix(tenth))
    }

    /// The distribution of every metric over clients' metrics; a client without a metric does not count for it.
    public static func over(_ clients: [[String: Double]]) -> [String: MetricDistribution] {
        var values: [String: [Double]] = [:]
        for metrics in clients {
            for (name, value) in metrics { values[name, default: []].append(value) }
        }
        var distributions: [String: MetricDistribution] = [:]
        for (name, own) in values {
            distributions[name] = MetricDistribution(own, lowerIsBetter: Metrics.lowerIsBetter.contains(name))
        }
        return distributions
    }

    /// The figures by name, without the number of clients.
    public var figures: [String: Double] {
        [
            "mean": mean, "variance": variance, "minimum": minimum, "lowerQuartile": lowerQuartile, "median": median,
            "upperQuartile": upperQuartile, "maximum": maximum, "worstTenth": worstTenth,
        ]
    }
}
