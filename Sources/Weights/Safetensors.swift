import Crypto

/// Writing the safetensors format, and its canonical form that names weights by one hash.
///
/// A file is 8 bytes of header length (little-endian), a JSON object `name → {data_offsets, dtype, shape}` padded with
/// spaces, and the tensors' bytes without gaps.
///
/// **Canonical form**: tensors in the order of ``WeightsSchema``; the JSON without white space, its keys (outer and
/// inner) sorted by their UTF-8 bytes, escaping only `"`, `\` and control characters; padded with spaces so that the
/// data section starts at a multiple of 8; no `__metadata__`. In Python the text is
/// `json.dumps(header, sort_keys=True, separators=(",", ":"), ensure_ascii=False)`.
public enum Safetensors {
    /// The canonical header of a schema: 8 bytes of length and the padded JSON.
    public static func canonicalHeader(_ schema: WeightsSchema) -> [UInt8] {
        framed(SafetensorsHeader.canonicalText(schema.tensors, schema.byteOffsets))
    }

    /// The size in bytes of the canonical form of weights of a schema.
    public static func canonicalSize(_ schema: WeightsSchema) -> Int {
        canonicalHeader(schema).count + schema.byteCount
    }

    /// The bytes of a file; without metadata, the canonical form.
    public static func encode(_ weights: Weights, metadata: [String: String] = [:]) -> [UInt8] {
        let header = header(weights.schema, metadata)
        return weights.withUnsafeBytes { data in
            [UInt8](unsafeUninitializedCapacity: header.count + data.count) { buffer, initialized in
                let target = UnsafeMutableRawBufferPointer(buffer)
                target.copyBytes(from: header)
                UnsafeMutableRawBufferPointer(rebasing: target[header.count...]).copyMemory(from: data)
                initialized = header.count + data.count
            }
        }
    }

    /// Tensors from the bytes of a file, in any order.
    ///
    /// - Throws: ``WeightsError``, a code for each rule of the format that is broken.
    public static func decode(_ bytes: [UInt8], limits: ReadLimits = .defaults) throws -> Weights {
        try bytes.withUnsafeBytes { try decode($0, limits: limits) }
    }

    /// Tensors from the bytes of a file, in any order.
    ///
    /// - Throws: ``WeightsError``, a code for each rule of the format that is broken.
    public static func decode(_ bytes: UnsafeRawBufferPointer, limits: ReadLimits = .defaults) throws -> Weights {
        let length = try SafetensorsHeader.length(bytes, limit: limits.headerBytes)
        guard length <= bytes.count - 8 else {
            throw WeightsError(.headerBeyondEnd, "the header needs \(length) bytes, \(bytes.count - 8) follow")
        }
        let header = try SafetensorsHeader(
            parsing: UnsafeRawBufferPointer(rebasing: bytes[8..<(8 + length)]),
            limits: limits
        )
        try header.checkFileSize(bytes.count)
        let data = UnsafeRawBufferPointer(rebasing: bytes[header.dataOffset...])
        return try Weights(
            schema: header.schema,
            initializingWith: { target in
                try header.forEachCanonicalRange { source, offset in
                    UnsafeMutableRawBufferPointer(rebasing: target[offset..<(offset + source.count)])
                        .copyMemory(from: UnsafeRawBufferPointer(rebasing: data[source]))
                }
            })
    }

    /// Writes a file in pieces: the header, then the data in blocks of at most `block` bytes.
    ///
    /// - Parameters:
    ///   - weights: what to write.
    ///   - metadata: entries for `__metadata__`; without any the bytes are the canonical form.
    ///   - block: the largest piece in bytes.
    ///   - sink: takes the pieces in order; what it throws ends the writing.
    public static func write(
        _ weights: Weights,
        metadata: [String: String] = [:],
        block: Int = 1 << 20,
        sink: (UnsafeRawBufferPointer) throws -> Void
    ) throws {
        try header(weights.schema, metadata).withUnsafeBytes { try sink($0) }
        try weights.withUnsafeBytes { data in
            var position = 0
            while position < data.count {
                let end = min(position + max(block, 1), data.count)
                try sink(UnsafeRawBufferPointer(rebasing: data[position..<end]))
                position = end
            }
        }
    }

    /// Writes a file, replacing one of that name. When it fails the file is removed. It is not synchronised: a caller
    /// that needs durability writes through a sink.
    public static func write(_ weights: Weights, metadata: [String: String] = [:], to path: String) throws {
        try RawFile.writing(path) { file in
            try write(weights, metadata: metadata) { try file.append($0) }
        }
    }

    static func header(_ schema: WeightsSchema, _ metadata: [String: String]) -> [UInt8] {
        framed(SafetensorsHeader.canonicalText(schema.tensors, schema.byteOffsets, metadata: metadata))
    }

    private static func framed(_ text: [UInt8]) -> [UInt8] {
        let padding = (8 - text.count % 8) % 8
        let length = UInt64(text.count + padding).littleEndian
        return withUnsafeBytes(of: length) { Array($0) } + text + [UInt8](repeating: 0x20, count: padding)
    }
}

extension SafetensorsHeader {
    /// The JSON text of the canonical header, without padding. `metadata` is left out when empty.
    static func canonicalText(
        _ tensors: [TensorSpec],
        _ offsets: [Int],
        metadata: [String: String] = [:]
    ) -> [UInt8] {
        var entries: [(key: String, value: [UInt8])] = []
        entries.reserveCapacity(tensors.count + 1)
        for (spec, offset) in zip(tensors, offsets) {
            let shape = spec.shape.map(String.init).joined(separator: ",")
            let (begin, end) = (offset, offset + spec.byteCount)
            let value = #"{"data_offsets":[\#(begin),\#(end)],"dtype":"\#(spec.dtype.rawValue)","shape":[\#(shape)]}"#
            entries.append((spec.name, Array(value.utf8)))
        }
        if !metadata.isEmpty {
            let pairs = metadata.map { (key: $0.key, value: jsonString($0.value)) }
            entries.append(("__metadata__", object(pairs)))
        }
        return object(entries)
    }

    private static func jsonString(_ string: String) -> [UInt8] {
        var text: [UInt8] = []
        StrictJSON.append(string, to: &text)
        return text
    }

    private static func object(_ entries: [(key: String, value: [UInt8])]) -> [UInt8] {
        var text: [UInt8] = [0x7B]
        let sorted = entries.sorted { $0.key.utf8.lexicographicallyPrecedes($1.key.utf8) }
        for (index, entry) in sorted.enumerated() {
            if index > 0 { text.append(0x2C) }
            StrictJSON.append(entry.key, to: &text)
            text.append(0x3A)
            text.append(contentsOf: entry.value)
        }
        text.append(0x7D)
        return text
    }

    /// Each tensor's bytes in the data section and where they start in the canonical order.
    func forEachCanonicalRange(_ body: (_ source: Range<Int>, _ offset: Int) throws -> Void) throws {
        for entry in entries {
            guard let index = schema.index(of: entry.spec.name) else { continue }
            try body(entry.range, schema.byteOffsets[index])
        }
    }
}

extension Weights {
    /// SHA-256 of the canonical safetensors form, as 64 lowercase hexadecimal digits: the name of a blob.
    public func digest() -> String {
        var hash = SHA256()
        Safetensors.canonicalHeader(schema).withUnsafeBytes { hash.update(bufferPointer: $0) }
        withUnsafeBytes { hash.update(bufferPointer: $0) }
        return hexadecimal(hash.finalize())
    }
}
