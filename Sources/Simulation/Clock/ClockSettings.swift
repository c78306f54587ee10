internal import Datasets
internal import Jobs
internal import Training

/// The job's `clock` map: how fast and how reliable virtual clients are.
///
/// | key | value | default |
/// |---|---|---|
/// | `secondsPerExample` | seconds of training for an example and epoch | 0 |
/// | `downMegabitsPerSecond`, `upMegabitsPerSecond` | bandwidth in 10⁶ bit/s | without limit |
/// | `latencySeconds` | what each transfer takes besides | 0 |
/// | `speedLaw`, `downLaw`, `upLaw`, `latencyLaw` | how clients differ in the number above: `ClockQuantity.Law` | `constant` |
/// | `speedSpread`, `downSpread`, `upSpread`, `latencySpread` | the law's s | 0.5 |
/// | `taskSpread` | the deviation of the logarithm of one task's training time around its client's, 0...5 | 0 |
/// | `dropOut` | the probability that a task's client drops out at a moment uniform in its work | 0 |
/// | `dropOutReported` | whether the round hears of it at once, or finds out at its deadline | false |
/// | `period` | seconds after which a client's hours repeat; 0 for clients that are always there | 0 |
/// | `onShare` | the share of the period in which a client is there | 1 |
/// | `phaseSpread` | a client's period begins uniformly in this share of the period: 0 all at once, 1 around the clock | 1 |
/// | `dropOutLaw`, `onShareLaw` | how clients differ: `constant`, `uniform` (± spread), `beta` (spread: standard deviation) | `constant` |
/// | `dropOutSpread`, `onShareSpread` | the law's spread | 0.1 |
/// | `seed` | a whole number from 0 | the job's seed |
///
/// The numbers are means, whatever the law. The first four may be lists: each client gets one of the values with equal
/// chance. Any other key is an error.
struct ClockSettings: Sendable, Hashable {
    var secondsPerExample = ClockQuantity(means: [0])
    var downMegabits = ClockQuantity(means: [.infinity])
    var upMegabits = ClockQuantity(means: [.infinity])
    var latency = ClockQuantity(means: [0])
    var taskSpread = 0.0
    var dropOut = CorruptionRate.zero
    var isDropOutReported = false
    var period = 0.0
    var onShare = CorruptionRate.constant(1)
    var phaseSpread = 1.0
    var seed: UInt64?

    private static let known = [
        "secondsPerExample", "speedLaw", "speedSpread", "taskSpread", "downMegabitsPerSecond", "downLaw", "downSpread",
        "upMegabitsPerSecond", "upLaw", "upSpread", "latencySeconds", "latencyLaw", "latencySpread", "dropOut",
        "dropOutLaw", "dropOutSpread", "dropOutReported", "period", "onShare", "onShareLaw", "onShareSpread",
        "phaseSpread", "seed",
    ]

    /// Reads the map.
    ///
    /// - Throws: ``SimulationError`` `job` naming the key.
    init(_ settings: Settings) throws(SimulationError) {
        do throws(TrainingError) {
            try self.init(map: ClockMap(settings, known: Self.known))
        } catch {
            throw SimulationError(.job, error.message)
        }
    }

    private init(map: ClockMap) throws(TrainingError) {
        secondsPerExample = try map.quantity("secondsPerExample", "speed", absent: 0, in: 0...1e6)
        downMegabits = try map.quantity("downMegabitsPerSecond", "down", absent: .infinity, in: 1e-6...1e9)
        upMegabits = try map.quantity("upMegabitsPerSecond", "up", absent: .infinity, in: 1e-6...1e9)
        latency = try map.quantity("latencySeconds", "latency", absent: 0, in: 0...1e6)
        taskSpread = try map.reader.double("taskSpread", 0, in: 0...5)
        dropOut = try map.rate("dropOut", absent: 0)
        isDropOutReported = try map.reader.bool("dropOutReported", false)
        period = try map.reader.double("period", 0, in: 0...JobSpecification.maximumDeadline)
        onShare = try map.rate("onShare", absent: 1)
        phaseSpread = try map.reader.double("phaseSpread", 1, in: 0...1)
        seed = try map.reader.optionalInt("seed", in: 0...Int.max).map { UInt64($0) }
        if period == 0 { try map.refuse(["onShare", "onShareLaw", "onShareSpread", "phaseSpread"], without: "period") }
    }
}

/// Reads numbers with their laws from a `clock` map.
private struct ClockMap {
    let settings: Settings
    let reader: SettingsReader<TrainingError>

    init(_ settings: Settings, known: [String]) throws(TrainingError) {
        self.settings = settings
        reader = try SettingsReader(settings, place: "clock", code: .config, known: known)
    }

    /// Keys that mean nothing without another.
    func refuse(_ keys: [String], without key: String) throws(TrainingError) {
        for other in keys where settings[other] != nil {
            throw TrainingError(.config, "clock.\(other): found it without clock.\(key), expected both or neither")
        }
    }

    func quantity(
        _ key: String, _ prefix: String, absent: Double, in range: ClosedRange<Double>
    ) throws(TrainingError) -> ClockQuantity {
        let (lawKey, spreadKey) = (prefix + "Law", prefix + "Spread")
        guard let setting = settings[key] else {
            try refuse([lawKey, spreadKey], without: key)
            return ClockQuantity(means: [absent])
        }
        var means: [Double] = []
        if let list = setting.listValue {
            means = list.compactMap(\.doubleValue).filter { range.contains($0) }
            guard (1...1000).contains(means.count), means.count == list.count else {
                throw TrainingError(
                    .config,
                    "clock.\(key): found a list of \(list.count), expected 1 to 1000 numbers in "
                        + "\(range.lowerBound)...\(range.upperBound)")
            }
        } else {
            means = [try reader.double(key, absent, in: range)]
        }
        let words = ClockQuantity.Law.allCases.map(\.rawValue)
        let law = ClockQuantity.Law(rawValue: try reader.word(lawKey, "constant", among: words)) ?? .constant
        guard let spreads = law.spreads else {
            try refuseSpread(spreadKey, lawKey, law.rawValue)
            return ClockQuantity(means: means, law: law)
        }
        return ClockQuantity(
            means: means, law: law, spread: try reader.double(spreadKey, ClockQuantity.standardSpread, in: spreads))
    }

    func rate(_ key: String, absent: Double) throws(TrainingError) -> CorruptionRate {
        let (lawKey, spreadKey) = (key + "Law", key + "Spread")
        guard settings[key] != nil else {
            try refuse([lawKey, spreadKey], without: key)
            return .constant(absent)
        }
        let mean = try reader.double(key, absent, in: 0...1)
        let law = try reader.word(lawKey, "constant", among: ["constant", "uniform", "beta"])
        if law == "constant" {
            try refuseSpread(spreadKey, lawKey, law)
            return .constant(mean)
        }
        let spread = try reader.double(spreadKey, 0.1, in: 0...0.5)
        if spread == 0 { return .constant(mean) }
        let rate: CorruptionRate =
            law == "uniform"
            ? .uniform(low: mean - spread, high: mean + spread)
            : .beta(mean: mean, concentration: mean * (1 - mean) / (spread * spread) - 1)
        do throws(DatasetError) {
            try rate.validate(key)
        } catch {
            throw TrainingError(
                .config,
                "clock.\(spreadKey): found \(spread) around a mean of \(mean), expected "
                    + (law == "uniform" ? "both ends in 0...1" : "less than the square root of mean · (1 - mean)"))
        }
        return rate
    }

    private func refuseSpread(_ key: String, _ lawKey: String, _ law: String) throws(TrainingError) {
        guard settings[key] != nil else { return }
        throw TrainingError(.config, "clock.\(key): found it, but clock.\(lawKey) is \(law), which has no spread")
    }
}
