internal import Aggregation
internal import Durability
internal import Synchronization
internal import Weights

/// Weights that wait for their use, in memory up to a budget and beyond it in one file.
///
/// Results of a round and states of clients wait here: how many there are is the job's matter, how much memory they take
/// is not. The file loses its name as soon as it is open, so that nothing of it is left however the process ends; the
/// space of what was released is used again, so it grows to the most that ever waited at once. The bytes that come
/// back are those that went in, wherever they were. May be used from several threads.
final class WeightsStore: Sendable {
    fileprivate enum Place: Sendable {
        case memory(Weights)
        case file(any OpenFile, offset: Int64)
    }

    private struct State {
        var resident = 0
        var spilled = 0
        var end: Int64 = 0
        var free: [Int: [Int64]] = [:]
        var file: (any OpenFile)?
    }

    private let path: String
    private let budget: Int
    private let state = Mutex(State())

    /// A store without weights.
    ///
    /// - Parameters:
    ///   - path: where the file is made when the first weights do not fit; its folder must exist.
    ///   - budget: the bytes of tensors that may be in memory.
    init(path: String, budget: Int) {
        self.path = path
        self.budget = max(0, budget)
    }

    /// The bytes of tensors that are in memory.
    var residentBytes: Int { state.withLock { $0.resident } }

    /// How many weights went to the file so far.
    var spilledCount: Int { state.withLock { $0.spilled } }

    /// The size to which the file has grown.
    var fileBytes: Int64 { state.withLock { $0.end } }

    /// Keeps weights as long as the result lives.
    ///
    /// - Throws: `DurabilityError` when the file cannot be made or written.
    func keep(_ weights: Weights) throws -> KeptWeights {
        let size = weights.schema.byteCount
        let place = try state.withLock { state throws -> Place in
            if size <= budget - state.resident {
                state.resident += size
                return .memory(weights)
            }
            let file = try state.file ?? open()
            state.file = file
            state.spilled += 1
            if let offset = state.free[size]?.popLast() { return .file(file, offset: offset) }
            defer { state.end += Int64(size) }
            return .file(file, offset: state.end)
        }
        // Made before the bytes are written: if that fails, its end gives the space back.
        let kept = KeptWeights(schema: weights.schema, place: place, store: self)
        if case .file(let file, let offset) = place {
            try weights.withUnsafeBytes { try file.write($0, at: offset) }
        }
        return kept
    }

    private func open() throws -> any OpenFile {
        let files = PosixFileSystem()
        let file = try files.open(path, .replace, permissions: 0o600)
        try files.remove(path)
        return file
    }

    fileprivate func release(_ place: Place, size: Int) {
        state.withLock { state in
            switch place {
            case .memory: state.resident -= size
            case .file(_, let offset): state.free[size, default: []].append(offset)
            }
        }
    }
}

/// Weights in a ``WeightsStore``; their place is free again when the last reference ends.
final class KeptWeights: TensorBlocks, Sendable {
    let schema: WeightsSchema
    private let place: WeightsStore.Place
    private let store: WeightsStore

    fileprivate init(schema: WeightsSchema, place: WeightsStore.Place, store: WeightsStore) {
        self.schema = schema
        self.place = place
        self.store = store
    }

    deinit {
        store.release(place, size: schema.byteCount)
    }

    /// Reads bytes of one tensor.
    ///
    /// - Throws: `WeightsError` `outOfRange`; `DurabilityError` when the file cannot be read.
    func readBlock(tensor index: Int, byteOffset: Int, into buffer: UnsafeMutableRawBufferPointer) throws {
        switch place {
        case .memory(let weights):
            try weights.readBlock(tensor: index, byteOffset: byteOffset, into: buffer)
        case .file(let file, let offset):
            let range = schema.byteRange(at: index)
            guard byteOffset >= 0, byteOffset <= range.count, buffer.count <= range.count - byteOffset else {
                throw WeightsError(
                    .outOfRange,
                    "bytes \(byteOffset) to \(byteOffset) + \(buffer.count) of tensor '\(schema.tensors[index].name)', "
                        + "which has \(range.count)")
            }
            try Self.fill(buffer, from: file, at: offset + Int64(range.lowerBound + byteOffset))
        }
    }

    /// All tensors in memory.
    ///
    /// - Throws: `DurabilityError` when the file cannot be read.
    func weights() throws -> Weights {
        switch place {
        case .memory(let weights): weights
        case .file(let file, let offset):
            try Weights(schema: schema, initializingWith: { try Self.fill($0, from: file, at: offset) })
        }
    }

    private static func fill(
        _ buffer: UnsafeMutableRawBufferPointer, from file: any OpenFile, at offset: Int64
    ) throws {
        let count = try file.read(into: buffer, at: offset)
        guard count == buffer.count else {
            throw DurabilityError(
                .endOfFile, "\(file.path) ended after \(count) of \(buffer.count) bytes at offset \(offset)")
        }
    }
}
