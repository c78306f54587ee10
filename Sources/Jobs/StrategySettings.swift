import Configuration

/// A job's `strategy` map, read: how clients train and how their updates become new weights.
///
/// | `name` | other keys (default) |
/// |---|---|
/// | `fedavg`, `fednova` | none |
/// | `fedprox` | `mu` (0.01) |
/// | `fedopt` with `serverOptimizer` `sgd` (default) | `serverLearningRate` (0.025), `serverMomentum` (0.9) |
/// | `fedopt` with `adam`, `adamw`, `yogi`, `adagrad` | `serverLearningRate` (0.01), `beta1` (0.9), `beta2` (0.99), `tau` (0.001); `adamw` also `weightDecay` (0.01) |
/// | `scaffold` | `clients` (the number of `clients.participants`), `faithful` (false) |
/// | `feddyn` | `alpha` (0.01), `clients` (as above) |
/// | `fedrs` | `alpha` (0.9), `faithful` (false) |
/// | `moon` | `mu` (1), `temperature` (0.5) |
/// | `fedbn`, `fedper` | `personal`: prefixes of tensor names |
/// | `fedrep` | `personal`, `headEpochs` (10) |
/// | `ditto` | `mu` (0.1) |
///
/// Any other key is an error. `faithful: true` asks for the deviations of the FedMultimodal benchmark's code.
public struct StrategySettings: Sendable, Hashable {
    /// The strategies.
    public enum Name: String, Sendable, CaseIterable {
        case fedavg, fedprox, fedopt, scaffold, fedrs, fednova, feddyn, moon, fedbn, fedper, fedrep, ditto
    }

    /// What the server does with the mean update in `fedopt`.
    public enum ServerOptimizer: String, Sendable, CaseIterable {
        case sgd, adam, adamw, yogi, adagrad
    }

    /// The strategy.
    public var name: Name
    /// The weight of the proximal term (`fedprox`, `ditto`) or of the contrastive loss (`moon`).
    public var mu = 0.0
    /// The server's optimiser (`fedopt`).
    public var serverOptimizer = ServerOptimizer.sgd
    /// The server's step size (`fedopt`).
    public var serverLearningRate = 1.0
    /// How much of the previous direction the server keeps (`fedopt` with `sgd`).
    public var serverMomentum = 0.9
    /// The decay of the first moment (`fedopt`).
    public var beta1 = 0.9
    /// The decay of the second moment (`fedopt` with `adam`, `adamw` and `yogi`).
    public var beta2 = 0.99
    /// The smallest denominator (`fedopt`).
    public var tau = 1e-3
    /// What the server takes off the weights, in units of its step size (`fedopt` with `adamw`).
    public var weightDecay = 0.0
    /// The regulariser of `feddyn`, or the factor on the scores of absent classes in `fedrs`.
    public var alpha = 0.0
    /// The temperature of the contrastive loss (`moon`).
    public var temperature = 0.5
    /// Prefixes of the names of tensors that never leave a client (`fedbn`, `fedper`, `fedrep`); empty otherwise.
    public var personal: [String] = []
    /// How many epochs train the personal tensors before the shared ones (`fedrep`).
    public var headEpochs = 10
    /// How many clients the federation has (`scaffold`, `feddyn`); nil when the map does not say.
    public var clients: Int?
    /// Whether the deviations of the benchmark's code are wanted (`scaffold`, `fedrs`).
    public var isFaithful = false

    /// Plain federated averaging.
    public static let fedavg = StrategySettings(name: .fedavg)

    private init(name: Name) { self.name = name }

    /// Reads a map.
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

    /// Whether a tensor of the model stays with the client.
    public func isPersonal(_ tensor: String) -> Bool {
        !personal.isEmpty && personal.contains { tensor.hasPrefix($0) }
    }

    /// Whether clients are evaluated with what they keep to themselves.
    public var isPersonalised: Bool { name == .ditto || !personal.isEmpty }

    /// Whether the server has to know how many clients there are.
    public var needsPopulation: Bool { name == .scaffold || name == .feddyn }

    // MARK: Reading

    private static func read(_ settings: Settings) -> (value: StrategySettings, problems: [String]) {
        let names = Name.allCases.map(\.rawValue).sorted()
        guard let text = settings["name"]?.stringValue, let name = Name(rawValue: text) else {
            return (.fedavg, [SettingsMap.wrongWord(settings, place: "strategy", among: names)])
        }
        var value = StrategySettings(name: name)
        var map = SettingsMap(settings, place: "strategy")
        switch name {
        case .fedavg, .fednova: break
        case .fedprox: value.mu = map.double("mu", 0.01, in: 0...1e6)
        case .fedopt: readServer(&map, &value)
        case .scaffold:
            value.clients = map.optionalInt("clients", in: 1...1_000_000)
            value.isFaithful = map.bool("faithful", false)
        case .feddyn:
            value.alpha = map.double("alpha", 0.01, in: 1e-9...1e6)
            value.clients = map.optionalInt("clients", in: 1...1_000_000)
        case .fedrs:
            value.alpha = map.double("alpha", 0.9, in: 0...1)
            value.isFaithful = map.bool("faithful", false)
        case .moon:
            value.mu = map.double("mu", 1, in: 0...1e6)
            value.temperature = map.double("temperature", 0.5, in: 1e-3...1e3)
        case .fedbn, .fedper: value.personal = map.words("personal")
        case .fedrep:
            value.personal = map.words("personal")
            value.headEpochs = map.optionalInt("headEpochs", in: 0...100_000) ?? 10
        case .ditto: value.mu = map.double("mu", 0.1, in: 0...1e6)
        }
        return (value, map.finish())
    }

    private static func readServer(_ map: inout SettingsMap, _ value: inout StrategySettings) {
        let words = ServerOptimizer.allCases.map(\.rawValue)
        value.serverOptimizer =
            ServerOptimizer(rawValue: map.word("serverOptimizer", "sgd", among: words)) ?? .sgd
        let isSGD = value.serverOptimizer == .sgd
        value.serverLearningRate = map.double("serverLearningRate", isSGD ? 0.025 : 0.01, in: 0...1e6)
        if isSGD {
            value.serverMomentum = map.double("serverMomentum", 0.9, in: 0...1)
            return
        }
        value.beta1 = map.double("beta1", 0.9, in: 0...0.999999)
        if value.serverOptimizer != .adagrad { value.beta2 = map.double("beta2", 0.99, in: 0...0.999999) }
        value.tau = map.double("tau", 1e-3, in: 1e-12...1e6)
        if value.serverOptimizer == .adamw { value.weightDecay = map.double("weightDecay", 0.01, in: 0...1e3) }
    }

    /// `; did you mean …?` when a word is near.
    static func suggestion(_ word: String, _ candidates: [String]) -> String {
        guard let nearest = Suggestion.nearest(to: word, among: candidates) else { return "" }
        return "; did you mean \"\(nearest)\"?"
    }
}
