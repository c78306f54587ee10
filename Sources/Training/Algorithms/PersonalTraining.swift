public import Jobs
import Layers
import Tensors
import Weights

/// FedBN, FedPer and FedRep: some tensors never leave the client; they are kept in the state `personal`.
///
/// - FedBN: those of normalisation layers. X. Li et al., "FedBN: federated learning on non-IID features via local batch
///   normalization", ICLR 2021.
/// - FedPer: the classifier. M. G. Arivazhagan et al., "Federated learning with personalization layers", 2019.
/// - FedRep: the classifier, which is trained alone for `headEpochs` before the others are trained alone for the job's
///   epochs. L. Collins et al., "Exploiting shared representations for personalized federated learning", ICML 2021.
public final class PersonalTraining: LocalAlgorithm {
    static let stateName = "personal"

    private let strategy: StrategySettings
    private var isPersonal: [Bool] = []

    /// An algorithm for the prefixes of a strategy.
    public init(_ strategy: StrategySettings) { self.strategy = strategy }

    private var headEpochs: Int? { strategy.name == .fedrep ? strategy.headEpochs : nil }

    /// For FedRep, which trains one part at a time.
    public var adjustsGradients: Bool { headEpochs != nil }

    /// For FedRep those of both parts.
    public func epochs(_ configured: Int) -> Int { configured + (headEpochs ?? 0) }

    /// Puts the client's own tensors in.
    public func begin(_ task: LocalTask) throws {
        isPersonal = task.parameters.map { strategy.isPersonal($0.name) }
        try Self.restore(strategy, task.entry, task.global.schema, task.state)
    }

    /// Takes the gradients of the part that rests away.
    public func adjustGradients(_ task: LocalTask, epoch: Int) throws {
        guard let headEpochs else { return }
        let trainsHead = epoch < headEpochs
        for (position, (_, parameter)) in task.parameters.enumerated() where isPersonal[position] != trainsHead {
            try parameter.zeroGradient()
        }
    }

    /// The client's own tensors for the state.
    public func finish(
        _ task: LocalTask, steps: Int, again: (any LocalAlgorithm) throws -> Void
    ) throws -> LocalOutcome.Extra {
        .init(state: [
            Self.stateName: try task.entry.model.weights().filtered { strategy.isPersonal($0.name) }
        ])
    }

    /// Overwrites the personal tensors of a model by those of the state, if there are any.
    static func restore(
        _ strategy: StrategySettings, _ entry: ModelRegistry.Entry, _ schema: WeightsSchema, _ state: any ClientState
    ) throws {
        let wanted = try schema.filtered { strategy.isPersonal($0.name) }
        guard let own = try state.load(stateName, schema: wanted) else { return }
        for (name, tensor) in entry.model.parameters() {
            if let value = own[name] { try tensor.assign(Tensor(value)) }
        }
    }
}
