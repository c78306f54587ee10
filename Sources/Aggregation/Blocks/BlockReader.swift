internal import CKernels
import Weights

/// One thread's memory of a fold: reads one block after the other of the global weights and of the updates, as Float64.
///
/// Sums start at 0 and add the clients in the order of the UTF-8 bytes of their ids, so they have the same bits whatever
/// the order of arrival, the size of blocks and the number of threads.
final class BlockReader {
    /// How many blocks a rule can hold at once.
    static let slots = 3

    let context: FoldContext
    private let bytes: BlockMemory
    private let blocks: [BlockMemory]
    private let sums: BlockMemory
    private let rows: UpdateRows
    private let columns: ColumnSorter?
    private var start = 0
    private var count = 0
    /// The tensor whose combined update is in `sums`.
    private var current: Int?

    var global: any TensorBlocks { context.global }
    var order: UpdateOrder { context.order }

    init(_ context: FoldContext) {
        self.context = context
        bytes = BlockMemory(bytes: context.elements * 8)
        blocks = (0..<(Self.slots + 1)).map { _ in BlockMemory(bytes: context.elements * 8) }
        sums = BlockMemory(bytes: context.elements * 8)
        columns = ColumnSorter(context.combined)
        rows = UpdateRows(context.order, count: columns?.members.count ?? 4, elements: context.elements)
    }

    /// Moves on to some elements.
    func move(to start: Int, count: Int) {
        self.start = start
        self.count = count
        current = nil
    }

    /// A block of zeros.
    func zeros(slot: Int) -> UnsafeMutableBufferPointer<Double> {
        let target = blocks[slot].buffer(of: Double.self, count: count)
        target.update(repeating: 0)
        return target
    }

    /// The present elements of a float tensor of the global weights.
    ///
    /// - Throws: ``AggregationError`` `missingTensor`.
    func global(_ name: String, slot: Int) throws -> UnsafeMutableBufferPointer<Double> {
        let index = try index(of: name)
        let target = blocks[slot].buffer(of: Double.self, count: count)
        let dtype = global.schema.tensors[index].dtype
        FloatConversion.doubles(
            from: UnsafeRawBufferPointer(try raw(index, dtype)), as: dtype, into: target)
        return target
    }

    /// The present bytes of a tensor of the global weights; valid until the next call.
    func raw(_ index: Int, _ dtype: DType) throws -> UnsafeMutableRawBufferPointer {
        let target = UnsafeMutableRawBufferPointer(rebasing: bytes.bytes[..<(count * dtype.byteWidth)])
        try global.readBlock(tensor: index, byteOffset: start * dtype.byteWidth, into: target)
        return target
    }

    /// The present bytes of a tensor as the last client sent them; valid until the next call.
    func latest(_ index: Int, _ dtype: DType) throws -> UnsafeMutableRawBufferPointer {
        let target = UnsafeMutableRawBufferPointer(rebasing: bytes.bytes[..<(count * dtype.byteWidth)])
        let last = order.updates.count - 1
        try order.read(last, tensor: order.indices[last][index], at: start * dtype.byteWidth, into: target)
        return target
    }

    /// Σₖ weightₖ xₖ of a float tensor over the updates; a weight of 0 leaves the update unread.
    func combined(_ name: String, _ weights: [Double], slot: Int) throws -> UnsafeMutableBufferPointer<Double> {
        let target = zeros(slot: slot)
        try add(try index(of: name), weights, to: target)
        return target
    }

    /// The round's update of a float tensor of the model: what the job's rule makes of the clients'.
    func update(_ name: String, slot: Int) throws -> UnsafeMutableBufferPointer<Double> {
        let source = try update(try index(of: name))
        let target = blocks[slot].buffer(of: Double.self, count: count)
        _ = target.update(fromContentsOf: source)
        return target
    }

    /// Writes old value + update of an F32 tensor of the model; false when one is not finite.
    func addUpdate(_ index: Int, into target: BlockMemory) throws -> Bool {
        let sums = try update(index)
        let old = try raw(index, .f32).assumingMemoryBound(to: Float.self)
        let new = target.buffer(of: Float.self, count: count)
        target.used = count * 4
        guard let sum = sums.baseAddress, let from = old.baseAddress, let into = new.baseAddress else { return true }
        return ck_finish_f32(into, sum, from, count) != 0
    }

    /// Writes a block that a rule has computed in the type of its tensor; false when one value is not finite.
    func store(_ block: UnsafeMutableBufferPointer<Double>, _ dtype: DType, into target: BlockMemory) -> Bool {
        target.used = count * dtype.byteWidth
        let bytes = UnsafeMutableRawBufferPointer(rebasing: target.bytes[..<target.used])
        FloatConversion.store(UnsafeBufferPointer(block), as: dtype, into: bytes)
        return FloatKernels.allFinite(UnsafeRawBufferPointer(bytes), as: dtype)
    }

    /// The one number of a float tensor in each update, in the fixed order, each read once.
    func scalars(_ name: String) throws -> [Double] {
        move(to: 0, count: 1)
        let index = try index(of: name)
        return try order.updates.indices.map { try rows.doubles($0, index, start: 0, count: 1)[0] }
    }

    // MARK: The round's update

    private func update(_ index: Int) throws -> UnsafeMutableBufferPointer<Double> {
        let target = sums.buffer(of: Double.self, count: count)
        if current == index { return target }
        let name = global.schema.tensors[index].name
        switch context.combined.combination {
        case .linear(let weights, let history):
            target.update(repeating: 0)
            try add(index, weights, to: target)
            if history != 0 {
                // The slot that no rule uses.
                let old = try global(AuxiliaryKind.centre.name(name), slot: Self.slots)
                if let sums = target.baseAddress, let values = old.baseAddress {
                    ck_add_f64(sums, values, history, count)
                }
            }
        case .middle, .nearestToMedian:
            guard let columns else { break }
            for (row, position) in columns.members.enumerated() {
                try rows.read(
                    position, index, start: start, count: count, into: row, scale: columns.scales[row], isChecked: true,
                    name: name)
            }
            columns.combine(rows.pointers, count: count, into: target)
        case .signs(let step):
            target.update(repeating: 0)
            for position in context.combined.members {
                try rows.read(position, index, start: start, count: count, into: 0, isChecked: true, name: name)
                if let sums = target.baseAddress, let values = rows.pointers[0] {
                    ck_add_signs_f32(sums, values, count)
                }
            }
            if let sums = target.baseAddress { ck_signs(sums, step, count) }
        }
        current = index
        return target
    }

    /// sums ← sums + Σ weightₖ xₖ, four updates at a time where they are F32.
    private func add(_ index: Int, _ weights: [Double], to target: UnsafeMutableBufferPointer<Double>) throws {
        guard let sums = target.baseAddress else { return }
        var waiting: [Double] = []
        func flush() {
            if waiting.count == 4, let a = rows.pointers[0], let b = rows.pointers[1], let c = rows.pointers[2],
                let d = rows.pointers[3]
            {
                ck_add4_f32(sums, a, b, c, d, waiting, count)
            } else {
                for (row, weight) in waiting.enumerated() {
                    if let values = rows.pointers[row] { ck_add_f32(sums, values, weight, count) }
                }
            }
            waiting.removeAll(keepingCapacity: true)
        }
        for (position, weight) in weights.enumerated() where weight != 0 {
            if rows.isPlain(position, index) {
                try rows.read(position, index, start: start, count: count, into: waiting.count)
                waiting.append(weight)
                if waiting.count == min(4, rows.pointers.count) { flush() }
            } else {
                flush()
                if let values = try rows.doubles(position, index, start: start, count: count).baseAddress {
                    ck_add_f64(sums, values, weight, count)
                }
            }
        }
        flush()
    }

    private func index(of name: String) throws -> Int {
        guard let index = global.schema.index(of: name) else {
            throw AggregationError(.missingTensor, "tensor '\(name)' is missing from the global weights")
        }
        return index
    }
}
