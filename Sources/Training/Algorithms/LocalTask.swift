public import Datasets
import Layers
public import Tensors
public import Weights

/// What a client-side algorithm works on in one round.
public struct LocalTask {
    /// The model, holding the global weights at the beginning.
    public let entry: ModelRegistry.Entry
    /// The site's examples.
    public let data: DatasetView
    /// The numbers of the job's `training` map.
    public let configuration: LocalTraining.Configuration
    /// Whose draws these are.
    public let identity: LocalTraining.Identity
    /// The model's global weights.
    public let global: Weights
    /// The strategy's tensors that came with them, named `aux.…`; empty for none.
    public let auxiliary: Weights
    /// What the client remembers of earlier rounds.
    public let state: any ClientState
    /// The model's parameters, in its order.
    public let parameters: [(name: String, tensor: Tensor)]

    /// Gathers the parts.
    ///
    /// - Parameter global: the model's present weights when nil.
    public init(
        _ entry: ModelRegistry.Entry,
        on data: DatasetView,
        _ configuration: LocalTraining.Configuration,
        _ identity: LocalTraining.Identity,
        global: Weights? = nil,
        auxiliary: Weights? = nil,
        state: any ClientState = NoClientState()
    ) throws {
        self.entry = entry
        self.data = data
        self.configuration = configuration
        self.identity = identity
        self.global = try global ?? entry.model.weights()
        self.auxiliary = try auxiliary ?? Weights([])
        self.state = state
        parameters = entry.model.parameters()
    }

    /// The schema of tensors of the parameters' names and shapes in F32.
    public var floatSchema: WeightsSchema {
        get throws { try global.schema.updateSchema() }
    }

    /// Copies of some tensors in the order of the parameters.
    ///
    /// - Parameter prefix: what stands before the parameters' names there.
    /// - Throws: `TrainingError` with code `weights` when one is missing.
    func tensors(_ weights: Weights, prefix: String = "") throws -> [Tensor] {
        try parameters.map { try Tensor(Self.find(prefix + $0.name, in: weights)) }
    }

    /// The values of one tensor.
    ///
    /// - Throws: `TrainingError` with code `weights` when it is missing.
    static func floats(_ name: String, in weights: Weights) throws -> [Float] {
        try find(name, in: weights).floats()
    }

    private static func find(_ name: String, in weights: Weights) throws -> WeightsTensor {
        guard let tensor = weights[name] else {
            throw TrainingError(.weights, "tensor '\(name)' is missing, which the job's strategy needs")
        }
        return tensor
    }
}
