/// One modality of some examples, while a data set is put together.
public struct ModalityColumn: Sendable {
    /// Name and shape.
    public var modality: Modality
    /// Row-major `[N, shape…]`.
    public var values: [Float]
    /// Valid steps of each example, where the modality carries lengths.
    public var lengths: [Int]?

    /// Gathers the parts, which ``MultimodalDataset`` checks.
    public init(modality: Modality, values: [Float], lengths: [Int]? = nil) {
        self.modality = modality
        self.values = values
        self.lengths = lengths
    }

    /// A modality that nobody has features of: every example has length 0, which models leave out.
    ///
    /// It is as short as the models take, eight steps, so that it costs next to nothing.
    static func absent(_ modality: Modality, count: Int) -> ModalityColumn {
        var modality = modality
        modality.shape[0] = min(modality.shape[0], 8)
        modality.hasLengths = true
        return ModalityColumn(
            modality: modality, values: [Float](repeating: 0, count: count * modality.elements),
            lengths: Array(repeating: 0, count: count))
    }

    /// Texts, each as its tokens, as ``HashedText``; the longest decides the number of steps.
    ///
    /// - Parameter longest: the most tokens of any text of the data set, up to ``HashedText/maximumTokens``.
    static func text(_ texts: [[String]], longest: Int) -> ModalityColumn {
        let modality = Modality(name: "text", shape: [longest, HashedText.dimensions], hasLengths: true)
        var values = [Float](repeating: 0, count: texts.count * modality.elements)
        values.withUnsafeMutableBufferPointer { buffer in
            for (row, tokens) in texts.enumerated() {
                HashedText.encode(
                    tokens.prefix(longest),
                    into: UnsafeMutableBufferPointer(
                        rebasing: buffer[row * modality.elements..<(row + 1) * modality.elements]))
            }
        }
        return ModalityColumn(modality: modality, values: values, lengths: texts.map { min($0.count, longest) })
    }

    /// The most tokens of some texts, of those that are kept.
    static func longest(of texts: some Sequence<[String]>) -> Int {
        max(1, texts.reduce(0) { max($0, min($1.count, HashedText.maximumTokens)) })
    }

    /// The columns as a data set of a benchmark.
    static func dataset(
        _ benchmark: BenchmarkDataset, _ columns: [ModalityColumn], labels: [Int]
    ) throws(DatasetError) -> MultimodalDataset {
        try MultimodalDataset(
            name: benchmark.name, classes: benchmark.classes, modalities: columns.map(\.modality),
            values: columns.map(\.values), labels: labels, lengths: columns.map(\.lengths))
    }
}
