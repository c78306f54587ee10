import Weights

/// Reads one block after the other of the global weights and of the updates, as Float64, into fixed memory.
///
/// Sums start at 0 and add the clients in the order of the UTF-8 bytes of their ids, so they have the same bits whatever
/// the order of arrival and the size of blocks. Used from one thread.
final class BlockReader {
    /// How many blocks a rule can hold at once.
    static let slots = 3

    let global: any TensorBlocks
    let order: UpdateOrder
    private let bytes: UnsafeMutableRawBufferPointer
    private let values: UnsafeMutableBufferPointer<Double>
    private let blocks: [UnsafeMutableBufferPointer<Double>]
    private var start = 0
    private var count = 0

    init(global: any TensorBlocks, order: UpdateOrder, elements: Int) {
        self.global = global
        self.order = order
        bytes = .allocate(byteCount: elements * 8, alignment: 64)
        values = .allocate(capacity: elements)
        values.initialize(repeating: 0)
        blocks = (0..<Self.slots).map { _ in
            let block = UnsafeMutableBufferPointer<Double>.allocate(capacity: elements)
            block.initialize(repeating: 0)
            return block
        }
    }

    deinit {
        bytes.deallocate()
        values.deallocate()
        blocks.forEach { $0.deallocate() }
    }

    /// Moves on to some elements.
    func move(to start: Int, count: Int) {
        self.start = start
        self.count = count
    }

    /// A block of zeros.
    func zeros(slot: Int) -> UnsafeMutableBufferPointer<Double> {
        let target = UnsafeMutableBufferPointer(rebasing: blocks[slot][..<count])
        target.update(repeating: 0)
        return target
    }

    /// The present elements of a float tensor of the global weights.
    ///
    /// - Throws: ``AggregationError`` `missingTensor`.
    func global(_ name: String, slot: Int) throws -> UnsafeMutableBufferPointer<Double> {
        let index = try index(of: name)
        let target = UnsafeMutableBufferPointer(rebasing: blocks[slot][..<count])
        let dtype = global.schema.tensors[index].dtype
        FloatConversion.doubles(
            from: UnsafeRawBufferPointer(try raw(index, dtype)), as: dtype, into: target)
        return target
    }

    /// The present bytes of a tensor of the global weights; valid until the next call.
    func raw(_ index: Int, _ dtype: DType) throws -> UnsafeMutableRawBufferPointer {
        let target = UnsafeMutableRawBufferPointer(rebasing: bytes[..<(count * dtype.byteWidth)])
        try global.readBlock(tensor: index, byteOffset: start * dtype.byteWidth, into: target)
        return target
    }

    /// The present bytes of a tensor as the last client sent them; valid until the next call.
    func latest(_ index: Int, _ dtype: DType) throws -> UnsafeMutableRawBufferPointer {
        let target = UnsafeMutableRawBufferPointer(rebasing: bytes[..<(count * dtype.byteWidth)])
        let last = order.updates.count - 1
        try read(last, order.indices[last][index], start * dtype.byteWidth, target)
        return target
    }

    /// Σₖ weightₖ xₖ of a float tensor over the updates; a weight of 0 leaves the update unread.
    func combined(_ name: String, _ weights: [Double], slot: Int) throws -> UnsafeMutableBufferPointer<Double> {
        let index = try index(of: name)
        let sums = zeros(slot: slot)
        for (position, weight) in weights.enumerated() where weight != 0 {
            let block = try block(of: index, in: position)
            for element in 0..<count { sums[element] += weight * block[element] }
        }
        return sums
    }

    /// The bytes of the block that a rule has computed, in the type of its tensor; valid until the next call.
    ///
    /// - Throws: ``AggregationError`` `notFinite`.
    func store(_ block: UnsafeMutableBufferPointer<Double>, _ spec: TensorSpec) throws -> UnsafeRawBufferPointer {
        let target = UnsafeMutableRawBufferPointer(rebasing: bytes[..<(count * spec.dtype.byteWidth)])
        FloatConversion.store(UnsafeBufferPointer(block), as: spec.dtype, into: target)
        let result = UnsafeRawBufferPointer(target)
        guard FloatKernels.allFinite(result, as: spec.dtype) else {
            throw AggregationError(.notFinite, "the new values of tensor '\(spec.name)' are not finite")
        }
        return result
    }

    /// The one number of a float tensor in each update, in the fixed order, each read once.
    func scalars(_ name: String) throws -> [Double] {
        move(to: 0, count: 1)
        let index = try index(of: name)
        return try order.updates.indices.map { try block(of: index, in: $0)[0] }
    }

    /// The present elements of a float tensor of one update; valid until the next call.
    private func block(of index: Int, in position: Int) throws -> UnsafeMutableBufferPointer<Double> {
        let tensor = order.indices[position][index]
        let dtype = order.updates[position].schema.tensors[tensor].dtype
        let source = UnsafeMutableRawBufferPointer(rebasing: bytes[..<(count * dtype.byteWidth)])
        try read(position, tensor, start * dtype.byteWidth, source)
        let block = UnsafeMutableBufferPointer(rebasing: values[..<count])
        FloatConversion.doubles(from: UnsafeRawBufferPointer(source), as: dtype, into: block)
        return block
    }

    private func read(_ position: Int, _ tensor: Int, _ offset: Int, _ target: UnsafeMutableRawBufferPointer) throws {
        let update = order.updates[position]
        do {
            try update.readBlock(tensor: tensor, byteOffset: offset, into: target)
        } catch {
            throw AggregationError(
                .unreadable, "the update of client '\(update.clientID)' cannot be read", cause: error)
        }
    }

    private func index(of name: String) throws -> Int {
        guard let index = global.schema.index(of: name) else {
            throw AggregationError(.missingTensor, "tensor '\(name)' is missing from the global weights")
        }
        return index
    }
}
