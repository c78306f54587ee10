public import Aggregation
public import Privacy
public import Weights

/// The one update that a round with secure aggregation is folded from: the mean of the updates that arrived, in Float64,
/// made from masked words alone.
///
/// Every block is the sum of the clients' words modulo 2³², freed of the masks that are left in it, divided by the number of
/// updates: no single update exists anywhere, at no time. Sums modulo 2³² do not depend on any order. Memory is one block
/// for each thread that reads.
public struct SecureSum: UpdateSource {
    /// A name that no client has.
    public let clientID = "(secure sum)"
    /// One: there is no other update beside it.
    public let examples = 1
    /// The tensors of the updates; averaged ones as f64.
    public let schema: WeightsSchema

    private let updates: [any TensorBlocks]
    private let masks: [PairwiseMask]
    private let encoding: LatticeEncoding
    /// Where the words of each tensor are; nil for what is not averaged.
    private let places: [Int?]

    /// Prepares the sum.
    ///
    /// - Parameters:
    ///   - updates: the masked words of those on the list that was signed, at least one.
    ///   - masks: what ``SecureExchange/closeUnmasking()`` gave for this list.
    ///   - words: the container's schema, ``MaskedUpdate/schema(of:)``, which every update must have.
    ///   - schema: `updateSchema()` of the global weights.
    ///   - rules: of the global weights.
    /// - Throws: `AggregationError` saying how the schema of an update differs.
    public init(
        of updates: [any TensorBlocks], removing masks: [PairwiseMask], as encoding: LatticeEncoding,
        words: WeightsSchema, schema: WeightsSchema, rules: TensorRules
    ) throws {
        for update in updates {
            let difference = update.schema.difference(from: words)
            guard difference.isEmpty else {
                throw AggregationError(.unexpectedTensor, "a masked update: \(difference.joined(separator: "; "))")
            }
        }
        func place(_ spec: TensorSpec) -> Int? {
            rules.rule(for: spec) == .averaged ? words.index(of: spec.name) : nil
        }
        self.updates = updates
        self.masks = masks
        self.encoding = encoding
        // Wider elements may stand at another place: positions are those of the sum's own schema.
        let own = try WeightsSchema(
            schema.tensors.map { spec in
                try place(spec) == nil ? spec : TensorSpec(name: spec.name, dtype: .f64, shape: spec.shape)
            })
        self.schema = own
        places = own.tensors.map(place)
    }

    /// Computes some elements of one tensor.
    public func readBlock(tensor index: Int, byteOffset: Int, into buffer: UnsafeMutableRawBufferPointer) throws {
        let spec = schema.tensors[index]
        guard let place = places[index] else {
            throw AggregationError(
                .missingTensor, "the sum of a round does not hold tensor '\(spec.name)', which is not averaged")
        }
        let count = buffer.count / 8
        let start = byteOffset / 8
        let sums = UnsafeMutableBufferPointer<UInt32>.allocate(capacity: count)
        let words = UnsafeMutableBufferPointer<UInt32>.allocate(capacity: count)
        let values = UnsafeMutableBufferPointer<Double>.allocate(capacity: count)
        defer {
            sums.deallocate()
            words.deallocate()
            values.deallocate()
        }
        sums.initialize(repeating: 0)
        words.initialize(repeating: 0)
        values.initialize(repeating: 0)
        for update in updates {
            try update.readBlock(
                tensor: place, byteOffset: start * 4, into: UnsafeMutableRawBufferPointer(words))
            MaskedUpdate.add(UnsafeBufferPointer(words), to: sums)
        }
        MaskedUpdate.means(
            of: sums, removing: masks, tensor: place, start: start, as: encoding, updates: updates.count, into: values)
        buffer.copyMemory(from: UnsafeRawBufferPointer(values))
    }
}
