/// NumPy's archive of arrays: a zip file of npy members.
///
/// Reading takes npy versions 1 to 3, both element orders, both byte orders, members stored or deflated, and zip64. A
/// member `NAME.npy` is the tensor `NAME`. Supported element types are f2, f4, f8, i8, u1 and b1.
public enum NPZ {
    /// Reads a file. Sizes are checked against the limits and against each other before memory is taken, and a member
    /// is never decompressed beyond its declared size.
    ///
    /// - Parameters:
    ///   - path: the file.
    ///   - limits: what is accepted; `headerBytes` bounds the archive's directory.
    /// - Throws: ``WeightsError``; the message starts with the path and the member.
    public static func read(path: String, limits: ReadLimits = .defaults) throws -> Weights {
        do {
            let file = try RawFile(reading: path)
            let archive = try ZipArchive(file, limits: limits)
            var arrays: [String: (member: ZipArchive.Member, header: NPYHeader)] = [:]
            var specs: [TensorSpec] = []
            var total = 0
            for member in archive.members {
                let (spec, header) = try describing(member.name) { try describe(member, file, limits) }
                total += spec.byteCount
                guard total <= limits.dataBytes else {
                    throw WeightsError(
                        .tooLarge,
                        "the arrays up to \(quoted(spec.name)) have \(total) bytes, at most \(limits.dataBytes) are accepted"
                    )
                }
                specs.append(spec)
                arrays[spec.name] = (member, header)
            }
            var weights = Weights(zeros: try WeightsSchema(specs))
            for spec in weights.schema.tensors {
                guard let (member, header) = arrays[spec.name] else { continue }
                try describing(member.name) {
                    try weights.withUnsafeMutableBytes(of: spec.name) { target in
                        try load(spec, header, try ZipMemberReader(file, member), into: target)
                    }
                }
            }
            return weights
        } catch let error as WeightsError {
            throw error.within(path)
        }
    }

    private static func describing<R>(_ member: String, _ body: () throws -> R) throws -> R {
        do {
            return try body()
        } catch let error as WeightsError {
            throw error.within("member \(quoted(member))")
        }
    }

    /// Reads the header of a member and checks it against the declared size.
    private static func describe(
        _ member: ZipArchive.Member,
        _ file: RawFile,
        _ limits: ReadLimits
    ) throws -> (TensorSpec, NPYHeader) {
        guard member.name.hasSuffix(".npy") else {
            throw WeightsError(.invalidArray, "the name does not end in .npy")
        }
        let reader = try ZipMemberReader(file, member)
        let prefix = try reader.read(min(NPYHeader.prefixBytes, member.size))
        let length = try NPYHeader.length(prefix)
        guard length >= prefix.count, length <= member.size else {
            throw WeightsError(.invalidArray, "the npy header has \(length) bytes, the member \(member.size)")
        }
        let header = try NPYHeader(parsing: prefix + reader.read(length - prefix.count))
        let spec = try TensorSpec(name: String(member.name.dropLast(4)), dtype: header.dtype, shape: header.shape)
        guard spec.byteCount == member.size - length else {
            throw WeightsError(
                .memberSizeMismatch,
                "shape \(spec.shape) of \(spec.dtype.rawValue) needs \(spec.byteCount) bytes, "
                    + "the archive declares \(member.size - length)"
            )
        }
        guard spec.byteCount <= limits.dataBytes else {
            throw WeightsError(.tooLarge, "\(spec.byteCount) bytes, at most \(limits.dataBytes) are accepted")
        }
        return (spec, header)
    }

    private static func load(
        _ spec: TensorSpec,
        _ header: NPYHeader,
        _ reader: ZipMemberReader,
        into target: UnsafeMutableRawBufferPointer
    ) throws {
        _ = try reader.read(header.length)
        try reader.read(into: target)
        try reader.finish()
        let width = spec.dtype.byteWidth
        if header.isBigEndian {
            for start in stride(from: 0, to: target.count, by: width) {
                for byte in 0..<(width / 2) { target.swapAt(start + byte, start + width - 1 - byte) }
            }
        }
        if header.isFortranOrder && spec.shape.count > 1 && spec.elementCount > 0 {
            transpose(target, spec.shape, width)
        }
    }

    /// Fortran to C order: an odometer walks the elements in C order while the source position follows by strides.
    private static func transpose(_ target: UnsafeMutableRawBufferPointer, _ shape: [Int], _ width: Int) {
        let source = Array(target)
        var strides = [Int](repeating: width, count: shape.count)
        for axis in 1..<shape.count { strides[axis] = strides[axis - 1] * shape[axis - 1] }
        var index = [Int](repeating: 0, count: shape.count)
        var position = 0
        source.withUnsafeBytes { source in
            for destination in stride(from: 0, to: target.count, by: width) {
                for byte in 0..<width { target[destination + byte] = source[position + byte] }
                var axis = shape.count - 1
                while axis >= 0 {
                    index[axis] += 1
                    position += strides[axis]
                    if index[axis] < shape[axis] { break }
                    position -= strides[axis] * shape[axis]
                    index[axis] = 0
                    axis -= 1
                }
            }
        }
    }

    /// Writes a file that `numpy.load` reads, replacing one of that name. When it fails the file is removed. The bytes
    /// depend on the weights only (and, compressed, on the version of zlib).
    ///
    /// NumPy has no bfloat16: bf16 tensors are widened to float32, which is exact.
    ///
    /// - Parameters:
    ///   - weights: what to write.
    ///   - path: the file. It is not synchronised.
    ///   - compress: deflate the members; otherwise they are stored.
    /// - Throws: ``WeightsError``: `invalidName` for a name over 65,000 bytes, `inputOutput`.
    public static func write(_ weights: Weights, to path: String, compress: Bool = false) throws {
        try RawFile.writing(path) { file in
            var writer = ZipWriter(file)
            for tensor in weights.tensors {
                let spec = tensor.spec
                let header = NPYHeader.encode(spec.dtype, spec.shape)
                try tensor.withUnsafeBytes { bytes in
                    if spec.dtype == .bf16 {
                        // Four bytes for two: one tensor at a time is in memory twice.
                        let values = try tensor.floats()
                        try values.withUnsafeBytes { try writer.add(spec.name + ".npy", header, $0, compress) }
                    } else {
                        try writer.add(spec.name + ".npy", header, bytes, compress)
                    }
                }
            }
            file = try writer.finish()
        }
    }
}
