import Jobs
import Layers
import Tensors
import Weights

/// SCAFFOLD's client: every step is corrected by c − cₖ, the server's and the client's control.
///
/// S. P. Karimireddy et al., "SCAFFOLD: stochastic controlled averaging for federated learning", ICML 2020, with
/// option II for the control: cₖ⁺ = cₖ − c + (w⁰ − w) / (a η).
///
/// By default the correction is added to the (clipped) gradient and goes through the momentum like it, and a is the
/// effective number of steps, so that (w⁰ − w) / (a η) is a mean of corrected gradients whatever the momentum. With
/// `faithful`, as in the FedMultimodal benchmark, the correction is outside the momentum, w ← w − η (v + c − cₖ), and a
/// is the number of steps, which overestimates the gradient up to tenfold at momentum 0.9.
///
/// cₖ is kept in the state `control`; the update holds cₖ⁺ − cₖ under the names of the server's control.
public final class ScaffoldTraining: LocalAlgorithm {
    private let isFaithful: Bool
    /// c − cₖ.
    private var correction: [Tensor] = []
    private var own: Weights?

    /// An algorithm; `faithful` asks for the benchmark's form.
    public init(faithful: Bool) { isFaithful = faithful }

    /// In the default form.
    public var adjustsGradients: Bool { !isFaithful }

    /// Reads both controls.
    public func begin(_ task: LocalTask) throws {
        guard task.configuration.learningRate > 0 else {
            throw TrainingError(.config, "training.learningRate: found 0, expected more than 0 for scaffold")
        }
        let control = try task.state.load("control", schema: task.floatSchema) ?? Weights(zeros: task.floatSchema)
        own = control
        correction = try task.tensors(task.auxiliary, prefix: AuxiliaryTensors.control(""))
        for (tensor, old) in zip(correction, try task.tensors(control)) { try tensor.add(old, times: -1) }
    }

    /// g ← g + c − cₖ.
    public func adjustGradients(_ task: LocalTask, epoch: Int) throws {
        for (position, (_, parameter)) in task.parameters.enumerated() {
            try parameter.gradient?.add(correction[position])
        }
    }

    /// w ← w − η (c − cₖ) in the benchmark's form.
    public func afterStep(_ task: LocalTask) throws {
        guard isFaithful else { return }
        for (position, (_, parameter)) in task.parameters.enumerated() {
            try parameter.add(correction[position], times: -task.configuration.learningRate)
        }
    }

    /// The new control for the state, its change for the server.
    public func finish(
        _ task: LocalTask, steps: Int, again: (any LocalAlgorithm) throws -> Void
    ) throws -> LocalOutcome.Extra {
        let effective =
            isFaithful ? Double(steps) : effectiveSteps(steps, momentum: task.configuration.momentum)
        let divisor = effective * task.configuration.learningRate
        let local = try task.entry.model.weights()
        var next = try own ?? Weights(zeros: task.floatSchema)
        var changes: [(name: String, shape: [Int], values: [Float])] = []
        for (name, parameter) in task.parameters {
            let start = try LocalTask.floats(name, in: task.global)
            let end = try LocalTask.floats(name, in: local)
            let server = try LocalTask.floats(AuxiliaryTensors.control(name), in: task.auxiliary)
            var control = try LocalTask.floats(name, in: next)
            var change = [Float](repeating: 0, count: control.count)
            for index in control.indices {
                let difference = (Double(start[index]) - Double(end[index])) / divisor - Double(server[index])
                change[index] = Float(difference)
                control[index] = Float(Double(control[index]) + difference)
            }
            try next.setFloats(name, control)
            changes.append((AuxiliaryTensors.control(name), parameter.shape, change))
        }
        return .init(auxiliary: try Weights(changes), state: ["control": next])
    }
}
