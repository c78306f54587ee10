import Weights

/// The tensors of one shard, whichever format it has.
///
/// Safetensors are read tensor by tensor; an NPZ archive is unpacked whole.
struct ShardReader {
    private enum Source {
        case file(SafetensorsFile)
        case memory(Weights)
    }

    let path: String
    private let source: Source

    /// Opens a shard by its extension.
    ///
    /// - Parameter maximumBytes: the limit of values in Float32; twice as many are let through, for Float64.
    init(path: String, maximumBytes: Int) throws(DatasetError) {
        self.path = path
        guard BoundedFile.exists(path) else {
            throw DatasetError(.missing, "\(path): no such file")
        }
        let (doubled, overflow) = maximumBytes.multipliedReportingOverflow(by: 2)
        let limits = ReadLimits(headerBytes: 1 << 20, dataBytes: overflow ? Int.max : doubled, tensors: 256)
        do {
            if path.hasSuffix(".npz") {
                source = .memory(try NPZ.read(path: path, limits: limits))
            } else {
                source = .file(try SafetensorsFile(path: path, limits: limits))
            }
        } catch {
            throw DatasetError(.malformed, "\(path): not a usable shard", cause: error)
        }
    }

    /// Name, type and shape of a tensor.
    func spec(_ name: String) -> TensorSpec? {
        switch source {
        case .file(let file): file.schema[name]
        case .memory(let weights): weights.schema[name]
        }
    }

    /// Checks that a tensor is there with this shape.
    func expect(_ name: String, shape: [Int], isFloat: Bool) throws(DatasetError) {
        guard let spec = spec(name) else {
            throw DatasetError(.mismatch, "\(path): no tensor '\(name)', expected one of shape \(shape)")
        }
        guard spec.shape == shape else {
            throw DatasetError(
                .mismatch, "\(path): tensor '\(name)' has shape \(spec.shape), expected \(shape) as the manifest says")
        }
        let isSuitable = isFloat ? spec.dtype.isFloat : spec.dtype == .i64 || spec.dtype == .u8
        guard isSuitable else {
            throw DatasetError(
                .mismatch,
                "\(path): tensor '\(name)' is \(spec.dtype.rawValue), expected "
                    + (isFloat ? "F32, F64, F16 or BF16" : "I64 or U8"))
        }
    }

    /// The elements of a float tensor; every one is finite.
    func floats(_ name: String, rows: Int) throws(DatasetError) -> [Float] {
        let values: [Float]
        do {
            values = try tensor(name).floats(name)
        } catch {
            throw DatasetError(.inputOutput, "\(path): tensor '\(name)' cannot be read", cause: error)
        }
        if let index = values.firstIndex(where: { !$0.isFinite }) {
            throw DatasetError(
                .malformed,
                "\(path): tensor '\(name)' row \(rows > 0 ? index / (values.count / rows) : 0) holds \(values[index]), expected "
                    + "finite numbers")
        }
        return values
    }

    /// The elements of an integer tensor; every one lies in `range`.
    ///
    /// - Parameter columns: the elements of a row.
    func integers(_ name: String, in range: ClosedRange<Int>, columns: Int = 1) throws(DatasetError) -> [Int] {
        let values: [Int]
        do {
            let weights = try tensor(name)
            if weights.schema[name]?.dtype == .u8 {
                values = try weights.withUnsafeBytes(of: name) { $0.map { Int($0) } }
            } else {
                values = try weights.integers(name).map { Int($0) }
            }
        } catch {
            throw DatasetError(.inputOutput, "\(path): tensor '\(name)' cannot be read", cause: error)
        }
        if let index = values.firstIndex(where: { !range.contains($0) }) {
            throw DatasetError(
                .malformed,
                "\(path): tensor '\(name)' row \(index / columns) is \(values[index]), expected "
                    + "\(range.lowerBound)...\(range.upperBound)")
        }
        return values
    }

    /// The elements of a tensor of 0 and 1, whichever type it has.
    func flags(_ name: String, rows: Int, columns: Int) throws(DatasetError) -> [Float] {
        guard spec(name)?.dtype.isFloat == true else {
            return try integers(name, in: 0...1, columns: columns).map { Float($0) }
        }
        let values = try floats(name, rows: rows)
        if let index = values.firstIndex(where: { $0 != 0 && $0 != 1 }) {
            throw DatasetError(
                .malformed, "\(path): tensor '\(name)' row \(index / columns) holds \(values[index]), expected 0 or 1")
        }
        return values
    }

    /// Weights that hold at least this tensor.
    private func tensor(_ name: String) throws -> Weights {
        switch source {
        case .memory(let weights): return weights
        case .file(let file):
            guard let spec = file.schema[name] else {
                throw DatasetError(.mismatch, "\(path): no tensor '\(name)'")
            }
            return try Weights(
                schema: WeightsSchema([spec]),
                initializingWith: { buffer in
                    try file.read(name, byteOffset: 0, into: buffer)
                })
        }
    }
}
