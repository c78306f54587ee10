import Randomness

/// What sets a simulated client apart beside its rows: the modalities it has and how its sensors distort.
///
/// A value x of a modality the client has becomes gain · x + offset + noise · z, z standard normal.
public struct ClientTraits: Sendable, Hashable, Codable {
    /// The modalities that the client has, by their position in the data set; nil means all.
    public var modalities: Set<Int>?
    /// The factor on every value.
    public var gain: Double
    /// What is added to every value after the gain.
    public var offset: Double
    /// The standard deviation of the noise added to every value.
    public var noise: Double

    /// Traits; the defaults change nothing.
    public init(modalities: Set<Int>? = nil, gain: Double = 1, offset: Double = 0, noise: Double = 0) {
        self.modalities = modalities
        self.gain = gain
        self.offset = offset
        self.noise = noise
    }

    private enum CodingKeys: String, CodingKey {
        case modalities, gain, offset, noise
    }

    /// Encodes all parts; the modalities in ascending order, so that equal traits are equal bytes.
    public func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encodeIfPresent(modalities?.sorted(), forKey: .modalities)
        try container.encode(gain, forKey: .gain)
        try container.encode(offset, forKey: .offset)
        try container.encode(noise, forKey: .noise)
    }

    /// A client's rows as the client would record them.
    ///
    /// Values are transformed as described above; of a modality that the client lacks every value and every length is
    /// 0, so that models leave it out.
    ///
    /// - Parameters:
    ///   - view: the client's rows.
    ///   - seed: the noise of modality m comes from the stream (seed, `"client-noise"`, client, layer m).
    ///   - client: the number of the client within its partition.
    /// - Returns: a data set of the rows alone.
    public func applied(
        to view: DatasetView, seed: UInt64, client: Int
    ) throws(DatasetError) -> MultimodalDataset {
        let dataset = view.dataset
        var values: [[Float]] = []
        var lengths: [[Int]?] = []
        for index in dataset.modalities.indices {
            let isPresent = modalities?.contains(index) ?? true
            var block = view.gather(modality: index)
            if isPresent {
                transform(&block, seed: seed, client: client, modality: index)
            } else {
                block = Array(repeating: 0, count: block.count)
            }
            values.append(block)
            lengths.append(isPresent ? view.lengths(modality: index) : Array(repeating: 0, count: view.count))
        }
        let shapes = zip(dataset.modalities, lengths).map {
            Modality(name: $0.name, shape: $0.shape, hasLengths: $1 != nil)
        }
        return try MultimodalDataset(
            name: dataset.name, classes: dataset.classes, modalities: shapes, values: values,
            labels: view.labels, subjects: view.subjects, lengths: lengths, targets: view.targets)
    }

    private func transform(_ block: inout [Float], seed: UInt64, client: Int, modality: Int) {
        if gain != 1 || offset != 0 {
            for index in block.indices { block[index] = Float(gain * Double(block[index]) + offset) }
        }
        guard noise > 0, !block.isEmpty else { return }
        var stream = RandomStream(
            seed: seed, purpose: "client-noise", client: UInt32(truncatingIfNeeded: client),
            layer: UInt32(truncatingIfNeeded: modality))
        var addend = [Float](repeating: 0, count: block.count)
        addend.withUnsafeMutableBufferPointer { stream.fillNormal($0, standardDeviation: noise) }
        for index in block.indices { block[index] += addend[index] }
    }
}
