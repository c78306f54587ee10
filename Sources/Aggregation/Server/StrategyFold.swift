import Weights

/// The fold of a ``BlockRule``, a pure function of files: what a server remembers lies in the global weights under
/// `aux.`.
///
/// First the evidence that the job's rule needs, in a pass over the updates of its own; then block by block, on all cores,
/// the round's update and what the server's optimiser makes of it. Memory is some blocks for each core and does not grow
/// with the model; with the number of clients only under rules that look at all updates of a coordinate together.
/// Auxiliary tensors that belong to a tensor that is not combined are kept.
struct StrategyFold<Rule: BlockRule>: AggregationStrategy {
    let rule: Rule
    let pipeline: AggregationPipeline
    /// The largest block in elements.
    let blockElements: Int
    let driver: BlockDriver

    var name: String { rule.name }

    /// Folds a round; see ``AggregationStrategy/aggregate(global:updates:rules:progress:sink:)``.
    ///
    /// - Throws: also `notFinite`, with the client when an update holds NaN or infinity, or when the result overflows;
    ///   `tooFewUpdates`; `missingTensor` when the global weights lack an auxiliary tensor of the strategy.
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
        let evidence = try EvidencePass(
            global: global, order: order, tensors: combinedTensors(schema, rules), needed: pipeline.evidence,
            hasHistory: pipeline.rule.needsHistory
        ).run(driver)
        let combined = try pipeline.combine(evidence)
        let rows = ColumnSorter(combined)?.members.count ?? 4
        let elements = BlockSize.elements(rows: rows, atMost: blockElements)
        let context = FoldContext(
            global: global, order: order, combined: combined, elements: elements)
        let (weights, plan) = try rule.plan(BlockReader(context))
        try Safetensors.canonicalHeader(schema).withUnsafeBytes { try sink($0) }
        let grid = BlockGrid(schema.tensors.map(\.elementCount), elements: elements)
        // Threads cost more than they save on a small model.
        let isSmall = schema.byteCount < 1 << 20
        var done = 0
        try (isSmall ? BlockDriver(workers: 1) : driver).run(
            count: grid.count, slot: { BlockMemory(bytes: elements * 8) }, workspace: { BlockReader(context) },
            compute: { index, reader, target in
                let span = grid[index]
                reader.move(to: span.start, count: span.count)
                guard try compute(span.tensor, rules, plan, reader, target) else {
                    throw context.culprit(span.tensor, span.start, span.count)
                        ?? AggregationError(
                            .notFinite, "the new values of tensor '\(schema.tensors[span.tensor].name)' are not finite")
                }
            },
            consume: { _, target in
                try sink(target.result)
                done += target.used
                try progress(AggregationProgress(bytesDone: done, bytesTotal: schema.byteCount))
            })
        return context.report(weights)
    }

    /// The tensors of the model that the rule combines.
    private func combinedTensors(_ schema: WeightsSchema, _ rules: TensorRules) -> [Int] {
        schema.tensors.indices.filter {
            let spec = schema.tensors[$0]
            return !spec.name.hasPrefix(AuxiliaryKind.prefix) && rules.rule(for: spec) == .averaged
        }
    }

    /// Fills `target` with the next values of the reader's block; false when one is not finite.
    private func compute(
        _ index: Int, _ rules: TensorRules, _ plan: Rule.Plan, _ reader: BlockReader, _ target: BlockMemory
    ) throws -> Bool {
        let spec = reader.global.schema.tensors[index]
        if spec.name == AuxiliaryKind.step {
            let bytes = try reader.raw(index, spec.dtype)
            if spec.dtype == .i64 {
                let value = bytes.loadUnaligned(as: Int64.self)
                bytes.storeBytes(of: value &+ 1, as: Int64.self)
            }
            return target.copy(bytes)
        }
        if spec.name.hasPrefix(AuxiliaryKind.prefix) {
            if let (kind, tensor) = AuxiliaryKind.parse(spec.name), isCombined(tensor, kind, rules, reader),
                let block = try kind == .centre
                    ? reader.update(tensor, slot: 0) : rule.auxiliary(kind, of: tensor, plan, reader)
            {
                return reader.store(block, spec.dtype, into: target)
            }
            return target.copy(try reader.raw(index, spec.dtype))
        }
        switch rules.rule(for: spec) {
        case .kept: return target.copy(try reader.raw(index, spec.dtype))
        case .latest where !spec.dtype.isFloat: return target.copy(try reader.latest(index, spec.dtype))
        case .latest:
            let only = reader.order.updates.indices.map { $0 == reader.order.updates.count - 1 ? 1.0 : 0 }
            let sums = try reader.combined(spec.name, only, slot: 0)
            let old = try reader.global(spec.name, slot: 1)
            for element in sums.indices { sums[element] += old[element] }
            return reader.store(sums, spec.dtype, into: target)
        case .averaged:
            if rule.isPlainSum, pipeline.ema == 0, spec.dtype == .f32 {
                return try reader.addUpdate(index, into: target)
            }
            let next = try rule.model(spec.name, plan, reader)
            if pipeline.ema != 0 {
                let old = try reader.global(spec.name, slot: BlockReader.slots)
                for element in next.indices {
                    next[element] = pipeline.ema * old[element] + (1 - pipeline.ema) * next[element]
                }
            }
            return reader.store(next, spec.dtype, into: target)
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

extension BlockMemory {
    /// Takes bytes over as the result; true, as they are what was there before.
    fileprivate func copy(_ source: UnsafeMutableRawBufferPointer) -> Bool {
        used = source.count
        UnsafeMutableRawBufferPointer(rebasing: bytes[..<used]).copyMemory(from: UnsafeRawBufferPointer(source))
        return true
    }
}
