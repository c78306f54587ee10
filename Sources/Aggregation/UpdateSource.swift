public import Weights

/// Tensors that can be read in blocks, wherever they lie.
public protocol TensorBlocks: Sendable {
    /// Names, dtypes and shapes.
    var schema: WeightsSchema { get }

    /// Fills a buffer with bytes of one tensor.
    ///
    /// - Parameters:
    ///   - index: the tensor's position in ``schema``.
    ///   - byteOffset: the first byte, counted from the start of the tensor.
    ///   - buffer: takes exactly its size.
    func readBlock(tensor index: Int, byteOffset: Int, into buffer: UnsafeMutableRawBufferPointer) throws

    /// Says that bytes will be read soon, so that a disk can begin; the range may go beyond the tensor. Never fails and
    /// may do nothing.
    func prefetch(tensor index: Int, byteOffset: Int, count: Int)
}

extension TensorBlocks {
    /// Does nothing: what lies in memory is there.
    public func prefetch(tensor index: Int, byteOffset: Int, count: Int) {}
}

/// What one client sent for a round: local minus global for float tensors, values for the others.
public protocol UpdateSource: TensorBlocks {
    /// The client. Updates are folded in the order of the UTF-8 bytes of these.
    var clientID: String { get }
    /// How many examples the client trained on, its weight in the mean; at least 1.
    var examples: Int { get }
    /// The mean loss over these examples that the client reported; nil when it reported none.
    var loss: Double? { get }
}

extension UpdateSource {
    /// None.
    public var loss: Double? { nil }
}

extension Weights: TensorBlocks {
    /// Copies bytes of one tensor.
    public func readBlock(tensor index: Int, byteOffset: Int, into buffer: UnsafeMutableRawBufferPointer) throws {
        let range = schema.byteRange(at: index)
        guard byteOffset >= 0, byteOffset <= range.count, buffer.count <= range.count - byteOffset else {
            throw WeightsError(
                .outOfRange,
                "bytes \(byteOffset) to \(byteOffset) + \(buffer.count) of tensor '\(schema.tensors[index].name)', "
                    + "which has \(range.count)"
            )
        }
        let start = range.lowerBound + byteOffset
        withUnsafeBytes {
            buffer.copyMemory(from: UnsafeRawBufferPointer(rebasing: $0[start..<(start + buffer.count)]))
        }
    }
}

extension SafetensorsFile: TensorBlocks {
    /// Reads bytes of one tensor with `pread`.
    public func readBlock(tensor index: Int, byteOffset: Int, into buffer: UnsafeMutableRawBufferPointer) throws {
        try read(schema.tensors[index].name, byteOffset: byteOffset, into: buffer)
    }

    /// Has the system read ahead.
    public func prefetch(tensor index: Int, byteOffset: Int, count: Int) {
        guard let range = range(of: schema.tensors[index].name) else { return }
        prefetch(offset: range.lowerBound + byteOffset, count: count)
    }
}

/// An update in memory, for virtual clients and tests.
public struct MemoryUpdateSource: UpdateSource {
    /// The client.
    public let clientID: String
    /// How many examples the client trained on.
    public let examples: Int
    /// The mean loss that it reported, if any.
    public let loss: Double?
    /// The update.
    public let update: Weights

    /// Names, dtypes and shapes of the update.
    public var schema: WeightsSchema { update.schema }

    /// An update of a client.
    public init(clientID: String, examples: Int, loss: Double? = nil, update: Weights) {
        self.clientID = clientID
        self.examples = examples
        self.loss = loss
        self.update = update
    }

    /// Copies bytes of one tensor.
    public func readBlock(tensor index: Int, byteOffset: Int, into buffer: UnsafeMutableRawBufferPointer) throws {
        try update.readBlock(tensor: index, byteOffset: byteOffset, into: buffer)
    }
}

/// An update in a safetensors file, read with `pread`; its descriptor stays open as long as the value lives.
public struct FileUpdateSource: UpdateSource {
    /// The client.
    public let clientID: String
    /// How many examples the client trained on.
    public let examples: Int

    private let file: SafetensorsFile

    /// Names, dtypes and shapes of the update.
    public var schema: WeightsSchema { file.schema }

    /// Opens a file and checks its header.
    ///
    /// - Parameters:
    ///   - path: the file.
    ///   - clientID: the client.
    ///   - examples: how many examples the client trained on.
    ///   - expected: the schema that the update must have, ``WeightsSchema/updateSchema()`` of the job's.
    /// - Throws: ``AggregationError``: `invalidHeader` with the rule of the format as cause, or how the schema differs.
    public init(path: String, clientID: String, examples: Int, expected: WeightsSchema) throws {
        self.clientID = clientID
        self.examples = examples
        do {
            file = try SafetensorsFile(
                path: path,
                limits: ReadLimits(
                    headerBytes: UpdateInspector.headerLimit(expected),
                    dataBytes: expected.byteCount,
                    tensors: expected.tensors.count
                )
            )
        } catch {
            throw AggregationError(.invalidHeader, "the update of client '\(clientID)' cannot be used", cause: error)
        }
        try SchemaCheck.require(file.schema, equals: expected)
    }

    /// Reads bytes of one tensor with `pread`.
    public func readBlock(tensor index: Int, byteOffset: Int, into buffer: UnsafeMutableRawBufferPointer) throws {
        try file.readBlock(tensor: index, byteOffset: byteOffset, into: buffer)
    }

    /// Has the system read ahead.
    public func prefetch(tensor index: Int, byteOffset: Int, count: Int) {
        file.prefetch(tensor: index, byteOffset: byteOffset, count: count)
    }
}
