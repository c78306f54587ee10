/// A job's `aggregation` map, read: how the coordinator combines the updates of a round.
///
/// | `rule` | other keys (default) |
/// |---|---|
/// | `mean` (default), `uniform-mean`, `median` | none |
/// | `q-fedavg` | `q` (1) |
/// | `trimmed-mean` | `trim` (0.2) |
/// | `krum`, `bulyan` | `byzantine` (1) |
/// | `multi-krum` | `byzantine` (1), `select` (all but `byzantine`) |
/// | `geometric-median` | `iterations` (100), `smoothing` (1e-6) |
/// | `centred-clipping` | `radius` (10), `iterations` (1) |
/// | `foolsgold` | `confidence` (1) |
/// | `fltrust` | `trusted`: the client whose update is the reference |
/// | `norm-bounded-mean` | `bound` (10) |
/// | `sign-majority` | `step` (0.001) |
///
/// With every rule: `clipNorm`, `minimumCosine`, `maximumDistance` and `ema`. Any other key is an error.
public struct AggregationSettings: Sendable, Hashable {
    /// The rules.
    public enum Rule: String, Sendable, CaseIterable {
        case mean, median, krum, bulyan, foolsgold, fltrust
        case uniformMean = "uniform-mean"
        case fairMean = "q-fedavg"
        case trimmedMean = "trimmed-mean"
        case multiKrum = "multi-krum"
        case geometricMedian = "geometric-median"
        case centredClipping = "centred-clipping"
        case boundedMean = "norm-bounded-mean"
        case signMajority = "sign-majority"
    }

    /// The rule.
    public var rule: Rule
    /// How much more clients with a large loss count (`q-fedavg`).
    public var q = 1.0
    /// The share of the values that is dropped at each end (`trimmed-mean`).
    public var trim = 0.2
    /// How many hostile updates a round is reckoned to hold (`krum`, `multi-krum`, `bulyan`).
    public var byzantine = 1
    /// How many updates are averaged (`multi-krum`); nil for all but `byzantine`.
    public var selected: Int?
    /// How many iterations (`geometric-median`, `centred-clipping`).
    public var iterations = 1
    /// The smallest distance (`geometric-median`).
    public var smoothing = 1e-6
    /// The radius of the ball (`centred-clipping`).
    public var radius = 10.0
    /// How soon alike updates lose all weight (`foolsgold`).
    public var confidence = 1.0
    /// The client whose update is the reference (`fltrust`).
    public var trusted = ""
    /// The largest norm that counts (`norm-bounded-mean`).
    public var bound = 10.0
    /// The step of every coordinate (`sign-majority`).
    public var step = 1e-3
    /// Scale longer updates down to this L2 norm; nil for none.
    public var clipNorm: Double?
    /// Leave out updates with a smaller cosine to the others; nil for none.
    public var minimumCosine: Double?
    /// Leave out updates so many times as far out as the median one; nil for none.
    public var maximumDistance: Double?
    /// How much of the old weights stays.
    public var ema = 0.0

    /// The mean weighted by examples and nothing else.
    public static let mean = AggregationSettings(rule: .mean)

    private init(rule: Rule) { self.rule = rule }

    /// Reads a map; an empty one is ``mean``.
    ///
    /// - Throws: `JobsError` with the code `invalidSpecification` that names every problem, one a line.
    public init(_ settings: Settings) throws(JobsError) {
        let (value, problems) = Self.read(settings)
        guard problems.isEmpty else {
            throw JobsError(
                code: .invalidSpecification, message: "job specification: " + problems.joined(separator: "\n"))
        }
        self = value
    }

    /// Everything that is wrong with a map, each with the key, what was found and what is expected.
    public static func problems(of settings: Settings) -> [String] { read(settings).problems }

    /// Whether the updates are combined as the strategy's own paper has it.
    public var isPlain: Bool { self == .mean }

    /// Whether the global weights hold the round's update for the next round.
    public var needsHistory: Bool { rule == .centredClipping }

    /// The fewest updates that the rule can be used with.
    public var minimumUpdates: Int {
        switch rule {
        case .mean, .uniformMean, .fairMean, .fltrust, .boundedMean: 1
        case .foolsgold: 2
        case .median, .geometricMedian, .centredClipping, .signMajority: 3
        case .trimmedMean: max(3, Int((1 / trim).rounded(.up)))
        case .krum: 2 * byzantine + 3
        case .multiKrum: max(2 * byzantine + 3, (selected ?? 0) + byzantine)
        case .bulyan: 4 * byzantine + 3
        }
    }

    // MARK: Reading

    private static func read(_ settings: Settings) -> (value: AggregationSettings, problems: [String]) {
        let names = Rule.allCases.map(\.rawValue).sorted()
        let text = settings["rule"].map { $0.stringValue ?? "" } ?? Rule.mean.rawValue
        guard let rule = Rule(rawValue: text) else {
            return (.mean, [SettingsMap.wrongWord(settings, key: "rule", place: "aggregation.rule", among: names)])
        }
        var value = AggregationSettings(rule: rule)
        var map = SettingsMap(settings, place: "aggregation", main: "rule")
        value.readNumbers(&map)
        value.clipNorm = map.optionalDouble("clipNorm", in: 1e-9...1e18)
        value.minimumCosine = map.optionalDouble("minimumCosine", in: -1...1)
        value.maximumDistance = map.optionalDouble("maximumDistance", in: 1...1e9)
        value.ema = map.double("ema", 0, in: 0...0.999999)
        return (value, map.finish())
    }

    private mutating func readNumbers(_ map: inout SettingsMap) {
        switch rule {
        case .mean, .uniformMean, .median: break
        case .fairMean: q = map.double("q", 1, in: 0...10)
        case .trimmedMean: trim = map.double("trim", 0.2, in: 0.001...0.499)
        case .krum, .bulyan, .multiKrum:
            byzantine = map.optionalInt("byzantine", in: 0...100_000) ?? 1
            if rule == .multiKrum { selected = map.optionalInt("select", in: 1...1_000_000) }
        case .geometricMedian:
            iterations = map.optionalInt("iterations", in: 1...10_000) ?? 100
            smoothing = map.double("smoothing", 1e-6, in: 1e-12...1e6)
        case .centredClipping:
            radius = map.double("radius", 10, in: 1e-9...1e18)
            iterations = map.optionalInt("iterations", in: 1...10_000) ?? 1
        case .foolsgold: confidence = map.double("confidence", 1, in: 1e-6...1e6)
        case .fltrust: trusted = map.text("trusted", "the name of a client")
        case .boundedMean: bound = map.double("bound", 10, in: 1e-9...1e18)
        case .signMajority: step = map.double("step", 1e-3, in: 1e-12...1e6)
        }
    }
}
