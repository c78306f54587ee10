/// A job's `clients.sampling`, read: how a round's cohort is drawn from the participants that are ready.
///
/// | `name` | other keys (default) |
/// |---|---|
/// | `uniform`, `fedmultimodal`, `weighted`, `availability` | none |
/// | `poisson` | `population` (the federation's number of clients, as far as the job says it) |
/// | `power-of-choice` | `candidates` (twice `clients.perRound`) |
/// | `oort` | `exploration` (0.9), `explorationDecay` (0.98), `explorationMinimum` (0.2), `penalty` (2), `cutoff` (0.95), `preferredSeconds` (0: the median of what is known) |
/// | `stratified` | `bands` (4) |
///
/// Any other key is an error.
public struct SamplingSettings: Sendable, Hashable {
    /// The methods.
    public enum Name: String, Sendable, CaseIterable {
        case uniform, fedmultimodal, weighted, poisson
        case powerOfChoice = "power-of-choice"
        case oort, availability, stratified
    }

    /// The method.
    public var name: Name
    /// How many clients the federation has (`poisson`); nil when the map does not say.
    public var population: Int?
    /// How many clients are compared (`power-of-choice`); nil for twice `clients.perRound`.
    public var candidates: Int?
    /// How many bands of equal numbers of clients, by their examples (`stratified`).
    public var bands = 4
    /// The share of a cohort that is drawn from clients never heard of, in the first round (`oort`).
    public var exploration = 0.9
    /// What that share is multiplied with from round to round.
    public var explorationDecay = 0.98
    /// What it does not fall below.
    public var explorationMinimum = 0.2
    /// How hard clients are punished that take longer than is preferred: an exponent.
    public var penalty = 2.0
    /// The part of the last chosen client's utility that lets others into the draw.
    public var cutoff = 0.95
    /// The time of a task that is not punished, in seconds; 0 for the median of the known ones.
    public var preferredSeconds = 0.0

    /// Each set of the right size is equally likely.
    public static let uniform = SamplingSettings(name: .uniform)
    /// As the FedMultimodal benchmark draws.
    public static let fedmultimodal = SamplingSettings(name: .fedmultimodal)

    /// A method with its default numbers.
    public init(name: Name) { self.name = name }

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

    /// Whether cohorts depend on what earlier rounds have shown.
    public var usesHistory: Bool { name == .powerOfChoice || name == .oort || name == .availability }

    /// Whether they depend on who was there when earlier cohorts were drawn.
    public var usesPresence: Bool { name == .availability }

    /// Everything that is wrong with how a job draws its cohorts.
    static func problems(of clients: JobSpecification.Clients) -> [String] {
        let (value, problems) = read(clients.sampling.settings)
        guard problems.isEmpty else { return problems }
        switch value.name {
        case .powerOfChoice:
            guard let candidates = value.candidates, candidates < clients.perRound else { return [] }
            return [
                "clients.sampling.candidates: found \(candidates), expected at least clients.perRound "
                    + "(\(clients.perRound))"
            ]
        case .poisson: return value.poissonProblems(clients)
        default: return []
        }
    }

    /// Of n clients on average, a draw has less than n − 3√n about once in a thousand times, and none at all with
    /// probability e⁻ⁿ at most.
    private func poissonProblems(_ clients: JobSpecification.Clients) -> [String] {
        var problems: [String] = []
        let expected = Double(clients.perRound)
        let most = max(1, Int((expected - 3 * expected.squareRoot()).rounded(.down)))
        if clients.minimumUpdates > most {
            problems.append(
                "clients.minimumUpdates: found \(clients.minimumUpdates), expected at most \(most) for poisson sampling of "
                    + "\(clients.perRound) clients on average: draws vary by their square root, and a smaller one fails"
            )
        }
        if let population, population < clients.perRound {
            problems.append(
                "clients.sampling.population: found \(population), expected at least clients.perRound "
                    + "(\(clients.perRound))")
        }
        return problems
    }

    private static func read(_ settings: Settings) -> (value: SamplingSettings, problems: [String]) {
        let names = Name.allCases.map(\.rawValue).sorted()
        guard let text = settings["name"]?.stringValue, let name = Name(rawValue: text) else {
            return (.uniform, [SettingsMap.wrongWord(settings, place: "clients.sampling", among: names)])
        }
        var value = SamplingSettings(name: name)
        var map = SettingsMap(settings, place: "clients.sampling")
        switch name {
        case .uniform, .fedmultimodal, .weighted, .availability: break
        case .poisson: value.population = map.optionalInt("population", in: 1...1_000_000_000)
        case .powerOfChoice: value.candidates = map.optionalInt("candidates", in: 1...1_000_000)
        case .oort:
            value.exploration = map.double("exploration", value.exploration, in: 0...1)
            value.explorationDecay = map.double("explorationDecay", value.explorationDecay, in: 0...1)
            value.explorationMinimum = map.double("explorationMinimum", value.explorationMinimum, in: 0...1)
            value.penalty = map.double("penalty", value.penalty, in: 0...100)
            value.cutoff = map.double("cutoff", value.cutoff, in: 0...1)
            value.preferredSeconds = map.double(
                "preferredSeconds", value.preferredSeconds, in: 0...JobSpecification.maximumDeadline)
        case .stratified: value.bands = map.optionalInt("bands", in: 2...1000) ?? value.bands
        }
        return (value, map.finish())
    }
}

extension JobSpecification.Clients {
    /// How cohorts are drawn: the method's `name` and its own numbers, as ``SamplingSettings`` reads them.
    public struct Sampling: Sendable, Hashable {
        /// The map.
        public var settings: Settings

        /// A map that is not checked yet.
        public init(_ settings: Settings) { self.settings = settings }

        /// Without replacement, each set equally likely, from the job's seed.
        public static let uniform = Sampling(["name": "uniform"])
        /// As the FedMultimodal benchmark draws (Feng et al., KDD 2023): the first entries of NumPy's legacy
        /// permutation of the sorted names under the round's number as seed, the same for every seed and algorithm.
        public static let fedmultimodal = Sampling(["name": "fedmultimodal"])
    }
}

extension JobSpecification.Clients.Sampling: Codable {
    /// Reads a map, or the name alone.
    public init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        if let name = try? container.decode(String.self) {
            self.init(["name": .string(name)])
        } else {
            self.init(try container.decode(Settings.self))
        }
    }

    /// Writes the name alone where there is nothing else.
    public func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        if settings.count == 1, let name = settings["name"]?.stringValue {
            try container.encode(name)
        } else {
            try container.encode(settings)
        }
    }
}
