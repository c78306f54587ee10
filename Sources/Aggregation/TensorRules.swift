public import Weights

/// How one tensor of the global model comes out of a round.
public enum TensorRule: String, Sendable, Codable, CaseIterable {
    /// The strategy combines the clients' updates. Float tensors only.
    case averaged
    /// The global value stays.
    case kept
    /// The value of one client: the last of the folded updates in the order of client ids. For a float tensor that is
    /// global plus this client's update.
    case latest
}

/// The rule of each tensor of a model. Where nothing is declared float tensors are averaged and the others kept.
public struct TensorRules: Sendable, Hashable, Codable {
    /// The declared rules by tensor name.
    public var declared: [String: TensorRule]

    /// Rules with the given declarations.
    public init(_ declared: [String: TensorRule] = [:]) {
        self.declared = declared
    }

    /// No declarations.
    public static let defaults = TensorRules()

    /// The rule of a tensor.
    public func rule(for spec: TensorSpec) -> TensorRule {
        declared[spec.name] ?? (spec.dtype.isFloat ? .averaged : .kept)
    }

    /// Checks the declarations against a model.
    ///
    /// - Throws: ``AggregationError`` `invalidRule` when a declaration names no tensor or averages integers.
    public func check(_ schema: WeightsSchema) throws {
        for (name, rule) in declared.sorted(by: { $0.key.utf8.lexicographicallyPrecedes($1.key.utf8) }) {
            guard let spec = schema[name] else {
                throw AggregationError(.invalidRule, "the rule '\(rule.rawValue)' names '\(name)', which is no tensor")
            }
            guard rule != .averaged || spec.dtype.isFloat else {
                throw AggregationError(
                    .invalidRule,
                    "tensor '\(name)' is \(spec.dtype.rawValue) and cannot be averaged; declare it kept or latest"
                )
            }
        }
    }
}
