import Tensors
import Weights

typealias Operation = @Sendable ([String: Tensor]) throws -> Tensor

/// The inputs of a case, by name.
struct MissingInput: Error {
    var name: String
}

extension [String: Tensor] {
    func callAsFunction(_ name: String) throws -> Tensor {
        guard let tensor = self[name] else { throw MissingInput(name: name) }
        return tensor
    }
}

private func gru(_ i: [String: Tensor], total: Int? = nil) throws -> (states: Tensor, last: Tensor) {
    try i("x").gru(
        .init(inputWeight: i("w"), hiddenWeight: i("u"), inputBias: i("b"), hiddenBias: i("c")),
        initial: i["initial"],
        lengths: i["lengths"]?.integers(),
        totalLength: total)
}

private func attention(_ i: [String: Tensor]) throws -> Tensor {
    let states = try i("states")
    let scores = try states.linear(weight: i("w1"), bias: i("b1")).tanh().linear(weight: i("w2"))
    let masked = try scores.transposed(1, 2).maskedFill(i("mask").unsqueezed(1), -1e5)
    return try masked.softmax(axis: 2).matmul(states).reshaped([states.shape[0], -1])
}

/// What the cases of operations.safetensors compute; the names and order are those of make_golden.py.
let operations: [String: Operation] = [
    "neg": { try -$0("a") },
    "abs": { try $0("a").abs() },
    "exp": { try $0("a").exp() },
    "square": { try $0("a").square() },
    "tanh": { try $0("a").tanh() },
    "sigmoid": { try $0("a").sigmoid() },
    "relu": { try $0("a").relu() },
    "log": { try $0("a").log() },
    "sqrt": { try $0("a").squareRoot() },
    "power": { try $0("a").power(2.5) },
    "clamp": { try $0("a").clamped(low: -0.5, high: 0.75) },
    "add": { try $0("a") + $0("b") },
    "subtract": { try $0("a") - $0("b") },
    "multiply": { try $0("a") * $0("b") },
    "divide": { try $0("a") / $0("b") },
    "scalars": { try (($0("a") + 1.25) * 3.0 - 0.5) / 7.0 },
    "mask": { try $0("a").maskedFill($0("mask"), -1e5) },
    "where": { try $0("a").selected(where: $0("mask"), otherwise: $0("b")) },
    "sum-all": { try $0("a").sum() },
    "mean-all": { try $0("a").mean() },
    "max-all": { try $0("a").max() },
    "min-all": { try $0("a").min() },
    "sum-axis": { try $0("a").sum(axis: 1) },
    "mean-axis": { try $0("a").mean(axis: 1) },
    "sum-keep": { try $0("a").sum(axis: -1, keepAxis: true) },
    "mean-keep": { try $0("a").mean(axis: -1, keepAxis: true) },
    "max-axis": { try $0("a").max(axis: 1) },
    "min-axis": { try $0("a").min(axis: 1) },
    "max-ties": { try $0("a").max(axis: 1) },
    "min-ties": { try $0("a").min(axis: 1) },
    "argmax": { try $0("a").argmax(axis: 2) },
    "less": { try $0("a").less($0("b")).to(.i64) },
    "equal": { try $0("a").equal($0("b")).to(.i64) },
    "reshape": { try $0("a").reshaped([2, -1, 3]) },
    "expand": { try $0("a").expanded([4, -1, 3]) },
    "permute": { try $0("a").permuted([2, 0, 1]) },
    "transpose": { try $0("a").transposed(0, -1) },
    "unsqueeze": { try $0("a").unsqueezed(1).squeezed(1).unsqueezed(-1) },
    "slice": { try $0("a").slice(axis: 1, start: 1, end: 5, step: 2) },
    "select": { try $0("a").select(axis: 1, index: -2) },
    "index-select": { try $0("a").indexSelect(axis: 1, $0("index")) },
    "gather": { try $0("a").gather(axis: 1, $0("index")) },
    "cat": { try .concatenate([$0("a"), $0("b"), $0("a")], axis: 1) },
    "stack": { try .stack([$0("a"), $0("b")], axis: 1) },
    "matmul": { try $0("a").matmul($0("b")) },
    "matmul-batch": { try $0("a").matmul($0("b")) },
    "matmul-vector": { try $0("a").matmul($0("b")) },
    "addmm": { try $0("bias").addingProduct($0("a"), $0("b")) },
    "linear": { try $0("input").linear(weight: $0("weight"), bias: $0("bias")) },
    "linear-plain": { try $0("input").linear(weight: $0("weight")) },
    "conv": { try $0("x").conv1d(weight: $0("weight"), bias: $0("bias"), padding: 2) },
    "conv-options": {
        try $0("x").conv1d(weight: $0("weight"), bias: $0("bias"), stride: 2, padding: 1, dilation: 2, groups: 2)
    },
    "conv-plain": { try $0("x").conv1d(weight: $0("weight")) },
    "pool": { try $0("x").maxPool1d(kernel: 2) },
    "pool-options": { try $0("x").maxPool1d(kernel: 3, stride: 2, padding: 1) },
    "softmax": { try $0("a").softmax(axis: 1) },
    "log-softmax": { try ($0("a") * 30).logSoftmax(axis: 2) },
    "nll": { try $0("a").logSoftmax(axis: 1).negativeLogLikelihood($0("target")) },
    "nll-sum": { try $0("a").negativeLogLikelihood($0("target"), reduction: .sum) },
    "cross-entropy": { try $0("a").crossEntropy($0("target")) },
    "cross-entropy-sum": { try $0("a").crossEntropy($0("target"), reduction: .sum) },
    "gru": { try gru($0).states },
    "gru-last": { try gru($0).last },
    "gru-initial": { try gru($0).states },
    "gru-one-step": { try gru($0).states },
    "gru-lengths": { try gru($0).states },
    "gru-lengths-last": { try gru($0).last },
    "gru-lengths-total": { try gru($0, total: 8).states },
    "gru-length-one": { try gru($0).states },
    "gru-lengths-initial": { try gru($0).states },
    "attention": { try attention($0) },
]
