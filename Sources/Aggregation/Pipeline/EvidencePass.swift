internal import CKernels
import Weights

/// Reads all updates once, block by block, and sums what a rule decides from.
///
/// Blocks have a size of their own that depends on nothing but the number of updates, and their sums are added in order:
/// the same bits for any number of threads and any block size of the fold.
struct EvidencePass: Sendable {
    let global: any TensorBlocks
    let order: UpdateOrder
    /// The tensors that are combined, by their place in the global weights.
    let tensors: [Int]
    let needed: Evidence
    /// Whether the last row is the update of the round before.
    let hasHistory: Bool

    /// Gathers the evidence.
    ///
    /// - Throws: ``AggregationError``: `notFinite` with the client, `unreadable`, `missingTensor`.
    func run(_ driver: BlockDriver) throws -> UpdateEvidence {
        let rows = order.updates.count + (hasHistory ? 1 : 0)
        var products = ProductMatrix(count: needed == .reports ? 0 : rows)
        if needed != .reports {
            let elements = BlockSize.elements(rows: rows)
            let grid = BlockGrid(tensors.map { global.schema.tensors[$0].elementCount }, elements: elements)
            let values = needed == .products ? rows * (rows + 1) / 2 : rows
            // Threads cost more than they save on small updates; a matrix of very many rows is held once, not once a slot.
            let elementCount = tensors.reduce(0) { $0 + global.schema.tensors[$1].elementCount }
            let isAlone = elementCount * rows < 1 << 18 || values > 1 << 22
            let driver = isAlone ? BlockDriver(workers: 1) : driver
            var totals = [Double](repeating: 0, count: values)
            try driver.run(
                count: grid.count, slot: { PartialSums(count: values) },
                workspace: { UpdateRows(order, count: rows, elements: elements) },
                compute: { index, workspace, partial in
                    try sum(grid[index], workspace, partial)
                },
                consume: { index, partial in
                    for place in totals.indices { totals[place] += partial.values[place] }
                    try check(totals, tensors[grid[index].tensor])
                })
            for row in 0..<rows {
                if needed == .norms {
                    products[row, row] = totals[row]
                } else {
                    for column in 0...row { products[row, column] = totals[row * (row + 1) / 2 + column] }
                }
            }
        }
        return UpdateEvidence(
            clients: order.updates.map(\.clientID), examples: order.updates.map(\.examples),
            losses: order.updates.map(\.loss), products: products)
    }

    private func sum(_ span: BlockGrid.Span, _ rows: UpdateRows, _ partial: PartialSums) throws {
        let tensor = tensors[span.tensor]
        for position in order.updates.indices {
            try rows.read(position, tensor, start: span.start, count: span.count, into: position)
        }
        if hasHistory { try readHistory(tensor, span, rows) }
        guard let pointers = rows.pointers.baseAddress else { return }
        partial.values.withUnsafeMutableBufferPointer { values in
            guard let target = values.baseAddress else { return }
            if needed == .products {
                ck_gram_f32(pointers, rows.pointers.count, span.count, target)
            } else {
                ck_squares_f32(pointers, rows.pointers.count, span.count, target)
            }
        }
    }

    private func readHistory(_ tensor: Int, _ span: BlockGrid.Span, _ rows: UpdateRows) throws {
        let name = AuxiliaryKind.centre.name(global.schema.tensors[tensor].name)
        guard let place = global.schema.index(of: name), global.schema.tensors[place].dtype == .f32 else {
            throw AggregationError(.missingTensor, "the F32 tensor '\(name)' is missing from the global weights")
        }
        let row = UnsafeMutableRawBufferPointer(rows.row(order.updates.count, count: span.count))
        try global.readBlock(tensor: place, byteOffset: span.start * 4, into: row)
    }

    /// A sum of squares that is not finite comes from a value that is not: squares of Float32 do not overflow.
    private func check(_ totals: [Double], _ tensor: Int) throws {
        for position in order.updates.indices {
            let square = needed == .products ? totals[position * (position + 1) / 2 + position] : totals[position]
            if !square.isFinite { throw order.notFinite(position, tensor: global.schema.tensors[tensor].name) }
        }
    }
}

/// How many elements of a tensor are worked on at once.
enum BlockSize {
    /// The bytes of all rows of a block: they stay in a core's second-level cache.
    private static let bytes = 512 << 10

    /// For some rows of Float32 that are needed together.
    static func elements(rows: Int, atMost limit: Int = 32 << 10) -> Int {
        min(limit, max(256, bytes / 4 / max(1, rows) / 64 * 64))
    }
}
