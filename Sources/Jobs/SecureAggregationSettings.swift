/// A job's `secureAggregation` map, read: how the coordinator is kept from seeing single updates.
///
/// | key | value | default |
/// |---|---|---|
/// | `threshold` | how many of a secret's holders give it away: a share of them above 0.5, or a whole number | 0.67 |
/// | `degree` | how many neighbours each client masks with | all the others |
/// | `range` | the largest absolute value of an update's element that is not limited | 1; with distributed noise `privacy.clipNorm` |
/// | `bits` | of one element, 2 to 31; with distributed noise that decides | 16 |
/// | `clipNorm` | C: clients scale their updates down to this L2 norm before they mask them | none |
/// | `projections` | by so many random sums of every update, 32, 64, 96 or 128, the coordinator checks that they did | none: it does not |
/// | `minimum` | how many updates must be in a sum | `clients.minimumUpdates` |
/// | `stepDeadline` | seconds that clients have for a step other than training, between daemons | 60 |
/// | `dropAdvertise`, `dropShare`, `dropMask`, `dropSign`, `dropUnmask` | in a simulation, the probability that a client leaves before that step | 0 |
///
/// Any other key is an error; an empty map is no secure aggregation.
public struct SecureAggregationSettings: Sendable, Hashable {
    /// The steps that a client takes in a round, in order.
    public enum Step: Int, Sendable, CaseIterable {
        case advertise, share, mask, sign, unmask
    }

    /// How many of a secret's holders give it away.
    public enum Threshold: Sendable, Hashable {
        /// A share of the holders, rounded up.
        case share(Double)
        /// A number.
        case count(Int)
    }

    /// How many of a secret's holders give it away.
    public private(set) var threshold = Threshold.share(0.67)
    /// How many neighbours each client masks with; nil for all the others.
    public private(set) var degree: Int?
    /// The largest absolute value that is not limited.
    public private(set) var range = 1.0
    /// Whether the map says which range.
    public private(set) var hasRange = false
    /// Bits of one element.
    public private(set) var bits = 16
    /// Whether the map says how many bits.
    public private(set) var hasBits = false
    /// The L2 norm that clients scale their updates down to; nil where they do not.
    public private(set) var clipNorm: Double?
    /// By how many random sums of every update the coordinator checks it; nil where it does not.
    public private(set) var projections: Int?
    /// How many updates must be in a sum; nil for `clients.minimumUpdates`.
    public private(set) var minimum: Int?
    /// Seconds that clients have for every step but the training, which has the round's deadline.
    public private(set) var stepDeadline = 60.0
    /// With which probability a simulated client leaves before each ``Step``.
    public private(set) var dropOuts = [Double](repeating: 0, count: Step.allCases.count)

    private init() {}

    /// Reads a map; nil for an empty one.
    ///
    /// - Throws: `JobsError` with the code `invalidSpecification` that names every problem, one a line.
    public static func reading(_ settings: Settings) throws(JobsError) -> SecureAggregationSettings? {
        guard !settings.isEmpty else { return nil }
        let (value, problems) = read(settings)
        guard problems.isEmpty else {
            throw JobsError(
                code: .invalidSpecification, message: "job specification: " + problems.joined(separator: "\n"))
        }
        return value
    }

    /// Everything that is wrong with a map, each with the key, what was found and what is expected.
    public static func problems(of settings: Settings) -> [String] { settings.isEmpty ? [] : read(settings).problems }

    /// How many hold shares of one client's secrets in a cohort: its neighbours and itself.
    public func holders(of cohort: Int) -> Int {
        min(cohort, degree.map { $0 + $0 % 2 + 1 } ?? cohort)
    }

    /// How many updates must be in a sum of a job.
    public func minimum(of clients: JobSpecification.Clients) -> Int { minimum ?? max(2, clients.minimumUpdates) }

    /// How many of them give a secret away.
    public func threshold(of cohort: Int) -> Int {
        switch threshold {
        case .count(let count): count
        case .share(let share):
            // 0.55 · 100 is a rounding error above 55, which is meant; more than half in any case.
            min(
                holders(of: cohort),
                max(holders(of: cohort) / 2 + 1, Int((share * Double(holders(of: cohort)) - 1e-9).rounded(.up))))
        }
    }

    private static func read(_ settings: Settings) -> (value: SecureAggregationSettings, problems: [String]) {
        var value = SecureAggregationSettings()
        var map = SettingsMap(settings, place: "secureAggregation", main: "threshold")
        var problems: [String] = []
        if let setting = settings["threshold"] {
            if let count = setting.intValue, count >= 2 {
                value.threshold = .count(count)
            } else if let share = setting.doubleValue, share > 0.5, share < 1 {
                value.threshold = .share(share)
            } else {
                problems.append(
                    "secureAggregation.threshold: found \(setting.doubleValue.map { "\($0)" } ?? "no number"), expected a "
                        + "share above 0.5 and below 1, or a whole number from 2: a coordinator could tell two halves of "
                        + "the holders different lists")
            }
        }
        value.degree = map.optionalInt("degree", in: 2...254)
        value.range = map.double("range", 1, in: 1e-9...1e9)
        value.hasRange = settings["range"] != nil
        value.hasBits = settings["bits"] != nil
        value.bits = map.optionalInt("bits", in: 2...31) ?? 16
        value.clipNorm = map.optionalDouble("clipNorm", in: 1e-9...1e9)
        value.projections = map.optionalInt("projections", in: 32...128)
        if let projections = value.projections, projections % 32 != 0 {
            problems.append("secureAggregation.projections: found \(projections), expected 32, 64, 96 or 128")
        }
        value.minimum = map.optionalInt("minimum", in: 2...1_000_000)
        value.stepDeadline = map.double("stepDeadline", 60, in: 0.1...86_400)
        for (step, key) in [
            (Step.advertise, "dropAdvertise"), (.share, "dropShare"), (.mask, "dropMask"), (.sign, "dropSign"),
            (.unmask, "dropUnmask"),
        ] {
            value.dropOuts[step.rawValue] = map.double(key, 0, in: 0...1)
        }
        return (value, problems + map.finish())
    }
}
