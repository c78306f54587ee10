public import Datasets
public import Jobs

/// The job's `corruption` map, read for one client.
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
/// | `index` | this client's number in the draws; a simulation sets it for the mode `faithful` | `clientIndex` |
///
/// A rate is a number in 0...1, or with `rateLaw` a list of two numbers from which every client draws its own.
public struct CorruptionSettings: Sendable, Hashable {
    /// What is done, and the seed of the draws.
    public let simulator: CorruptionSimulator
    /// The client's number in the draws.
    public let client: UInt32

    /// Reads the map; an empty one changes nothing.
    ///
    /// - Parameters:
    ///   - seed: the job's seed.
    ///   - clientIndex: the client's number.
    /// - Throws: `TrainingError` with code `config` naming the key.
    public init(_ settings: Settings, seed: UInt64, clientIndex: UInt32) throws(TrainingError) {
        let reader = try SettingsReader(
            settings, place: "corruption", code: .config,
            known: [
                "mode", "missingModality", "missingModalityUnit", "missingLabels", "erroneousLabels", "sparsity",
                "rateLaw", "evaluationMissingModality", "evaluationErroneousLabels", "seed", "index",
            ])
        let law =
            RateLaw(
                rawValue: try reader.word("rateLaw", "constant", among: RateLaw.allCases.map(\.rawValue))) ?? .constant
        func rate(_ key: String) throws(TrainingError) -> CorruptionRate {
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
        let index = try reader.optionalInt("index", in: 0...Int(UInt32.max))
        client = index.map { UInt32($0) } ?? clientIndex
        do throws(DatasetError) {
            simulator = try CorruptionSimulator(description, seed: ownSeed.map { UInt64($0) } ?? seed)
        } catch {
            throw TrainingError(.config, error.message)
        }
    }

    /// The training samples that are left, as the client sees them; `data` itself when nothing is asked for.
    ///
    /// - Parameter modalities: the positions of the modalities that the model takes; all when nil.
    /// - Throws: `TrainingError` with code `data` when nothing is left, `DatasetError` when the data have too many
    ///   classes or modalities.
    public func training(_ data: DatasetView, modalities: [Int]?) throws -> DatasetView {
        guard simulator.description.corruptsTraining else { return data }
        let outcome = try simulator.training(
            client: client, labels: data.labels, classes: data.dataset.classes.count,
            modalities: data.dataset.modalities.count)
        return try left(CorruptedData(data, outcome, modalities: modalities), of: "to train on")
    }

    /// The held-out samples that are left.
    ///
    /// - Parameters:
    ///   - split: the split's name.
    ///   - modalities: the positions of the modalities that the model takes; all when nil.
    /// - Throws: as `training`.
    public func evaluation(_ data: DatasetView, split: String, modalities: [Int]?) throws -> DatasetView {
        guard simulator.description.corruptsEvaluation else { return data }
        let outcome = try simulator.evaluation(
            client: client, split: split, labels: data.labels, classes: data.dataset.classes.count,
            modalities: data.dataset.modalities.count)
        return try left(CorruptedData(data, outcome, modalities: modalities), of: "to evaluate on")
    }

    private func left(_ data: CorruptedData, of purpose: String) throws(TrainingError) -> DatasetView {
        // No data at all is not this layer's matter.
        guard !data.isEmpty || data.source.count == 0 else {
            throw TrainingError(
                .data,
                "data set '\(data.source.dataset.name)': the job's corruption leaves nothing \(purpose): \(data.summary)"
            )
        }
        return data.view
    }
}

/// What two numbers in place of a rate mean.
private enum RateLaw: String, CaseIterable {
    case constant
    case uniform
    case beta

    func rate(_ list: [Setting], _ key: String) throws(TrainingError) -> CorruptionRate {
        let numbers = list.compactMap(\.doubleValue)
        let expected =
            switch self {
            case .constant: "a number in 0...1, since corruption.rateLaw is constant"
            case .uniform: "[low, high] with 0 <= low <= high <= 1, since corruption.rateLaw is uniform"
            case .beta: "[mean, concentration] with a mean in 0...1, since corruption.rateLaw is beta"
            }
        guard self != .constant, numbers.count == 2, list.count == 2 else {
            throw TrainingError(.config, "\(key): found a list of \(list.count), expected \(expected)")
        }
        let rate: CorruptionRate =
            self == .uniform
            ? .uniform(low: numbers[0], high: numbers[1]) : .beta(mean: numbers[0], concentration: numbers[1])
        do throws(DatasetError) {
            try rate.validate(key)
        } catch {
            throw TrainingError(.config, "\(key): found [\(numbers[0]), \(numbers[1])], expected \(expected)")
        }
        return rate
    }
}
