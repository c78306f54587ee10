public import Datasets
public import Jobs

/// The job's `corruption` map (`CorruptionMap` has its keys), read for one client.
public struct CorruptionSettings: Sendable, Hashable {
    /// What is done, and the seed of the draws.
    public let simulator: CorruptionSimulator
    /// The client's number in the draws.
    public let client: UInt32

    /// Reads the map; an empty one changes nothing.
    ///
    /// - Parameters:
    ///   - seed: the job's seed.
    ///   - clientIndex: the client's number, unless the map gives it.
    /// - Throws: `TrainingError` with code `config` naming the key.
    public init(_ settings: Settings, seed: UInt64, clientIndex: UInt32) throws(TrainingError) {
        let map: CorruptionMap
        do throws(DatasetError) {
            map = try CorruptionMap(settings, seed: seed)
        } catch {
            throw TrainingError(.config, error.message)
        }
        self.init(map, client: map.index ?? clientIndex)
    }

    /// For one client of a map that was read.
    ///
    /// - Parameter client: the client's number in the draws.
    public init(_ map: CorruptionMap, client: UInt32) {
        simulator = map.simulator
        self.client = client
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
