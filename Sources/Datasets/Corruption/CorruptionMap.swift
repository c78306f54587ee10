public import Jobs

/// A job's `corruption` map, read.
///
/// | key | value | default |
/// |---|---|---|
/// | `mode` | `right` or `faithful` (`CorruptionDescription.Mode`) | `right` |
/// | `missingModality` | a rate | 0 |
/// | `missingModalityUnit` | `client` or `sample` | `client` |
/// | `missingLabels` | a rate | 0 |
/// | `erroneousLabels` | a rate | 0 |
/// | `sparsity` | the share of label errors that never happen, 0 to 1 | 0.4 |
/// | `rateLaw` | what a rate with two numbers is: `uniform` for [low, high], `beta` for [mean, concentration] | `constant` |
/// | `evaluationMissingModality` | a rate, for held-out samples | 0 |
/// | `evaluationErroneousLabels` | a rate, for held-out samples | 0 |
/// | `seed` | a whole number from 0 | the job's seed |
/// | `index` | the client's number in the draws; in the mode `faithful` a simulation counts itself | of the client's name |
///
/// A rate is a number in 0...1, or with `rateLaw` a list of two numbers from which every client draws its own.
public struct CorruptionMap: Sendable, Hashable {
    /// What is done, and the seed of the draws.
    public let simulator: CorruptionSimulator
    /// The client's number in the draws, where the map gives it.
    public let index: UInt32?

    /// Reads the map; an empty one changes nothing.
    ///
    /// - Parameter seed: the job's seed.
    /// - Throws: `DatasetError` with code `invalidArgument` naming the key.
    public init(_ settings: Settings, seed: UInt64) throws(DatasetError) {
        let reader = try SettingsReader(
            settings, place: "corruption",
            known: [
                "mode", "missingModality", "missingModalityUnit", "missingLabels", "erroneousLabels", "sparsity",
                "rateLaw", "evaluationMissingModality", "evaluationErroneousLabels", "seed", "index",
            ]
        ) { DatasetError(.invalidArgument, $0) }
        let law =
            RateLaw(
                rawValue: try reader.word("rateLaw", "constant", among: RateLaw.allCases.map(\.rawValue))) ?? .constant
        func rate(_ key: String) throws(DatasetError) -> CorruptionRate {
            guard let list = settings[key]?.listValue else {
                return .constant(try reader.double(key, 0, in: 0...1))
            }
            return try law.rate(list, "corruption.\(key)")
        }
        var description = CorruptionDescription()
        let mode = try reader.word("mode", "right", among: CorruptionDescription.Mode.allCases.map(\.rawValue))
        description.mode = .init(rawValue: mode) ?? .right
        let unit = try reader.word(
            "missingModalityUnit", "client", among: CorruptionDescription.Unit.allCases.map(\.rawValue))
        description.unit = .init(rawValue: unit) ?? .client
        description.missingModality = try rate("missingModality")
        description.missingLabels = try rate("missingLabels")
        description.erroneousLabels = try rate("erroneousLabels")
        description.sparsity = try reader.double("sparsity", description.sparsity, in: 0...1)
        description.evaluationMissingModality = try rate("evaluationMissingModality")
        description.evaluationErroneousLabels = try rate("evaluationErroneousLabels")
        let ownSeed = try reader.optionalInt("seed", in: 0...Int.max)
        index = try reader.optionalInt("index", in: 0...Int(UInt32.max)).map { UInt32($0) }
        simulator = try CorruptionSimulator(description, seed: ownSeed.map { UInt64($0) } ?? seed)
    }

    /// The number in the draws of a simulated client.
    ///
    /// - Parameters:
    ///   - position: its place in the benchmark's list of clients, from 0; what counts in the mode `faithful`.
    ///   - firstIndex: the number of the first place there (`BenchmarkDataset.firstCorruptionIndex`).
    public func number(of client: String, position: Int, firstIndex: Int) -> UInt32 {
        switch simulator.description.mode {
        case .faithful: UInt32(truncatingIfNeeded: position + firstIndex)
        case .right: index ?? clientIndex(client)
        }
    }
}

/// What two numbers in place of a rate mean.
private enum RateLaw: String, CaseIterable {
    case constant
    case uniform
    case beta

    func rate(_ list: [Setting], _ key: String) throws(DatasetError) -> CorruptionRate {
        let numbers = list.compactMap(\.doubleValue)
        let expected =
            switch self {
            case .constant: "a number in 0...1, since corruption.rateLaw is constant"
            case .uniform: "[low, high] with 0 <= low <= high <= 1, since corruption.rateLaw is uniform"
            case .beta: "[mean, concentration] with a mean in 0...1, since corruption.rateLaw is beta"
            }
        guard self != .constant, numbers.count == 2, list.count == 2 else {
            throw DatasetError(.invalidArgument, "\(key): found a list of \(list.count), expected \(expected)")
        }
        let rate: CorruptionRate =
            self == .uniform
            ? .uniform(low: numbers[0], high: numbers[1]) : .beta(mean: numbers[0], concentration: numbers[1])
        do throws(DatasetError) {
            try rate.validate(key)
        } catch {
            throw DatasetError(.invalidArgument, "\(key): found [\(numbers[0]), \(numbers[1])], expected \(expected)")
        }
        return rate
    }
}
