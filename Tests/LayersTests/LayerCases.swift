import Layers
import Tensors
import Weights

/// How a golden case is run: make the module, then compute its output from named inputs.
struct LayerCase: Sendable {
    var make: @Sendable (Initializer) throws -> any Module
    var run: @Sendable (any Module, [String: Tensor]) throws -> Tensor

    /// A case whose output is a module of one tensor applied to `x`.
    static func unary(_ make: @escaping @Sendable (Initializer) throws -> any UnaryModule) -> LayerCase {
        LayerCase(make: make) { module, inputs in
            try cast(module, to: (any UnaryModule).self).forward(inputs("x"), .evaluation())
        }
    }
}

struct MissingInput: Error {
    var name: String
}

extension [String: Tensor] {
    func callAsFunction(_ name: String) throws -> Tensor {
        guard let tensor = self[name] else { throw MissingInput(name: name) }
        return tensor
    }
}

func cast<Value>(_ value: Any, to type: Value.Type) throws -> Value {
    guard let result = value as? Value else { throw MissingInput(name: "\(type)") }
    return result
}

private func recurrent(_ module: any Module, _ inputs: [String: Tensor]) throws -> (states: Tensor, last: Tensor) {
    try cast(module, to: GRU.self).forward(inputs("x"), lengths: inputs["lengths"]?.integers())
}

private func pooled(_ module: any Module, _ inputs: [String: Tensor]) throws -> Tensor {
    let x = try inputs("x")
    let boundary = 6
    let masked = try FusedAttentionPooling.mask(
        batch: x.shape[0],
        streams: [
            (steps: boundary, lengths: inputs["first"]?.integers()),
            (steps: x.shape[1] - boundary, lengths: inputs["second"]?.integers()),
        ])
    return try cast(module, to: FusedAttentionPooling.self).forward(x, masked: masked, .evaluation())
}

private func pooling(_ initializer: Initializer) throws -> any Module {
    try FusedAttentionPooling(features: 8, heads: 6, attention: 32, initializer)
}

/// What the cases of layers.safetensors compute.
let layerCases: [String: LayerCase] = [
    "linear": .unary { try Linear(inputs: 7, outputs: 4, $0) },
    "linear-plain": .unary { try Linear(inputs: 7, outputs: 4, bias: false, $0) },
    "conv": .unary { try Conv1d(inputs: 3, outputs: 8, kernel: 5, padding: 2, $0) },
    "conv-stride": .unary { try Conv1d(inputs: 3, outputs: 8, kernel: 4, stride: 3, padding: 1, $0) },
    "pool": .unary { _ in MaxPool1d(kernel: 2) },
    "gru": LayerCase(make: { try GRU(inputs: 5, hidden: 6, $0) }, run: { try recurrent($0, $1).states }),
    "gru-lengths": LayerCase(make: { try GRU(inputs: 5, hidden: 6, $0) }, run: { try recurrent($0, $1).states }),
    "gru-lengths-last": LayerCase(make: { try GRU(inputs: 5, hidden: 6, $0) }, run: { try recurrent($0, $1).last }),
    "attention": LayerCase(make: pooling, run: pooled),
    "attention-masked": LayerCase(make: pooling, run: pooled),
    "classifier": LayerCase(
        make: {
            try Sequential([
                Linear(inputs: 9, outputs: 12, $0), ReLU(), Dropout(probability: 0.1, layer: 0),
                Linear(inputs: 12, outputs: 5, $0),
            ])
        },
        run: { try cast($0, to: Sequential.self).forward($1("x"), .evaluation()).crossEntropy($1("target")) }),
    "binary-cross-entropy": LayerCase(
        make: { try Sequential([Linear(inputs: 9, outputs: 5, $0)]) },
        run: { module, inputs in
            try BinaryCrossEntropy.loss(
                cast(module, to: Sequential.self).forward(inputs("x"), .evaluation()), inputs("target"))
        }),
]
