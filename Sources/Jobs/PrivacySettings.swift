/// A job's `privacy` map, read: what protects the clients' examples.
///
/// | `mechanism` | other keys (default) |
/// |---|---|
/// | `central` | `sampling` (`poisson`, or `fixed`), `clip` (`flat`, or `adaptive` with `quantile` (0.5), `clipRate` (0.2), `countNoise` (`clients.perRound` / 20)), `noise` (`gaussian`, or `discrete`) |
/// | `local` | none |
/// | `record` | none; `clipNorm` and the noise are those of single examples' gradients |
/// | `ftrl` | `separation` (`rounds`: every client takes part once) |
/// | `distributed` | `colluding` (0): of the fewest clients in a sum, how many may tell the coordinator their noise |
///
/// All have `clipNorm` (1), `noiseMultiplier` and `delta` (both required), `epsilon` (none: no budget), and `accountant`
/// (`pld`; `rdp` for samples of fixed size and for records, and always for `distributed`). Any other key is an error; an empty map is no protection.
public struct PrivacySettings: Sendable, Hashable {
    /// What adds the noise.
    public enum Mechanism: String, Sendable, CaseIterable, Decodable {
        case central, local, record, ftrl, distributed
    }

    /// How cohorts are drawn.
    public enum Sampling: String, Sendable, CaseIterable {
        case poisson, fixed
    }

    /// What decides the clipping norm.
    public enum Clip: String, Sendable, CaseIterable {
        case flat, adaptive
    }

    /// The noise's distribution.
    public enum Noise: String, Sendable, CaseIterable {
        case gaussian, discrete
    }

    /// What adds the noise.
    public var mechanism = Mechanism.central
    /// The L2 norm C to which an update is clipped; the first one with adaptive clipping.
    public var clipNorm = 1.0
    /// The deviation of the noise divided by the clipping norm.
    public var noiseMultiplier = 0.0
    /// The probability with which the guarantee may fail.
    public var delta = 0.0
    /// The budget; nil for none.
    public var epsilon: Double?
    /// `rdp` or `pld`.
    public var accountant = "pld"
    /// How cohorts are drawn (`central`).
    public var sampling = Sampling.poisson
    /// What decides the clipping norm (`central`).
    public var clip = Clip.flat
    /// The share of updates that shall not be clipped (`central`, `adaptive`).
    public var quantile = 0.5
    /// The step of the clipping norm's logarithm (`central`, `adaptive`).
    public var clipRate = 0.2
    /// The deviation of the noise on the count of unclipped updates; nil for a twentieth of the cohort.
    public var countNoise: Double?
    /// The noise's distribution (`central`).
    public var noise = Noise.gaussian
    /// Rounds from one participation of a client to its next; nil for once in the job (`ftrl`).
    public var separation: Int?
    /// Of the fewest clients in a sum, how many may work with the coordinator (`distributed`).
    public var colluding = 0

    private init() {}

    /// Reads a map; nil for an empty one.
    ///
    /// - Throws: `JobsError` with the code `invalidSpecification` that names every problem, one a line.
    public static func reading(_ settings: Settings) throws(JobsError) -> PrivacySettings? {
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

    private static func read(_ settings: Settings) -> (value: PrivacySettings, problems: [String]) {
        var value = PrivacySettings()
        var map = SettingsMap(settings, place: "privacy")
        func word<Word: RawRepresentable & CaseIterable>(_ key: String, _ standard: Word) -> Word
        where Word.RawValue == String {
            Word(rawValue: map.word(key, standard.rawValue, among: Word.allCases.map(\.rawValue))) ?? standard
        }
        value.mechanism = word("mechanism", .central)
        value.clipNorm = map.double("clipNorm", 1, in: 1e-9...1e9)
        value.noiseMultiplier = map.double("noiseMultiplier", 0, in: 1e-3...1e6)
        value.delta = map.double("delta", 0, in: 1e-300...0.5)
        if settings["epsilon"] != nil { value.epsilon = map.double("epsilon", 1, in: 1e-6...1e6) }
        if value.mechanism == .central {
            value.sampling = word("sampling", .poisson)
            value.clip = word("clip", .flat)
            value.noise = word("noise", .gaussian)
            if value.clip == .adaptive {
                value.quantile = map.double("quantile", 0.5, in: 0...1)
                value.clipRate = map.double("clipRate", 0.2, in: 1e-6...10)
                if settings["countNoise"] != nil { value.countNoise = map.double("countNoise", 1, in: 1e-3...1e9) }
            }
        }
        if value.mechanism == .ftrl { value.separation = map.optionalInt("separation", in: 1...1_000_000) }
        if value.mechanism == .distributed {
            value.colluding = map.optionalInt("colluding", in: 0...1_000_000) ?? 0
        }
        let isFixed = value.mechanism == .central && value.sampling == .fixed
        let standard = isFixed || value.mechanism == .record || value.mechanism == .distributed ? "rdp" : "pld"
        value.accountant = map.word("accountant", standard, among: ["rdp", "pld"])
        var problems = map.finish()
        for key in ["mechanism", "noiseMultiplier", "delta"] where settings[key] == nil {
            problems.append(
                "privacy.\(key): found nothing, expected "
                    + (key == "mechanism" ? Mechanism.allCases.map(\.rawValue).joined(separator: ", ") : "a number")
                    + (key == "noiseMultiplier" ? " (`tributary privacy plan` finds it)" : ""))
        }
        if isFixed, value.accountant == "pld" {
            problems.append("privacy.accountant: found pld with fixed sampling, expected rdp, or sampling: poisson")
        }
        if value.mechanism == .distributed, value.accountant == "pld" {
            problems.append(
                "privacy.accountant: found pld with the mechanism distributed, expected rdp: of sums of discrete noise only "
                    + "divergences are bounded")
        }
        return (value, problems)
    }
}
