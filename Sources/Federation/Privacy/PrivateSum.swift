public import Aggregation
internal import Jobs
internal import Privacy
public import Weights

/// The one update that a round of a job with privacy is folded from: (Σₖ clip(Δₖ) + noise) / expected, in Float64.
///
/// Sums run in the order of the clients' names and every element has its own noise, so the values do not depend on blocks
/// or workers, and a fold after a restart gives the same bits. Memory is one block for each thread that reads.
public struct PrivateSum: UpdateSource {
    /// A name that no client has.
    public let clientID = "(private sum)"
    /// One: there is no other update beside it.
    public let examples = 1
    /// The tensors of the updates; averaged ones as f64.
    public let schema: WeightsSchema
    /// The clipping norm for the next round; nil when it does not change.
    public let nextClipNorm: Double?

    private let updates: [any UpdateSource]
    private let factors: [Double]
    private let expected: Double
    private let isAveraged: [Bool]
    private let noise: Noise

    private enum Noise {
        case none
        case gaussian(NoiseStream, deviation: Double)
        case discrete(NoiseStream, DiscreteGaussian, step: Double)
        case tree(TreeNoise, round: Int, deviation: Double)
    }

    /// Looks at the updates' norms and prepares the sum.
    ///
    /// - Parameters:
    ///   - updates: all with the schema `schema`; may be none.
    ///   - schema: `updateSchema()` of the global weights.
    ///   - rules: of the global weights; only averaged tensors are clipped, summed and noised.
    /// - Throws: what reading an update throws.
    public init(
        of updates: [any UpdateSource], schema: WeightsSchema, rules: TensorRules, round: Int, attempt: Int,
        charge: RoundCharge, privacy: RoundPrivacy
    ) throws {
        let updates = updates.sorted { $0.clientID.utf8.lexicographicallyPrecedes($1.clientID.utf8) }
        // What a server optimiser remembers is in the global weights, and in no update.
        let averaged = Set(
            schema.tensors.filter {
                rules.rule(for: $0) == .averaged && $0.dtype.isFloat && !AuxiliaryTensors.isAuxiliary($0.name)
            }.map(\.name))
        // Wider elements may stand at another place: positions below are those of the sum's own schema.
        let schema = try WeightsSchema(
            schema.tensors.map { spec in
                try averaged.contains(spec.name) ? TensorSpec(name: spec.name, dtype: .f64, shape: spec.shape) : spec
            })
        let isAveraged = schema.tensors.map { averaged.contains($0.name) }
        self.updates = updates
        self.isAveraged = isAveraged
        expected = max(1, charge.expected)
        self.schema = schema
        guard privacy.settings.mechanism == .central || privacy.settings.mechanism == .ftrl else {
            // Clipped and noised by the clients or their trainers.
            factors = updates.map { _ in 1 }
            noise = .none
            nextClipNorm = nil
            return
        }
        let norms = try updates.map { try Self.norm(of: $0, schema, isAveraged) }
        factors = norms.map { FlatClipping.factor(norm: $0, bound: charge.clipNorm) }
        let deviation = privacy.updateMultiplier * charge.clipNorm
        let stream = privacy.secret.stream(purpose: "noise", round: round, attempt: attempt)
        if privacy.settings.mechanism == .ftrl {
            noise = .tree(TreeNoise(privacy.secret), round: round, deviation: deviation)
        } else if privacy.settings.noise == .discrete {
            noise = .discrete(
                stream, try DiscreteGaussian(sigma: DiscreteGaussian.largestSigma),
                step: LatticeScale.step(deviation: deviation))
        } else {
            noise = .gaussian(stream, deviation: deviation)
        }
        nextClipNorm = privacy.quantile.map { clipping in
            clipping.next(
                norm: charge.clipNorm, within: norms.count { $0 <= charge.clipNorm }, updates: norms.count,
                expected: max(1, charge.expected),
                noise: privacy.secret.stream(purpose: "count", round: round, attempt: attempt).normal())
        }
    }

    /// How many elements are read at once for a norm.
    private static let block = 32 << 10

    private static func norm(
        of update: any UpdateSource, _ schema: WeightsSchema, _ isAveraged: [Bool]
    ) throws -> Double {
        var total = 0.0
        let values = UnsafeMutableBufferPointer<Double>.allocate(capacity: block)
        let bytes = UnsafeMutableRawBufferPointer.allocate(byteCount: block * 8, alignment: 16)
        defer {
            values.deallocate()
            bytes.deallocate()
        }
        for (index, spec) in schema.tensors.enumerated() where isAveraged[index] {
            var start = 0
            while start < spec.elementCount {
                let target = UnsafeMutableBufferPointer(rebasing: values[..<min(block, spec.elementCount - start)])
                try read(update, tensor: spec.name, start: start, into: target, bytes)
                for value in target { total += value * value }
                start += target.count
            }
        }
        return total.squareRoot()
    }

    private static func read(
        _ update: any UpdateSource, tensor: String, start: Int, into values: UnsafeMutableBufferPointer<Double>,
        _ bytes: UnsafeMutableRawBufferPointer
    ) throws {
        guard let index = update.schema.index(of: tensor) else {
            throw AggregationError(
                .missingTensor, "the update of client '\(update.clientID)': tensor '\(tensor)' is missing")
        }
        let dtype = update.schema.tensors[index].dtype
        let target = UnsafeMutableRawBufferPointer(rebasing: bytes[..<(values.count * dtype.byteWidth)])
        try update.readBlock(tensor: index, byteOffset: start * dtype.byteWidth, into: target)
        FloatConversion.doubles(from: UnsafeRawBufferPointer(target), as: dtype, into: values)
    }

    /// Computes some elements of one tensor.
    public func readBlock(tensor index: Int, byteOffset: Int, into buffer: UnsafeMutableRawBufferPointer) throws {
        let spec = schema.tensors[index]
        guard isAveraged[index] else {
            throw AggregationError(
                .missingTensor, "the sum of a private round does not hold tensor '\(spec.name)', which is not averaged")
        }
        let count = buffer.count / 8
        let start = byteOffset / 8
        let sums = UnsafeMutableBufferPointer<Double>.allocate(capacity: count)
        let values = UnsafeMutableBufferPointer<Double>.allocate(capacity: count)
        let bytes = UnsafeMutableRawBufferPointer.allocate(byteCount: count * 8, alignment: 16)
        defer {
            sums.deallocate()
            values.deallocate()
            bytes.deallocate()
        }
        sums.initialize(repeating: 0)
        values.initialize(repeating: 0)
        for (update, factor) in zip(updates, factors) where factor > 0 {
            try Self.read(update, tensor: spec.name, start: start, into: values, bytes)
            if case .discrete(_, _, let step) = noise {
                let scale = factor / step
                for element in 0..<count { sums[element] += (values[element] * scale).rounded() }
            } else {
                for element in 0..<count { sums[element] += values[element] * factor }
            }
        }
        var scale = 1 / expected
        switch noise {
        case .none: break
        case .gaussian(let stream, let deviation):
            stream.addNormals(tensor: index, start: start, deviation: deviation, to: sums)
        case .tree(let tree, let round, let deviation):
            tree.addIncrement(round: round, tensor: index, start: start, deviation: deviation, to: sums)
        case .discrete(let stream, let distribution, let step):
            for element in 0..<count {
                var words = stream.words(tensor: index, element: start + element)
                sums[element] += Double(distribution.draw(&words))
            }
            scale *= step
        }
        for element in 0..<count { sums[element] *= scale }
        buffer.copyMemory(from: UnsafeRawBufferPointer(sums))
    }
}
