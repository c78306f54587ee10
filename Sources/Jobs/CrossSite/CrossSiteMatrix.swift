internal import Foundation

/// Every site's model on every site's examples: `cross-site.json`.
///
/// Each site trains once from the same weights; its model and those weights are evaluated on the examples of each site.
/// The diagonal says what a site has of its own model, the rest of a row how far that model carries.
public struct CrossSiteMatrix: Sendable, Hashable, Codable {
    /// A site whose examples are evaluated on.
    public struct Site: Sendable, Hashable, Codable {
        /// The client's name.
        public var name: String
        /// How many examples it trains on.
        public var trained: Int
        /// How many examples models are evaluated on.
        public var evaluated: Int
        /// Whether these are held out; otherwise they are those that the site trains on, which flatters the diagonal.
        public var isHeldOut: Bool

        /// Creates a site's entry.
        public init(name: String, trained: Int, evaluated: Int, isHeldOut: Bool) {
            self.name = name
            self.trained = trained
            self.evaluated = evaluated
            self.isHeldOut = isHeldOut
        }
    }

    /// One model, on every site.
    public struct Row: Sendable, Hashable, Codable {
        /// The site that trained it; nil for the global weights.
        public var site: String?
        /// Why there is no model, if training failed.
        public var failure: String?
        /// The finite metrics on each site, in the order of `sites`; empty maps where there are none.
        public var metrics: [[String: Double]]
        /// In a federation why a site that could have evaluated the model did not, by the site; nil when all did.
        public var missing: [String: String]?

        /// Creates a model's row.
        public init(
            site: String?, failure: String? = nil, metrics: [[String: Double]], missing: [String: String]? = nil
        ) {
            self.site = site
            self.failure = failure
            self.metrics = metrics
            self.missing = missing
        }

        /// Why the row, or some of its places, are empty; empty for a whole row.
        public var remark: String {
            failure
                ?? (missing ?? [:]).sorted { $0.key < $1.key }.map { "\($0.key): \($0.value)" }
                .joined(separator: "; ")
        }
    }

    /// Means over sites of one metric.
    public struct Summary: Sendable, Hashable, Codable {
        /// The metric.
        public var metric: String
        /// Each site's own model on its own examples.
        public var own: Double?
        /// Each site's model on the others' examples, all pairs counting the same.
        public var others: Double?
        /// The global weights.
        public var global: Double?
    }

    /// How many rounds made the weights that training starts from.
    public var rounds: Int
    /// SHA-256 of these weights.
    public var weights: String
    /// The sites, in the order of the partition.
    public var sites: [Site]
    /// The global weights' row, then one a site.
    public var models: [Row]
    /// By the job's `selectBy`.
    public var summary: Summary

    /// A matrix with the means of one metric.
    public init(rounds: Int, weights: String, sites: [Site], models: [Row], metric: String) {
        self.rounds = rounds
        self.weights = weights
        self.sites = sites
        self.models = models
        summary = Summary(metric: metric)
        var (own, others, global): ([Double], [Double], [Double]) = ([], [], [])
        for row in models {
            for (site, metrics) in zip(sites, row.metrics) {
                guard let value = metrics[metric] else { continue }
                switch row.site {
                case nil: global.append(value)
                case site.name: own.append(value)
                default: others.append(value)
                }
            }
        }
        func mean(_ values: [Double]) -> Double? {
            values.isEmpty ? nil : values.reduce(0, +) / Double(values.count)
        }
        (summary.own, summary.others, summary.global) = (mean(own), mean(others), mean(global))
    }

    /// The matrix with the metric of its summary alone.
    public var condensed: CrossSiteMatrix {
        var matrix = self
        for row in matrix.models.indices {
            matrix.models[row].metrics = models[row].metrics.map { $0.filter { $0.key == summary.metric } }
        }
        return matrix
    }

    /// What stands for the global weights where a model has to have a name.
    static let globalName = "(global)"

    /// One line a model and site, with every metric.
    public func csv() -> String {
        let names = Set(models.flatMap { $0.metrics.flatMap(\.keys) }).sorted()
        var lines = [["model", "site", "examples"] + names]
        for row in models {
            for (site, metrics) in zip(sites, row.metrics) {
                lines.append(
                    [row.site ?? Self.globalName, site.name, "\(site.evaluated)"]
                        + names.map { metrics[$0].map { "\($0)" } ?? "" })
            }
        }
        return CommaSeparated.text(lines)
    }

    /// The drawing of one metric; the colours go from the worst value to the best.
    public func heatMap() -> HeatMap {
        let metric = summary.metric
        let values = models.flatMap { $0.metrics.compactMap { $0[metric] } }
        let (low, high) = (values.min() ?? 0, values.max() ?? 1)
        let isLowBetter = Metrics.lowerIsBetter.contains(metric)
        return HeatMap(
            columns: sites.map(\.name), rows: models.map { $0.site.map { "model of \($0)" } ?? "global model" },
            cells: models.map { row in
                zip(sites, row.metrics).map { site, metrics in
                    metrics[metric].map { value in
                        let share = high > low ? (value - low) / (high - low) : 1
                        return HeatMap.Cell(
                            text: String(format: "%.3f", value),
                            title: "\(row.site ?? "global") on \(site.name): \(value)",
                            share: isLowBetter && high > low ? 1 - share : share)
                    }
                }
            },
            note: "\(metric) of the model of each row on the examples of each column"
                + (sites.allSatisfy(\.isHeldOut) ? ", which no model trained on" : ", on which its own model trained"))
    }

    /// `cross-site.json`, `cross-site.csv` and `cross-site.svg`, by name.
    public func files() throws -> [(name: String, bytes: [UInt8])] {
        [
            ("cross-site.json", try JSONText.of(self)), ("cross-site.csv", Array(csv().utf8)),
            ("cross-site.svg", Array(heatMap().svg().utf8)),
        ]
    }
}
