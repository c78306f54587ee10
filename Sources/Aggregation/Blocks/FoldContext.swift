import Weights

/// What every block of a fold is computed from.
struct FoldContext: Sendable {
    /// The weights that the clients started from.
    let global: any TensorBlocks
    /// The updates, in their fixed order.
    let order: UpdateOrder
    /// How they are combined.
    let combined: CombinedUpdates
    /// The largest block in elements.
    let elements: Int

    /// The report of the fold for clients with these weights.
    func report(_ weights: [Double]) -> AggregationReport {
        AggregationReport(
            contributions: zip(order.updates, weights).map { update, weight in
                .init(clientID: update.clientID, examples: update.examples, weight: weight)
            },
            examples: order.examples, leftOut: combined.leftOut)
    }

    /// Looks for the update whose block holds NaN or infinity: what a result that is not finite came from.
    ///
    /// - Returns: the error that names its client, or nil when every update is finite there.
    func culprit(_ tensor: Int, _ start: Int, _ count: Int) -> AggregationError? {
        let memory = BlockMemory(bytes: count * 8)
        for (position, update) in order.updates.enumerated() {
            let place = order.indices[position][tensor]
            let dtype = update.schema.tensors[place].dtype
            let bytes = UnsafeMutableRawBufferPointer(rebasing: memory.bytes[..<(count * dtype.byteWidth)])
            // A tensor that updates do not carry, or a failure to read again, is not the news here.
            guard (try? update.readBlock(tensor: place, byteOffset: start * dtype.byteWidth, into: bytes)) != nil
            else { continue }
            if !FloatKernels.allFinite(UnsafeRawBufferPointer(bytes), as: dtype) {
                return order.notFinite(position, tensor: global.schema.tensors[tensor].name)
            }
        }
        return nil
    }
}

extension UpdateOrder {
    /// The error for an update that holds NaN or infinity.
    func notFinite(_ position: Int, tensor: String) -> AggregationError {
        AggregationError(
            .notFinite, "tensor '\(tensor)' in the update of client '\(updates[position].clientID)' is not finite")
    }

    /// Reads bytes of one tensor of an update.
    ///
    /// - Throws: ``AggregationError`` `unreadable` that names the client.
    func read(_ position: Int, tensor place: Int, at offset: Int, into target: UnsafeMutableRawBufferPointer) throws {
        do {
            try updates[position].readBlock(tensor: place, byteOffset: offset, into: target)
        } catch {
            throw AggregationError(
                .unreadable, "the update of client '\(updates[position].clientID)' cannot be read", cause: error)
        }
    }
}
