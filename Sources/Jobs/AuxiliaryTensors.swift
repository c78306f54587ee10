public import Weights

/// The tensors that a strategy needs beside the model's, and which tensors of the model stay with the clients.
///
/// They travel in the same files as the weights under the prefix `aux.`, so that transport, admission, crash safety and
/// resumption hold for them too:
///
/// | strategy | in the global weights | in every update |
/// |---|---|---|
/// | `fedopt` with `sgd` | `aux.server.step`, `aux.server.m.<tensor>` | |
/// | `fedopt` with `adam`, `adamw`, `yogi`, `adagrad` | also `aux.server.v.<tensor>` | |
/// | `scaffold` | `aux.control.<tensor>`, the server's control c | `aux.control.<tensor>`, the change Δcₖ |
/// | `feddyn` | `aux.server.h.<tensor>` | |
/// | any with the rule `centred-clipping` | also `aux.server.c.<tensor>`, the last round's update | |
/// | `fednova` | `aux.steps`, the effective steps of the last round | `aux.steps`, the client's aₖ |
///
/// `<tensor>` is each float tensor of the model, in F32 and of its shape; `aux.server.step` is one I64, `aux.steps` one
/// F32. All start at 0. What is under `aux.server.` is the server's alone and in no update.
public struct AuxiliaryTensors: Sendable {
    /// The start of all names that are no tensors of the model.
    public static let prefix = "aux."
    /// The start of the names of tensors that clients get and never send.
    public static let serverPrefix = "aux.server."
    /// How many folds there were (I64).
    public static let step = "aux.server.step"
    /// FedNova's number of effective steps (F32).
    public static let steps = "aux.steps"

    /// The start of the names of what a rule with history keeps.
    static let centrePrefix = "aux.server.c."

    private let strategy: StrategySettings
    private let needsHistory: Bool

    /// The tensors of a strategy, and those of a rule that looks at the round's update of the round before.
    public init(_ strategy: StrategySettings, needsHistory: Bool = false) {
        self.strategy = strategy
        self.needsHistory = needsHistory
    }

    /// SCAFFOLD's control of a tensor.
    public static func control(_ tensor: String) -> String { "aux.control." + tensor }

    /// Whether a name is not one of the model's.
    public static func isAuxiliary(_ name: String) -> Bool { name.hasPrefix(prefix) }

    /// The model's own tensors in global weights.
    public static func modelSchema(of weights: WeightsSchema) throws -> WeightsSchema {
        try weights.filtered { !isAuxiliary($0.name) }
    }

    /// The model's tensors and those that the strategy adds, all of the global weights.
    ///
    /// - Throws: `JobsError` when a tensor of the model has the reserved prefix; `WeightsError` when sizes overflow.
    public func globalSchema(model: WeightsSchema) throws -> WeightsSchema {
        for spec in model.tensors where Self.isAuxiliary(spec.name) {
            throw JobsError(
                code: .invalidSpecification,
                message: "weights: the name \"\(spec.name.prefix(128))\" begins with \(Self.prefix), which is reserved")
        }
        return try model.joined(with: WeightsSchema(additions(to: model)))
    }

    /// All that an update of this strategy holds, in F32: the model's float tensors that are shared, and what clients
    /// send beside them.
    ///
    /// - Throws: as ``globalSchema(model:)``.
    public func updateSchema(model: WeightsSchema) throws -> WeightsSchema {
        try globalSchema(model: model).filtered { $0.dtype.isFloat && isSent($0.name) }.updateSchema()
    }

    /// Whether updates may hold a tensor of the global weights.
    public func isSent(_ name: String) -> Bool {
        !name.hasPrefix(Self.serverPrefix) && !strategy.isPersonal(name)
    }

    /// Checks that global weights hold just the auxiliary tensors of the strategy, and that personal prefixes name some
    /// float tensors and not all.
    ///
    /// - Throws: `JobsError` with the code `invalidSpecification`.
    public func check(_ weights: WeightsSchema) throws {
        let model = try Self.modelSchema(of: weights)
        let expected = try globalSchema(model: model)
        let differences = weights.difference(from: expected)
        guard differences.isEmpty else {
            throw JobsError(
                code: .invalidSpecification,
                message: "weights: not those of the strategy \(strategy.name.rawValue): "
                    + differences.prefix(5).joined(separator: "; "))
        }
        for prefix in strategy.personal where !model.tensors.contains(where: { $0.name.hasPrefix(prefix) }) {
            throw JobsError(
                code: .invalidSpecification,
                message: "job specification: strategy.personal: found \"\(prefix)\", with which no tensor's name begins"
            )
        }
    }

    /// Weights of this strategy made of some: auxiliary tensors that are missing are added as zeros.
    ///
    /// - Throws: `JobsError` when they hold other auxiliary tensors, or of another shape.
    public func completing(_ weights: Weights) throws -> Weights {
        let missing = try additions(to: Self.modelSchema(of: weights.schema))
            .filter { weights.schema[$0.name] == nil }
        let whole = try weights.joined(with: Weights(zeros: WeightsSchema(missing)))
        try check(whole.schema)
        return whole
    }

    private func additions(to model: WeightsSchema) throws -> [TensorSpec] {
        func twins(_ prefixes: String...) throws -> [TensorSpec] {
            try prefixes.flatMap { prefix in
                try model.tensors.filter(\.dtype.isFloat).map {
                    try TensorSpec(name: prefix + $0.name, dtype: .f32, shape: $0.shape)
                }
            }
        }
        let history = needsHistory ? try twins(Self.centrePrefix) : []
        switch strategy.name {
        case .fedopt:
            let step = try history + [TensorSpec(name: Self.step, dtype: .i64, shape: [])]
            return strategy.serverOptimizer == .sgd
                ? try step + twins("aux.server.m.") : try step + twins("aux.server.m.", "aux.server.v.")
        case .scaffold: return try twins("aux.control.")
        case .feddyn: return try twins("aux.server.h.")
        case .fednova: return [try TensorSpec(name: Self.steps, dtype: .f32, shape: [])]
        case .fedavg, .fedprox, .fedrs, .moon, .fedbn, .fedper, .fedrep, .ditto: return history
        }
    }
}
