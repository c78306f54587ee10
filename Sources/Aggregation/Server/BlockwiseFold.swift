import Weights

/// The fold of a ``BlockRule``, a pure function of files: what a server remembers lies in the global weights under
/// `aux.`.
///
/// Tensors whose rule is `kept` or `latest` are treated as by ``WeightedMeanFold``, and the auxiliary tensors that belong
/// to them are kept.
struct BlockwiseFold<Rule: BlockRule>: AggregationStrategy {
    let rule: Rule
    /// The largest block in elements.
    let blockElements: Int

    var name: String { rule.name }

    /// Folds a round; see ``AggregationStrategy/aggregate(global:updates:rules:progress:sink:)``.
    ///
    /// - Throws: also `notFinite` when the result overflows, `missingTensor` when the global weights lack an auxiliary
    ///   tensor of the strategy.
    func aggregate(
        global: any TensorBlocks,
        updates: [any UpdateSource],
        rules: TensorRules,
        progress: (AggregationProgress) throws -> Void,
        sink: (UnsafeRawBufferPointer) throws -> Void
    ) throws -> AggregationReport {
        let schema = global.schema
        try rules.check(schema)
        let order = try UpdateOrder(updates, global: global)
        let reader = BlockReader(global: global, order: order, elements: blockElements)
        let (weights, plan) = try rule.plan(reader)
        try Safetensors.canonicalHeader(schema).withUnsafeBytes { try sink($0) }
        var done = 0
        for (index, spec) in schema.tensors.enumerated() {
            var start = 0
            while start < spec.elementCount {
                let count = min(blockElements, spec.elementCount - start)
                reader.move(to: start, count: count)
                let result = try block(index, spec, rules, plan, reader)
                try sink(result)
                start += count
                done += result.count
                try progress(AggregationProgress(bytesDone: done, bytesTotal: schema.byteCount))
            }
        }
        return AggregationReport(
            contributions: zip(order.updates, weights).map { update, weight in
                .init(clientID: update.clientID, examples: update.examples, weight: weight)
            },
            examples: order.examples)
    }

    private func block(
        _ index: Int, _ spec: TensorSpec, _ rules: TensorRules, _ plan: Rule.Plan, _ reader: BlockReader
    ) throws -> UnsafeRawBufferPointer {
        if spec.name == AuxiliaryKind.step {
            let bytes = try reader.raw(index, spec.dtype)
            if spec.dtype == .i64 {
                let value = bytes.loadUnaligned(as: Int64.self)
                bytes.storeBytes(of: value &+ 1, as: Int64.self)
            }
            return UnsafeRawBufferPointer(bytes)
        }
        if spec.name.hasPrefix(AuxiliaryKind.prefix) {
            if let (kind, tensor) = AuxiliaryKind.parse(spec.name), isCombined(tensor, kind, rules, reader),
                let block = try rule.auxiliary(kind, of: tensor, plan, reader)
            {
                return try reader.store(block, spec)
            }
            return UnsafeRawBufferPointer(try reader.raw(index, spec.dtype))
        }
        switch rules.rule(for: spec) {
        case .kept: return UnsafeRawBufferPointer(try reader.raw(index, spec.dtype))
        case .latest where !spec.dtype.isFloat:
            return UnsafeRawBufferPointer(try reader.latest(index, spec.dtype))
        case .latest:
            let only = reader.order.updates.indices.map { $0 == reader.order.updates.count - 1 ? 1.0 : 0 }
            let sums = try reader.combined(spec.name, only, slot: 0)
            let old = try reader.global(spec.name, slot: 1)
            for element in sums.indices { sums[element] += old[element] }
            return try reader.store(sums, spec)
        case .averaged: return try reader.store(try rule.model(spec.name, plan, reader), spec)
        }
    }

    /// Whether the updates carry the tensor that an auxiliary one belongs to.
    private func isCombined(
        _ tensor: String, _ kind: AuxiliaryKind, _ rules: TensorRules, _ reader: BlockReader
    ) -> Bool {
        if kind == .steps { return tensor.isEmpty }
        guard let spec = reader.global.schema[tensor] else { return false }
        return rules.rule(for: spec) == .averaged
    }
}
