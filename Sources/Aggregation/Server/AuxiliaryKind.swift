/// The auxiliary tensors of the global weights that strategies know.
enum AuxiliaryKind: String, CaseIterable {
    /// A server optimiser's first moment.
    case first = "aux.server.m."
    /// A server optimiser's second moment.
    case second = "aux.server.v."
    /// FedDyn's server term.
    case dynamic = "aux.server.h."
    /// SCAFFOLD's server control.
    case control = "aux.control."
    /// The round's update of the round before, where a rule needs it.
    case centre = "aux.server.c."
    /// FedNova's effective steps.
    case steps = "aux.steps"

    /// How many folds there were.
    static let step = "aux.server.step"
    /// The start of every auxiliary name.
    static let prefix = "aux."

    /// The kind that a name is of, and the tensor that it belongs to.
    static func parse(_ name: String) -> (kind: AuxiliaryKind, tensor: String)? {
        for kind in allCases where name.hasPrefix(kind.rawValue) {
            return (kind, String(name.dropFirst(kind.rawValue.count)))
        }
        return nil
    }

    /// The name of the tensor of this kind that belongs to one of the model.
    func name(_ tensor: String) -> String { rawValue + tensor }
}
