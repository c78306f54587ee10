internal import Aggregation
internal import Federation
internal import Training
internal import Weights

/// What a virtual client sends and keeps, on its way from the training to the wire.
struct Outgoing {
    /// The name of what the encoding left out, among the client's states.
    static let residual = "encoding"

    /// What the client sends.
    var update: Weights
    /// What it keeps, by name.
    var state: [String: Weights]
    /// Why the update is not taken, if so.
    var refusal: AdmissionRefusal?

    /// Encodes the update as a daemon does with the file of its trainer, with the same bits, and checks the norm of what
    /// it stands for, which is not quite the one before.
    ///
    /// - Parameters:
    ///   - memory: where what earlier rounds left out is found.
    ///   - rules: what a coordinator would check.
    /// - Throws: `TrainingError` when the memory cannot be read.
    mutating func encode(
        as schema: EncodedSchema, remembering memory: any ClientState, _ rules: AdmissionRules
    ) throws {
        let hasFeedback = !schema.residual.tensors.isEmpty
        let before = hasFeedback ? try memory.load(Self.residual, schema: schema.residual) : nil
        let encoder = UpdateEncoder(schema, residual: before.map(Self.reader), update: Self.reader(update))
        do {
            update = try encoder.encoded()
            if hasFeedback { state[Self.residual] = try encoder.leftOut() }
            var inspector = UpdateInspector(schema)
            try Safetensors.write(update) { try inspector.consume($0) }
            try rules.check(norm: inspector.finish().norm)
        } catch let error as WeightsError where error.code == .notFinite {
            refusal = AdmissionRefusal(code: "non-finite", reason: error.message)
        } catch let error as AdmissionRefusal {
            refusal = error
        }
    }

    private static func reader(_ weights: Weights) -> UpdateEncoder.Read {
        { tensor, byteOffset, buffer in
            try weights.readBlock(tensor: tensor, byteOffset: byteOffset, into: buffer)
        }
    }
}
