/// Log-mel features of many recordings, cut to a common length, padded and normalised as FedMultimodal does for each of
/// its audio data sets.
///
/// A recording is mixed to one channel by the mean, brought to 16 kHz and turned into frames of 80 values
/// (``LogMelFilterbank``). Normalisation is (x − mean) / (std + 1e-5) of each bin with the population standard deviation.
/// The order matters and follows the benchmark: with `utterance` all frames of a recording are normalised, then the
/// first `maximumFrames` kept; with `group` they are cut first, then normalised over all kept frames of the group.
public struct AudioFeatures: Sendable {
    /// Over what a bin's mean and deviation are taken.
    public enum Normalisation: String, Sendable, Hashable {
        /// Values stay as they are.
        case none
        /// Over all frames of the recording.
        case utterance
        /// Over the kept frames of all recordings with the same group, e.g. a speaker.
        case group
    }

    /// What is computed.
    public struct Configuration: Sendable, Hashable {
        /// The frames and filters.
        public var filterbank: LogMelFilterbank.Configuration
        /// Frames kept of a recording; shorter ones are followed by zeros.
        public var maximumFrames: Int
        /// How values are normalised.
        public var normalisation: Normalisation

        /// Gathers the parts.
        public init(
            filterbank: LogMelFilterbank.Configuration, maximumFrames: Int, normalisation: Normalisation
        ) {
            self.filterbank = filterbank
            self.maximumFrames = maximumFrames
            self.normalisation = normalisation
        }

        /// MELD: 25 ms every 10 ms, 1000 frames, per speaker.
        public static let meld = Configuration(
            filterbank: .init(frameLength: 25, frameShift: 10), maximumFrames: 1000, normalisation: .group)
        /// CREMA-D: 25 ms every 10 ms, 600 frames, per speaker.
        public static let cremaD = Configuration(
            filterbank: .init(frameLength: 25, frameShift: 10), maximumFrames: 600, normalisation: .group)
        /// UCF101: 40 ms every 20 ms, 500 frames, per recording.
        public static let ucf101 = Configuration(
            filterbank: .init(frameLength: 40, frameShift: 20), maximumFrames: 500, normalisation: .utterance)
        /// Moments in Time: 40 ms every 20 ms, 150 frames, per recording.
        public static let momentsInTime = Configuration(
            filterbank: .init(frameLength: 40, frameShift: 20), maximumFrames: 150, normalisation: .utterance)
    }

    /// The features of several recordings.
    public struct Block: Sendable, Equatable {
        /// Row-major `[recordings, maximumFrames, bins]`, zero behind a recording's end.
        public var values: [Float]
        /// The frames of each recording, at most `maximumFrames`; 0 for one that is shorter than a frame.
        public var lengths: [Int]
    }

    /// The most values of a block, 8 GiB: the largest of the benchmark's (MiT51) takes 6.
    public static let maximumValues = 1 << 31

    /// What is computed.
    public let configuration: Configuration
    /// The modality that a block fills.
    public var modality: Modality {
        Modality(
            name: "audio", shape: [configuration.maximumFrames, configuration.filterbank.bins], hasLengths: true)
    }
    private let filterbank: LogMelFilterbank

    /// Makes the filters.
    ///
    /// - Throws: `DatasetError` with code `invalidArgument` for a number out of range.
    public init(_ configuration: Configuration) throws(DatasetError) {
        guard (1...1_000_000).contains(configuration.maximumFrames) else {
            throw DatasetError(
                .invalidArgument, "\(configuration.maximumFrames) frames a recording, expected 1...1000000")
        }
        self.configuration = configuration
        filterbank = try LogMelFilterbank(configuration.filterbank)
    }

    /// Reads WAV files.
    ///
    /// - Parameters:
    ///   - files: their paths, one a row.
    ///   - groups: the group of each, for `Normalisation.group`.
    /// - Throws: `DatasetError` naming the file; `mismatch` when there is not one group a file, `tooLarge` for a block of
    ///   more than 2^29 values.
    public func read(
        files: [String], groups: [String]? = nil, limits: WAVFile.Limits = .init()
    ) throws(DatasetError) -> Block {
        try block(rows: files.count, groups: groups) { (row) throws(DatasetError) in
            try WAVFile(contentsOf: files[row], limits: limits).mono(at: configuration.filterbank.sampleRate)
        }
    }

    /// Takes signals at the filterbank's rate that are already in memory.
    public func block(signals: [[Float]], groups: [String]? = nil) throws(DatasetError) -> Block {
        try block(rows: signals.count, groups: groups) { (row) throws(DatasetError) in signals[row] }
    }

    private func block(
        rows: Int, groups: [String]?, signal: (Int) throws(DatasetError) -> [Float]
    ) throws(DatasetError) -> Block {
        let bins = configuration.filterbank.bins
        let size = configuration.maximumFrames * bins
        guard rows <= Self.maximumValues / size else {
            throw DatasetError(
                .tooLarge, "\(rows) recordings of \(size) values, at most \(Self.maximumValues) in all are held")
        }
        if configuration.normalisation == .group, groups?.count != rows {
            throw DatasetError(.mismatch, "\(groups?.count ?? 0) groups for \(rows) recordings, expected as many")
        }
        var block = Block(values: [Float](repeating: 0, count: rows * size), lengths: [])
        for row in 0..<rows {
            var values = filterbank.features(
                of: try signal(row),
                maximumFrames: configuration.normalisation == .utterance ? .max : configuration.maximumFrames)
            if configuration.normalisation == .utterance, !values.isEmpty {
                WindowNormalisation.apply(to: &values, steps: values.count / bins, axes: bins)
            }
            let kept = min(values.count, size)
            block.values.replaceSubrange(row * size..<row * size + kept, with: values[..<kept])
            block.lengths.append(kept / bins)
        }
        if configuration.normalisation == .group, let groups { normalise(&block, groups: groups) }
        return block
    }

    /// Normalises the frames of each group together.
    private func normalise(_ block: inout Block, groups: [String]) {
        let bins = configuration.filterbank.bins
        let size = configuration.maximumFrames * bins
        let spans = block.lengths.enumerated().map { $0 * size..<$0 * size + $1 * bins }
        for rows in Dictionary(grouping: groups.indices, by: { groups[$0] }).values {
            var frames: [Float] = []
            for row in rows { frames += block.values[spans[row]] }
            guard !frames.isEmpty else { continue }
            WindowNormalisation.apply(to: &frames, steps: frames.count / bins, axes: bins)
            var start = 0
            for row in rows {
                block.values.replaceSubrange(spans[row], with: frames[start..<start + spans[row].count])
                start += spans[row].count
            }
        }
    }
}
