/// Shows an encoded update as the tensors it stands for, in any blocks.
///
/// Reading is safe from several threads at once if reading the encoded bytes is. Memory is a block, and of sparse tensors
/// one number for each 4096 elements.
public final class UpdateDecoder: Sendable {
    /// Fills a buffer with bytes of one tensor of the file: its position in ``EncodedSchema/encoded``, the first byte, the
    /// buffer.
    public typealias Read =
        @Sendable (_ tensor: Int, _ byteOffset: Int, _ buffer: UnsafeMutableRawBufferPointer) throws -> Void

    private static let step = 4096

    private let schema: EncodedSchema
    private let read: Read
    /// For each sparse tensor how many of its places are before each multiple of ``step``.
    private let counts: [[Int]]

    /// A decoder. The places of sparse tensors are read once.
    ///
    /// - Throws: ``WeightsError`` `invalidIndex` when they are not ascending or beyond the tensor; what `read` throws.
    public init(_ schema: EncodedSchema, read: @escaping Read) throws {
        self.schema = schema
        self.read = read
        counts = try schema.forms.enumerated().map { tensor, form in
            guard case .sparse(let count) = form else { return [] }
            return try Self.counts(schema, tensor, count, read)
        }
    }

    /// Fills a buffer with bytes of one tensor of ``EncodedSchema/plain``.
    ///
    /// - Parameters:
    ///   - tensor: its position.
    ///   - byteOffset: the first byte; of an encoded tensor a multiple of 4, as the buffer's size.
    ///   - buffer: takes exactly its size; aligned to 4 bytes.
    /// - Throws: ``WeightsError`` `outOfRange`; what reading the encoded bytes throws.
    public func readBlock(tensor: Int, byteOffset: Int, into buffer: UnsafeMutableRawBufferPointer) throws {
        let spec = schema.plain.tensors[tensor]
        if schema.forms[tensor] == .plain { return try read(schema.main[tensor], byteOffset, buffer) }
        guard byteOffset >= 0, byteOffset <= spec.byteCount, buffer.count <= spec.byteCount - byteOffset,
            byteOffset % 4 == 0, buffer.count % 4 == 0
        else {
            throw WeightsError(
                .outOfRange,
                "bytes \(byteOffset) and \(buffer.count) more of tensor \(quoted(spec.name)), which has \(spec.byteCount)"
            )
        }
        if buffer.isEmpty { return }
        let target = buffer.assumingMemoryBound(to: Float.self)
        switch schema.forms[tensor] {
        case .plain: break
        case .half(let dtype): try half(tensor, dtype, byteOffset / 4, target)
        case .blocks(let size): try blocks(tensor, size, byteOffset / 4, target)
        case .sparse: try sparse(tensor, byteOffset / 4, target)
        }
    }

    /// All tensors in memory.
    public func weights() throws -> Weights {
        try Weights(
            schema: schema.plain,
            initializingWith: { target in
                for tensor in schema.plain.tensors.indices {
                    let range = schema.plain.byteRange(at: tensor)
                    try readBlock(
                        tensor: tensor, byteOffset: 0, into: UnsafeMutableRawBufferPointer(rebasing: target[range]))
                }
            })
    }

    // MARK: Forms

    private func half(_ tensor: Int, _ dtype: DType, _ start: Int, _ target: UnsafeMutableBufferPointer<Float>) throws {
        try Self.withScratch(target.count * dtype.byteWidth) { bytes in
            try read(schema.main[tensor], start * dtype.byteWidth, bytes)
            FloatConversion.floats(from: UnsafeRawBufferPointer(bytes), as: dtype, into: target)
        }
    }

    private func blocks(_ tensor: Int, _ size: Int, _ start: Int, _ target: UnsafeMutableBufferPointer<Float>) throws {
        guard let side = schema.side[tensor] else { return }
        let first = start / size
        let last = (start + target.count - 1) / size
        let scaleBytes = (last - first + 1) * 4
        try Self.withScratch(scaleBytes + target.count) { bytes in
            let scaleMemory = UnsafeMutableRawBufferPointer(rebasing: bytes[..<scaleBytes])
            let codeMemory = UnsafeMutableRawBufferPointer(rebasing: bytes[scaleBytes...])
            try read(side, first * 4, scaleMemory)
            try read(schema.main[tensor], start, codeMemory)
            let scales = scaleMemory.assumingMemoryBound(to: Float.self)
            let codes = UnsafeBufferPointer(codeMemory.assumingMemoryBound(to: UInt8.self))
            for block in first...last {
                let begin = max(block * size - start, 0)
                let end = min((block + 1) * size - start, target.count)
                BlockQuantization.decode(
                    UnsafeBufferPointer(rebasing: codes[begin..<end]), scale: scales[block - first],
                    into: UnsafeMutableBufferPointer(rebasing: target[begin..<end]))
            }
        }
    }

    private func sparse(_ tensor: Int, _ start: Int, _ target: UnsafeMutableBufferPointer<Float>) throws {
        guard let side = schema.side[tensor] else { return }
        target.update(repeating: 0)
        let counts = self.counts[tensor]
        let end = start + target.count
        var position = counts[start / Self.step]
        let stop = counts[min((end + Self.step - 1) / Self.step, counts.count - 1)]
        try Self.withScratch(8 * min(Self.step, max(1, stop - position))) { bytes in
            while position < stop {
                let count = min(bytes.count / 8, stop - position)
                let places = UnsafeMutableRawBufferPointer(rebasing: bytes[..<(count * 4)])
                let values = UnsafeMutableRawBufferPointer(rebasing: bytes[(count * 4)..<(count * 8)])
                try read(side, position * 4, places)
                try read(schema.main[tensor], position * 4, values)
                for index in 0..<count {
                    let place = Int(UInt32(littleEndian: places.load(fromByteOffset: index * 4, as: UInt32.self)))
                    guard place >= start, place < end else { continue }
                    target[place - start] = values.load(fromByteOffset: index * 4, as: Float.self)
                }
                position += count
            }
        }
    }

    private static func counts(_ schema: EncodedSchema, _ tensor: Int, _ count: Int, _ read: Read) throws -> [Int] {
        guard let side = schema.side[tensor] else { return [] }
        let spec = schema.plain.tensors[tensor]
        var counts = [0]
        counts.reserveCapacity(spec.elementCount / step + 2)
        var previous = -1
        var position = 0
        try withScratch(4 * step) { bytes in
            while position < count {
                let some = min(step, count - position)
                try read(side, position * 4, UnsafeMutableRawBufferPointer(rebasing: bytes[..<(some * 4)]))
                for index in 0..<some {
                    let place = Int(UInt32(littleEndian: bytes.load(fromByteOffset: index * 4, as: UInt32.self)))
                    guard place > previous, place < spec.elementCount else {
                        throw WeightsError(
                            .invalidIndex,
                            "tensor \(quoted(spec.name)) of \(spec.elementCount) elements: found the place \(place) after "
                                + "\(previous)")
                    }
                    while counts.count * step <= place { counts.append(position + index) }
                    previous = place
                }
                position += some
            }
        }
        while (counts.count - 1) * step < spec.elementCount { counts.append(count) }
        return counts
    }

    private static func withScratch<R>(
        _ count: Int, _ body: (UnsafeMutableRawBufferPointer) throws -> R
    ) rethrows -> R {
        let bytes = UnsafeMutableRawBufferPointer.allocate(byteCount: count, alignment: 64)
        defer { bytes.deallocate() }
        return try body(bytes)
    }
}
