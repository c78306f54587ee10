import Tensors

/// FedProx: the gradient gets μ (w − w⁰), w⁰ being the global weights.
///
/// T. Li et al., "Federated optimization in heterogeneous networks", MLSys 2020. The term enters after clipping and
/// before the momentum, as in the FedMultimodal benchmark; that is momentum SGD on the proximal objective.
public final class ProximalTraining: LocalAlgorithm {
    private let mu: Double
    private var reference: [Tensor] = []

    /// An algorithm with the weight μ of the term.
    public init(mu: Double) { self.mu = mu }

    /// Yes.
    public var adjustsGradients: Bool { true }

    /// Copies the global weights.
    public func begin(_ task: LocalTask) throws { reference = try task.tensors(task.global) }

    /// g ← g + μ (w − w⁰).
    public func adjustGradients(_ task: LocalTask, epoch: Int) throws {
        for (position, (_, parameter)) in task.parameters.enumerated() {
            guard let gradient = parameter.gradient else { continue }
            try gradient.add(parameter, times: mu)
            try gradient.add(reference[position], times: -mu)
        }
    }
}
