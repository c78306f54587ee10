import Weights

/// Federated averaging: new = global + Σₖ (nₖ / Σn) Δₖ, with nₖ the examples and Δₖ the update of client k.
///
/// H. B. McMahan, E. Moore, D. Ramage, S. Hampson, B. Agüera y Arcas, "Communication-efficient learning of deep
/// networks from decentralized data", AISTATS 2017.
///
/// For each element, in Float64: the sum starts at 0, the products of weight and update are added in the order of the
/// UTF-8 bytes of the client ids, the global value is added last, and the result is rounded once to the tensor's type.
/// So the result has the same bits in whatever order updates arrive and whatever the block size. Memory is one block
/// (about 14 bytes an element) and does not depend on the model or on the number of clients.
public struct WeightedMeanFold: AggregationStrategy {
    /// `fedavg`.
    public let name = "fedavg"
    /// The largest block in elements.
    public let blockElements: Int

    /// A fold with blocks of at most `blockElements` elements (at least 1).
    public init(blockElements: Int = 32 << 10) {
        precondition(blockElements > 0, "a block needs at least one element")
        self.blockElements = blockElements
    }

    /// Folds a round; see ``AggregationStrategy/aggregate(global:updates:rules:progress:sink:)``.
    ///
    /// - Throws: also `notFinite`, with the client, when an update holds NaN or infinity or the result overflows.
    public func aggregate(
        global: any TensorBlocks,
        updates: [any UpdateSource],
        rules: TensorRules,
        progress: (AggregationProgress) throws -> Void,
        sink: (UnsafeRawBufferPointer) throws -> Void
    ) throws -> AggregationReport {
        let schema = global.schema
        try rules.check(schema)
        let order = try UpdateOrder(updates, global: global)
        let weights = order.updates.map { Double($0.examples) / Double(order.examples) }
        let blocks = BlockBuffers(elements: blockElements)
        try Safetensors.canonicalHeader(schema).withUnsafeBytes { try sink($0) }
        var done = 0
        for (index, spec) in schema.tensors.enumerated() {
            let rule = rules.rule(for: spec)
            var start = 0
            while start < spec.elementCount {
                let count = min(blockElements, spec.elementCount - start)
                let job = Block(tensor: index, spec: spec, start: start, count: count)
                let result: UnsafeRawBufferPointer =
                    switch rule {
                    case .kept: try copy(job, from: global, index, blocks)
                    case .latest where !spec.dtype.isFloat:
                        try copy(
                            job, from: order.updates[order.updates.count - 1], order.indices.last?[index] ?? index,
                            blocks)
                    case .latest: try mean(job, global, order, from: order.updates.count - 1, [1], blocks)
                    case .averaged: try mean(job, global, order, from: 0, weights, blocks)
                    }
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
            examples: order.examples
        )
    }

    /// Some elements of one tensor.
    private struct Block {
        let tensor: Int
        let spec: TensorSpec
        let start: Int
        let count: Int
    }

    private func copy(
        _ job: Block,
        from source: any TensorBlocks,
        _ tensor: Int,
        _ blocks: BlockBuffers
    ) throws -> UnsafeRawBufferPointer {
        let width = job.spec.dtype.byteWidth
        let target = UnsafeMutableRawBufferPointer(rebasing: blocks.bytes[..<(job.count * width)])
        try source.readBlock(tensor: tensor, byteOffset: job.start * width, into: target)
        return UnsafeRawBufferPointer(target)
    }

    /// global + Σ weightₖ Δₖ over the updates from `first` on.
    private func mean(
        _ job: Block,
        _ global: any TensorBlocks,
        _ order: UpdateOrder,
        from first: Int,
        _ weights: [Double],
        _ blocks: BlockBuffers
    ) throws -> UnsafeRawBufferPointer {
        let sums = UnsafeMutableBufferPointer(rebasing: blocks.sums[..<job.count])
        sums.update(repeating: 0)
        for (position, weight) in weights.enumerated() {
            let update = order.updates[first + position]
            try accumulate(job, weight, update, order.indices[first + position][job.tensor], blocks, sums)
        }
        let dtype = job.spec.dtype
        let target = UnsafeMutableRawBufferPointer(rebasing: blocks.bytes[..<(job.count * dtype.byteWidth)])
        try global.readBlock(tensor: job.tensor, byteOffset: job.start * dtype.byteWidth, into: target)
        add(1, UnsafeRawBufferPointer(target), dtype, to: sums, blocks)
        FloatConversion.store(UnsafeBufferPointer(sums), as: dtype, into: target)
        let result = UnsafeRawBufferPointer(target)
        guard FloatKernels.allFinite(result, as: dtype) else {
            throw notFinite(job, order, first, blocks)
        }
        return result
    }

    private func accumulate(
        _ job: Block,
        _ weight: Double,
        _ update: any UpdateSource,
        _ tensor: Int,
        _ blocks: BlockBuffers,
        _ sums: UnsafeMutableBufferPointer<Double>
    ) throws {
        let dtype = update.schema.tensors[tensor].dtype
        let bytes = UnsafeMutableRawBufferPointer(rebasing: blocks.bytes[..<(job.count * dtype.byteWidth)])
        do {
            try update.readBlock(tensor: tensor, byteOffset: job.start * dtype.byteWidth, into: bytes)
        } catch {
            throw AggregationError(
                .unreadable, "the update of client '\(update.clientID)' cannot be read", cause: error)
        }
        add(weight, UnsafeRawBufferPointer(bytes), dtype, to: sums, blocks)
    }

    /// sums ← sums + weight · values, in Float64.
    private func add(
        _ weight: Double,
        _ bytes: UnsafeRawBufferPointer,
        _ dtype: DType,
        to sums: UnsafeMutableBufferPointer<Double>,
        _ blocks: BlockBuffers
    ) {
        if dtype == .f32 {
            let values = bytes.assumingMemoryBound(to: Float.self)
            for index in 0..<sums.count { sums[index] += weight * Double(values[index]) }
        } else {
            let values = UnsafeMutableBufferPointer(rebasing: blocks.values[..<sums.count])
            FloatConversion.doubles(from: bytes, as: dtype, into: values)
            for index in 0..<sums.count { sums[index] += weight * values[index] }
        }
    }

    /// Looks for the client whose block holds NaN or infinity.
    private func notFinite(
        _ job: Block,
        _ order: UpdateOrder,
        _ first: Int,
        _ blocks: BlockBuffers
    ) -> AggregationError {
        for position in first..<order.updates.count {
            let update = order.updates[position]
            let tensor = order.indices[position][job.tensor]
            let dtype = update.schema.tensors[tensor].dtype
            let bytes = UnsafeMutableRawBufferPointer(rebasing: blocks.bytes[..<(job.count * dtype.byteWidth)])
            // A failure to read again is not the news here.
            guard (try? update.readBlock(tensor: tensor, byteOffset: job.start * dtype.byteWidth, into: bytes)) != nil,
                FloatKernels.allFinite(UnsafeRawBufferPointer(bytes), as: dtype)
            else {
                return AggregationError(
                    .notFinite,
                    "tensor '\(job.spec.name)' in the update of client '\(update.clientID)' is not finite"
                )
            }
        }
        return AggregationError(.notFinite, "the mean of tensor '\(job.spec.name)' is not finite")
    }
}

/// The memory of a fold, used from one thread.
final class BlockBuffers {
    let bytes: UnsafeMutableRawBufferPointer
    let sums: UnsafeMutableBufferPointer<Double>
    /// For updates that are not f32.
    let values: UnsafeMutableBufferPointer<Double>

    init(elements: Int) {
        bytes = .allocate(byteCount: elements * 8, alignment: 64)
        sums = .allocate(capacity: elements)
        sums.initialize(repeating: 0)
        values = .allocate(capacity: elements)
        values.initialize(repeating: 0)
    }

    deinit {
        bytes.deallocate()
        sums.deallocate()
        values.deallocate()
    }
}
