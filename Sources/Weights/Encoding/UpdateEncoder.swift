/// Writes an update in its encoded form, block by block: memory does not depend on the model.
///
/// The update, and with error feedback the residual of the rounds before, are read several times and in any order; they
/// must not change meanwhile. Used from one thread.
public final class UpdateEncoder {
    /// Fills a buffer with bytes of one tensor: its position in the schema, the first byte, the buffer.
    public typealias Read = (_ tensor: Int, _ byteOffset: Int, _ buffer: UnsafeMutableRawBufferPointer) throws -> Void

    /// The most elements that are in memory at once; no block of ``BlockQuantization`` may be larger.
    public static let chunk = 1 << 16

    private let schema: EncodedSchema
    private let update: Read
    private let residual: Read?
    private let values = UnsafeMutableBufferPointer<Float>.allocate(capacity: UpdateEncoder.chunk)
    private let others = UnsafeMutableBufferPointer<Float>.allocate(capacity: UpdateEncoder.chunk)
    private let output = UnsafeMutableRawBufferPointer.allocate(byteCount: UpdateEncoder.chunk * 8, alignment: 64)
    private var selections: [Int: SparseSelection] = [:]

    /// An encoder of one update.
    ///
    /// - Parameters:
    ///   - schema: its form.
    ///   - residual: reads what was left out so far, by positions in ``EncodedSchema/residual``; nil for nothing.
    ///   - update: reads the update, by positions in ``EncodedSchema/plain``.
    public init(_ schema: EncodedSchema, residual: Read? = nil, update: @escaping Read) {
        self.schema = schema
        self.update = update
        self.residual = residual
        values.initialize(repeating: 0)
        others.initialize(repeating: 0)
    }

    deinit {
        values.deallocate()
        others.deallocate()
        output.deallocate()
    }

    /// Writes the encoded update as a canonical safetensors file.
    ///
    /// - Parameter sink: takes the bytes in order; the pointer is valid during the call only.
    /// - Throws: ``WeightsError`` `notFinite` naming a tensor with NaN or infinity; what reading and `sink` throw.
    public func write(to sink: (UnsafeRawBufferPointer) throws -> Void) throws {
        try Safetensors.canonicalHeader(schema.encoded).withUnsafeBytes { try sink($0) }
        try writeData(to: sink)
    }

    /// Writes what the encoded update leaves out, a canonical safetensors file of ``EncodedSchema/residual``.
    ///
    /// - Throws: as ``write(to:)``.
    public func writeResidual(to sink: (UnsafeRawBufferPointer) throws -> Void) throws {
        try Safetensors.canonicalHeader(schema.residual).withUnsafeBytes { try sink($0) }
        try writeResidualData(to: sink)
    }

    /// The encoded update in memory.
    public func encoded() throws -> Weights { try Self.weights(schema.encoded, writeData) }

    /// What it leaves out, in memory.
    public func leftOut() throws -> Weights { try Self.weights(schema.residual, writeResidualData) }

    private static func weights(
        _ schema: WeightsSchema, _ write: ((UnsafeRawBufferPointer) throws -> Void) throws -> Void
    ) throws -> Weights {
        try Weights(
            schema: schema,
            initializingWith: { target in
                var position = 0
                try write { bytes in
                    UnsafeMutableRawBufferPointer(rebasing: target[position..<(position + bytes.count)])
                        .copyMemory(from: bytes)
                    position += bytes.count
                }
            })
    }

    // MARK: Tensors

    private func writeData(to sink: (UnsafeRawBufferPointer) throws -> Void) throws {
        for part in schema.parts {
            let tensor = part.tensor
            switch (part.role, schema.forms[tensor]) {
            case (.whole, .half(let dtype)):
                try forEachBlock(of: tensor) { block in
                    Self.store(block, as: dtype, into: output)
                    try sink(written(block.count * dtype.byteWidth))
                }
            case (.scale, .blocks(let size)):
                try forEachBlock(of: tensor) { block in
                    let scales = output.assumingMemoryBound(to: Float.self)
                    var count = 0
                    Self.forEachPiece(block, of: size) { piece, _ in
                        scales[count] = BlockQuantization.scale(piece)
                        count += 1
                    }
                    try sink(written(count * 4))
                }
            case (.code, .blocks(let size)):
                try forEachBlock(of: tensor) { block in
                    encode(block, of: size) { _, _, _ in }
                    try sink(written(block.count))
                }
            case (.value, .sparse), (.index, .sparse):
                var walk = SparseSelection.Walk(try selection(tensor))
                var place: UInt32 = 0
                try forEachBlock(of: tensor) { block in
                    let words = output.assumingMemoryBound(to: UInt32.self)
                    var count = 0
                    for value in block {
                        if walk.keeps(value) {
                            words[count] = (part.role == .value ? value.bitPattern : place).littleEndian
                            count += 1
                        }
                        place &+= 1
                    }
                    try sink(written(count * 4))
                }
            default: try copy(tensor, to: sink)
            }
        }
    }

    private func writeResidualData(to sink: (UnsafeRawBufferPointer) throws -> Void) throws {
        for spec in schema.residual.tensors {
            guard let tensor = schema.plain.index(of: spec.name) else { continue }
            let form = schema.forms[tensor]
            var walk: SparseSelection.Walk?
            if case .sparse = form { walk = SparseSelection.Walk(try selection(tensor)) }
            try forEachBlock(of: tensor) { block in
                let decoded = UnsafeMutableBufferPointer(rebasing: others[..<block.count])
                switch form {
                case .plain: _ = decoded.update(fromContentsOf: block)
                case .half(let dtype):
                    Self.store(block, as: dtype, into: output)
                    FloatConversion.floats(from: UnsafeRawBufferPointer(output), as: dtype, into: decoded)
                case .blocks(let size):
                    encode(block, of: size) { codes, scale, start in
                        BlockQuantization.decode(
                            codes, scale: scale,
                            into: UnsafeMutableBufferPointer(rebasing: decoded[start..<(start + codes.count)]))
                    }
                case .sparse:
                    for index in 0..<block.count {
                        decoded[index] = walk?.keeps(block[index]) == true ? block[index] : 0
                    }
                }
                for index in 0..<block.count { decoded[index] = block[index] - decoded[index] }
                try sink(UnsafeRawBufferPointer(decoded))
            }
        }
    }

    /// The bytes of a tensor that stays as it is.
    private func copy(_ tensor: Int, to sink: (UnsafeRawBufferPointer) throws -> Void) throws {
        let spec = schema.plain.tensors[tensor]
        var position = 0
        while position < spec.byteCount {
            let count = min(output.count, spec.byteCount - position)
            try update(tensor, position, UnsafeMutableRawBufferPointer(rebasing: output[..<count]))
            let bytes = written(count)
            if spec.dtype.isFloat, !FloatKernels.allFinite(bytes, as: spec.dtype) { throw Self.notFinite(spec) }
            try sink(bytes)
            position += count
        }
    }

    private func selection(_ tensor: Int) throws -> SparseSelection {
        if let known = selections[tensor] { return known }
        guard case .sparse(let count) = schema.forms[tensor] else {
            throw WeightsError(.unsuitableDType, "tensor \(quoted(schema.plain.tensors[tensor].name)) is not sparse")
        }
        let selection = try SparseSelection(count: count) { use in try forEachBlock(of: tensor) { use($0) } }
        selections[tensor] = selection
        return selection
    }

    // MARK: Blocks

    /// All elements of a tensor with what was left out before, in whole blocks of the encoding.
    private func forEachBlock(of tensor: Int, _ body: (UnsafeBufferPointer<Float>) throws -> Void) throws {
        let spec = schema.plain.tensors[tensor]
        let step = if case .blocks(let size) = schema.forms[tensor] { Self.chunk / size * size } else { Self.chunk }
        let remembered = residual == nil ? nil : schema.residual.index(of: spec.name)
        var start = 0
        while start < spec.elementCount {
            let count = min(step, spec.elementCount - start)
            let block = UnsafeMutableBufferPointer(rebasing: values[..<count])
            try update(tensor, start * 4, UnsafeMutableRawBufferPointer(block))
            if let remembered {
                let before = UnsafeMutableBufferPointer(rebasing: others[..<count])
                try residual?(remembered, start * 4, UnsafeMutableRawBufferPointer(before))
                for index in 0..<count { block[index] += before[index] }
            }
            guard FloatKernels.allFinite(UnsafeRawBufferPointer(block), as: .f32) else { throw Self.notFinite(spec) }
            try body(UnsafeBufferPointer(block))
            start += count
        }
    }

    private static func forEachPiece(
        _ block: UnsafeBufferPointer<Float>, of size: Int, _ body: (UnsafeBufferPointer<Float>, _ start: Int) -> Void
    ) {
        var start = 0
        while start < block.count {
            let end = min(start + size, block.count)
            body(UnsafeBufferPointer(rebasing: block[start..<end]), start)
            start = end
        }
    }

    /// Fills the output with the bytes of blocks.
    private func encode(
        _ block: UnsafeBufferPointer<Float>, of size: Int,
        _ body: (_ codes: UnsafeBufferPointer<UInt8>, _ scale: Float, _ start: Int) -> Void
    ) {
        let bytes = output.assumingMemoryBound(to: UInt8.self)
        Self.forEachPiece(block, of: size) { piece, start in
            let codes = UnsafeMutableBufferPointer(rebasing: bytes[start..<(start + piece.count)])
            let scale = BlockQuantization.scale(piece)
            BlockQuantization.encode(piece, scale: scale, into: codes)
            body(UnsafeBufferPointer(codes), scale, start)
        }
    }

    /// 16-bit floats; what would become infinite becomes the largest finite number.
    private static func store(
        _ block: UnsafeBufferPointer<Float>, as dtype: DType, into output: UnsafeMutableRawBufferPointer
    ) {
        let words = output.assumingMemoryBound(to: UInt16.self)
        if dtype == .f16 {
            for index in 0..<block.count { words[index] = HalfPrecision.float16(min(max(block[index], -65504), 65504)) }
        } else {
            let largest = HalfPrecision.float(fromBFloat16: 0x7F7F)
            for index in 0..<block.count {
                words[index] = HalfPrecision.bfloat16(min(max(block[index], -largest), largest))
            }
        }
    }

    private func written(_ count: Int) -> UnsafeRawBufferPointer {
        UnsafeRawBufferPointer(rebasing: output[..<count])
    }

    private static func notFinite(_ spec: TensorSpec) -> WeightsError {
        WeightsError(.notFinite, "tensor \(quoted(spec.name)) holds values that are not finite")
    }
}
