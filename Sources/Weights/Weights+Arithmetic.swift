extension Weights {
    /// Adds `alpha` times another set of tensors: self ← self + alpha · other, in Float64, rounded once an element.
    ///
    /// `other` has the same names and shapes; its float types may differ. Nothing is changed when an error is thrown.
    ///
    /// - Throws: ``WeightsError``: `unsuitableDType` when any tensor is not of a float type, `schemaMismatch` when names
    ///   or shapes differ.
    public mutating func axpy(_ alpha: Double, _ other: Weights) throws {
        let pairs = try pairing(with: other)
        makeUnique()
        for (own, theirs) in pairs {
            combine(own, other, theirs) { $0 + alpha * $1 }
        }
    }

    /// Multiplies every element by `factor`, in Float64, rounded once an element.
    ///
    /// - Throws: ``WeightsError`` `unsuitableDType` when any tensor is not of a float type.
    public mutating func scale(by factor: Double) throws {
        for spec in schema.tensors { try FloatConversion.requireFloat(spec) }
        makeUnique()
        for index in schema.tensors.indices {
            combine(index, self, index) { own, _ in own * factor }
        }
    }

    /// self − other, in Float64, rounded once an element, with the schema of self.
    ///
    /// - Throws: like ``axpy(_:_:)``.
    public func difference(_ other: Weights) throws -> Weights {
        var result = self
        let pairs = try pairing(with: other)
        result.makeUnique()
        for (own, theirs) in pairs {
            result.combine(own, other, theirs) { $0 - $1 }
        }
        return result
    }

    /// The update that leads from `base` to self: float tensors are self − base as f32, the others self's values.
    ///
    /// - Throws: ``WeightsError`` `schemaMismatch` when the schemas differ.
    public func update(from base: Weights) throws -> Weights {
        try requireSameSchema(base)
        var result = Weights(zeros: try schema.updateSchema())
        for (index, spec) in schema.tensors.enumerated() {
            guard let target = result.schema.index(of: spec.name) else { continue }
            if spec.dtype.isFloat {
                result.write(target) { start, block in
                    self.read(index, start, block)
                    base.subtract(index, start, block)
                }
            } else {
                let source = UnsafeRawBufferPointer(rebasing: storage.bytes[schema.byteRange(at: index)])
                let range = result.schema.byteRange(at: target)
                UnsafeMutableRawBufferPointer(rebasing: result.storage.bytes[range]).copyMemory(from: source)
            }
        }
        return result
    }

    /// self with an update applied: float tensors are self + update, rounded once, the others the update's values.
    ///
    /// - Throws: ``WeightsError`` `schemaMismatch` when the update's schema is not ``WeightsSchema/updateSchema()``.
    public func applying(update: Weights) throws -> Weights {
        let expected = try schema.updateSchema()
        let differences = update.schema.difference(from: expected)
        guard differences.isEmpty else {
            throw WeightsError(.schemaMismatch, "the update does not fit: \(Self.list(differences))")
        }
        var result = self
        result.makeUnique()
        for (index, spec) in schema.tensors.enumerated() {
            guard let source = update.schema.index(of: spec.name) else { continue }
            if spec.dtype.isFloat {
                result.combine(index, update, source) { $0 + $1 }
            } else {
                let bytes = UnsafeRawBufferPointer(rebasing: update.storage.bytes[update.schema.byteRange(at: source)])
                UnsafeMutableRawBufferPointer(rebasing: result.storage.bytes[schema.byteRange(at: index)])
                    .copyMemory(from: bytes)
            }
        }
        return result
    }

    /// The L2 norm of all float elements, √Σx², in Float64. Other tensors do not count. NaN and infinities carry through.
    public var norm: Double {
        var sum = 0.0
        for (index, spec) in schema.tensors.enumerated() where spec.dtype.isFloat {
            sum += withTensorBytes(index) { FloatKernels.sumOfSquares($0, as: spec.dtype) }
        }
        return sum.squareRoot()
    }

    /// Whether no float element is NaN or infinite.
    public var allFinite: Bool {
        schema.tensors.indices.allSatisfy { index in
            withTensorBytes(index) { FloatKernels.allFinite($0, as: schema.tensors[index].dtype) }
        }
    }

    // MARK: Helpers

    static func list(_ sentences: [String]) -> String {
        sentences.prefix(5).joined(separator: "; ") + (sentences.count > 5 ? "; and \(sentences.count - 5) more" : "")
    }

    private func requireSameSchema(_ other: Weights) throws {
        let differences = other.schema.difference(from: schema)
        guard differences.isEmpty else {
            throw WeightsError(.schemaMismatch, "the tensors differ: \(Self.list(differences))")
        }
    }

    /// For each tensor of self the index of the same tensor of `other`.
    private func pairing(with other: Weights) throws -> [(own: Int, theirs: Int)] {
        for spec in schema.tensors { try FloatConversion.requireFloat(spec) }
        for spec in other.schema.tensors { try FloatConversion.requireFloat(spec) }
        let differences = other.schema.differences(from: schema).filter { $0.kind != .dtype }.map(\.description)
        guard differences.isEmpty else {
            throw WeightsError(.schemaMismatch, "the tensors differ: \(Self.list(differences))")
        }
        return schema.tensors.enumerated().compactMap { index, spec in
            other.schema.index(of: spec.name).map { (index, $0) }
        }
    }

    private func withTensorBytes<R>(_ index: Int, _ body: (UnsafeRawBufferPointer) -> R) -> R {
        withUnsafeBytes { body(UnsafeRawBufferPointer(rebasing: $0[schema.byteRange(at: index)])) }
    }

    /// own ← operation(own, theirs) for all elements of one float tensor. The storage must be unique.
    @inline(__always)
    private mutating func combine(
        _ index: Int,
        _ other: Weights,
        _ otherIndex: Int,
        _ operation: (Double, Double) -> Double
    ) {
        let spec = schema.tensors[index]
        let target = UnsafeMutableRawBufferPointer(rebasing: storage.bytes[schema.byteRange(at: index)])
        if spec.dtype == .f32 && other.schema.tensors[otherIndex].dtype == .f32 {
            // The usual case without scratch blocks. Raw pointers: the two may be the same memory.
            let source = UnsafeRawBufferPointer(rebasing: other.storage.bytes[other.schema.byteRange(at: otherIndex)])
            let (left, right) = (target.assumingMemoryBound(to: Float.self), source.assumingMemoryBound(to: Float.self))
            for element in 0..<spec.elementCount {
                left[element] = Float(operation(Double(left[element]), Double(right[element])))
            }
            withExtendedLifetime(other) {}
            return
        }
        withUnsafeTemporaryAllocation(of: Double.self, capacity: Self.block) { scratch in
            var start = 0
            while start < spec.elementCount {
                let count = min(Self.block, spec.elementCount - start)
                let theirs = UnsafeMutableBufferPointer(rebasing: scratch[..<count])
                other.read(otherIndex, start, theirs)
                withUnsafeTemporaryAllocation(of: Double.self, capacity: Self.block) { ownScratch in
                    let own = UnsafeMutableBufferPointer(rebasing: ownScratch[..<count])
                    read(index, start, own)
                    for element in 0..<count { own[element] = operation(own[element], theirs[element]) }
                    let width = spec.dtype.byteWidth
                    FloatConversion.store(
                        UnsafeBufferPointer(own),
                        as: spec.dtype,
                        into: UnsafeMutableRawBufferPointer(rebasing: target[(start * width)...])
                    )
                }
                start += count
            }
        }
    }

    private static var block: Int { 4096 }

    /// Elements of a float tensor from `start` on, as Float64.
    private func read(_ index: Int, _ start: Int, _ block: UnsafeMutableBufferPointer<Double>) {
        let dtype = schema.tensors[index].dtype
        withTensorBytes(index) { bytes in
            FloatConversion.doubles(
                from: UnsafeRawBufferPointer(rebasing: bytes[(start * dtype.byteWidth)...]),
                as: dtype,
                into: block
            )
        }
    }

    private func subtract(_ index: Int, _ start: Int, _ block: UnsafeMutableBufferPointer<Double>) {
        withUnsafeTemporaryAllocation(of: Double.self, capacity: block.count) { own in
            read(index, start, own)
            for element in 0..<block.count { block[element] -= own[element] }
        }
    }

    /// Fills a float tensor block by block with what `body` writes for the elements from a start on.
    private mutating func write(_ index: Int, _ body: (Int, UnsafeMutableBufferPointer<Double>) -> Void) {
        let spec = schema.tensors[index]
        let target = UnsafeMutableRawBufferPointer(rebasing: storage.bytes[schema.byteRange(at: index)])
        withUnsafeTemporaryAllocation(of: Double.self, capacity: Self.block) { scratch in
            var start = 0
            while start < spec.elementCount {
                let block = UnsafeMutableBufferPointer(rebasing: scratch[..<min(Self.block, spec.elementCount - start)])
                body(start, block)
                FloatConversion.store(
                    UnsafeBufferPointer(block),
                    as: spec.dtype,
                    into: UnsafeMutableRawBufferPointer(rebasing: target[(start * spec.dtype.byteWidth)...])
                )
                start += block.count
            }
        }
    }
}
