import Layers
import Tensors

/// One modality's way to a sequence of states of H features.
///
/// How lengths are taken is what `quirks` says: nil is the default, in which a result depends on an example's valid
/// steps and on nothing else.
struct ModalityEncoder {
    /// What stands before the recurrence.
    enum Front {
        case convolution(ConvolutionEncoder)
        case projection(Sequential)
        case nothing
    }

    /// The states of one modality.
    struct States {
        /// `[B, T, H]`; by default zero after an example's end.
        var values: Tensor
        /// Valid steps of every example, nil when all are valid.
        var lengths: [Int]?
    }

    /// What the benchmark does with lengths in one of its models.
    struct Quirks {
        /// Whether recurrences run to the true lengths if the batch's first is not zero.
        var packs: Bool
        /// Whether a length of zero after the convolutions becomes one.
        var clampsConvolution: Bool
    }

    let input: FusionModel.Input
    let front: Front
    let recurrence: GRU?
    let quirks: Quirks?

    /// Encodes one batch.
    ///
    /// - Parameters:
    ///   - values: `[B, T, features]`; for a projection `[B, features]` or `[B, 1, features]`.
    ///   - lengths: valid steps of every example, 0 where the modality is absent; nil when all are valid.
    func forward(
        _ values: Tensor,
        lengths: [Int]?,
        _ context: ForwardContext
    ) throws(TensorError) -> States {
        let whole = try sequence(values)
        let lengths = try checked(lengths, of: whole)
        let sequence = try lengths.map { lengths throws(TensorError) in try cut(whole, lengths) } ?? whole
        switch front {
        case .projection(let layers):
            let states = try layers.forward(zeroed(sequence, lengths), context)
            return States(values: quirks == nil ? try zeroed(states, lengths) : states, lengths: lengths)
        case .nothing:
            return try recurrent(zeroed(sequence, lengths), lengths)
        case .convolution(let encoder):
            let steps = lengths?.map { $0 / ConvolutionEncoder.reduction }
            guard let quirks else {
                return try recurrent(encoder.forward(sequence, lengths: lengths, context), steps)
            }
            return try recurrent(
                encoder.forward(zeroed(sequence, lengths), context),
                quirks.clampsConvolution ? steps?.map { max(1, $0) } : steps)
        }
    }

    private func recurrent(_ sequence: Tensor, _ lengths: [Int]?) throws(TensorError) -> States {
        guard let recurrence else { return States(values: sequence, lengths: lengths) }
        guard let lengths else { return States(values: try recurrence.forward(sequence).states, lengths: nil) }
        guard let quirks else {
            // Every sequence needs a step to run on; what comes of one that has none is removed afterwards.
            let states = try recurrence.forward(sequence, lengths: lengths.map { max(1, $0) }).states
            return States(values: lengths.contains(0) ? try zeroed(states, lengths) : states, lengths: lengths)
        }
        guard quirks.packs, lengths.first != 0 else {
            return States(values: try recurrence.forward(sequence).states, lengths: lengths)
        }
        if let example = lengths.firstIndex(of: 0) {
            throw TensorError(
                .invalidArgument,
                "modality '\(input.name)': example \(example) of the batch has no step and the first has some; the "
                    + "benchmark cannot run such a batch: leave 'faithful' off")
        }
        return States(values: try recurrence.forward(sequence, lengths: lengths).states, lengths: lengths)
    }

    /// The input as `[B, T, features]`.
    private func sequence(_ values: Tensor) throws(TensorError) -> Tensor {
        let shape = values.shape
        switch input.encoder {
        case .projection:
            guard shape == [shape.first ?? 0, input.features] || shape == [shape.first ?? 0, 1, input.features] else {
                throw mismatch("[batch, \(input.features)] or [batch, 1, \(input.features)]", shape)
            }
            return shape.count == 2 ? try values.unsqueezed(1) : values
        case .convolution, .recurrent:
            guard shape.count == 3, shape[1] >= input.minimumSteps, shape[2] == input.features else {
                throw mismatch("[batch, at least \(input.minimumSteps) steps, \(input.features)]", shape)
            }
            return values
        }
    }

    private func mismatch(_ expected: String, _ shape: [Int]) -> TensorError {
        TensorError(.invalidArgument, "modality '\(input.name)': expected \(expected), found \(shape)")
    }

    /// The lengths, or nil when they say that all is valid.
    private func checked(_ lengths: [Int]?, of sequence: Tensor) throws(TensorError) -> [Int]? {
        guard let lengths else { return nil }
        let (batch, steps) = (sequence.shape[0], sequence.shape[1])
        guard lengths.count == batch else {
            throw TensorError(
                .invalidArgument,
                "modality '\(input.name)': expected \(batch) lengths, found \(lengths.count)")
        }
        // A vector's length is its number of elements, of which it has all or none.
        let valid = input.encoder == .projection ? lengths.map { min($0, 1) } : lengths
        guard let example = valid.firstIndex(where: { !(0...steps).contains($0) }) else {
            return valid.contains { $0 < steps } ? valid : nil
        }
        throw TensorError(
            .invalidArgument,
            "modality '\(input.name)': the length of example \(example) is \(lengths[example]), expected 0...\(steps)")
    }

    /// The steps up to the batch's longest length.
    ///
    /// The benchmark pads a batch no further either, but keeps all zeros of a modality that is absent in all examples.
    private func cut(_ sequence: Tensor, _ lengths: [Int]) throws(TensorError) -> Tensor {
        let longest = lengths.max() ?? 0
        guard quirks == nil || longest > 0 else { return sequence }
        return try sequence.slice(axis: 1, end: max(longest, input.minimumSteps))
    }

    private func zeroed(_ sequence: Tensor, _ lengths: [Int]?) throws(TensorError) -> Tensor {
        guard let lengths else { return sequence }
        return try sequence.maskedFill(StepMask.beyond(lengths, steps: sequence.shape[1]).unsqueezed(2), 0)
    }
}
