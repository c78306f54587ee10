/// A job's `attack` map, read: what a part of a simulation's clients does to the others.
///
/// | `kind` | other keys (default) | what a hostile client does |
/// |---|---|---|
/// | `label-flip` | none | trains on class C − 1 − c in place of c |
/// | `sign-flip` | `scale` (1) | sends −scale · its update |
/// | `scaling` | `scale` (10) | sends scale · its update |
/// | `gaussian` | `scale` (10) | sends normal noise, scale times as large as its update |
/// | `alie` | `z` (what the numbers of clients allow) | with the others: mean − z · deviation of their updates |
/// | `ipm` | `scale` (1) | with the others: −scale · mean of their updates |
/// | `backdoor` | `target` (0), `poison` (0.5), `trigger` (1), `scale` (1) | teaches a trigger to mean a class |
/// | `free-rider` | `behaviour` (`zero`, `noise`, `stale`), `scale` (0.001) | sends an update that it did not train |
/// | `nan` | none | sends NaN |
/// | `giant-weight` | `examples` (10¹²) | claims so many examples |
///
/// All have `share` (0.2), the part of the clients that is hostile. Any other key is an error.
public struct AttackSettings: Sendable, Hashable {
    /// The attacks.
    public enum Kind: String, Sendable, Hashable, CaseIterable {
        case labelFlip = "label-flip"
        case signFlip = "sign-flip"
        case scaling, gaussian, alie, ipm, backdoor
        case freeRider = "free-rider"
        case nan
        case giantWeight = "giant-weight"
    }

    /// What a free rider sends.
    public enum Behaviour: String, Sendable, Hashable, CaseIterable {
        /// Zeros.
        case zero
        /// Normal noise.
        case noise
        /// In every round the update that training from the initial weights gives.
        case stale
    }

    /// The attack.
    public var kind: Kind
    /// The part of all clients that is hostile, 0 to 1.
    public var share = 0.2
    /// A factor; what it multiplies is the kind's matter.
    public var scale = 1.0
    /// How many deviations `alie` stays away from the mean; nil for what the numbers of clients allow.
    public var z: Double?
    /// The class that a `backdoor` leads to.
    public var target = 0
    /// The part of a hostile client's examples that carry the trigger.
    public var poison = 0.5
    /// The value that the trigger consists of.
    public var trigger = 1.0
    /// What a `free-rider` sends.
    public var behaviour = Behaviour.zero
    /// The examples that `giant-weight` claims.
    public var examples = 1_000_000_000_000

    /// An attack with its default numbers.
    public init(kind: Kind) {
        self.kind = kind
        switch kind {
        case .scaling, .gaussian: scale = 10
        case .freeRider: scale = 0.001
        default: break
        }
    }

    /// Reads a map; nil for an empty one: nobody is hostile.
    ///
    /// - Throws: `JobsError` with the code `invalidSpecification` that names every problem, one a line.
    public init?(_ settings: Settings) throws(JobsError) {
        guard !settings.isEmpty else { return nil }
        let (value, problems) = Self.read(settings)
        guard problems.isEmpty else {
            throw JobsError(
                code: .invalidSpecification, message: "job specification: " + problems.joined(separator: "\n"))
        }
        self = value
    }

    /// Everything that is wrong with a map, each with the key, what was found and what is expected.
    public static func problems(of settings: Settings) -> [String] {
        settings.isEmpty ? [] : read(settings).problems
    }

    private static func read(_ settings: Settings) -> (value: AttackSettings, problems: [String]) {
        let kinds = Kind.allCases.map(\.rawValue).sorted()
        guard let text = settings["kind"]?.stringValue, let kind = Kind(rawValue: text) else {
            return (
                AttackSettings(kind: .signFlip),
                [SettingsMap.wrongWord(settings, key: "kind", place: "attack.kind", among: kinds)]
            )
        }
        var value = AttackSettings(kind: kind)
        var map = SettingsMap(settings, place: "attack", main: "kind")
        value.share = map.double("share", value.share, in: 0...1)
        switch kind {
        case .labelFlip, .nan: break
        case .signFlip, .scaling, .gaussian, .ipm: value.scale = map.double("scale", value.scale, in: 0...1e18)
        case .alie:
            value.z = map.optionalDouble("z", in: 0...1e6)
        case .backdoor:
            value.target = map.optionalInt("target", in: 0...65_535) ?? 0
            value.poison = map.double("poison", value.poison, in: 0...1)
            value.trigger = map.double("trigger", value.trigger, in: -1e6...1e6)
            value.scale = map.double("scale", value.scale, in: 0...1e18)
        case .freeRider:
            let words = Behaviour.allCases.map(\.rawValue)
            value.behaviour = Behaviour(rawValue: map.word("behaviour", "zero", among: words)) ?? .zero
            value.scale = map.double("scale", value.scale, in: 0...1e18)
        case .giantWeight:
            value.examples = map.optionalInt("examples", in: 1...(1 << 62)) ?? value.examples
        }
        return (value, map.finish())
    }
}
