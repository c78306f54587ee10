public import Layers
public import Tensors

/// The activity model of the FedMultimodal benchmark (Feng et al., KDD 2023): for each sensor a convolution encoder and
/// a GRU, then one of two fusions, then a classifier of two layers.
///
/// - **attention** (`fuse_base`): the states of all sensors, joined along time, are pooled by additive attention of six
///   heads; the classifier is Linear(6 H → 64), ReLU, Dropout, Linear(64 → K).
/// - **concat**: each sensor's states are averaged over time and joined; the classifier is Linear(M H → 64), ReLU,
///   Linear(64 → K). The benchmark also keeps a projection H → 64 for each sensor that nothing uses; they are here so
///   that the weights load into its own classes, and they are transmitted and never trained.
///
/// Names and shapes are those of the benchmark's `state_dict`: `acc_conv.conv1.weight` [32, 3, 5],
/// `acc_rnn.weight_ih_l0` [384, 128], `fuse_att.att_fc1.weight` [512, 128], `classifier.0.weight`, …. With two sensors of
/// three axes, H = 128 and six classes there are 420,684 parameters with attention and 318,790 with concat.
///
/// Lengths, where given, only mask the attention (length ⌊n/8⌋ after the encoder), as in the benchmark.
/// Dropout streams: sensor m uses the layers 3m, 3m+1, 3m+2, the classifier 3M.
public final class HARModel: MultimodalModel {
    /// How the sensors' states become one vector.
    public enum Fusion: String, Sendable, CaseIterable {
        /// Additive attention of six heads over all sensors' states.
        case attention
        /// The means over time, one after another.
        case concat
    }

    /// The sizes of a model.
    public struct Configuration: Sendable, Hashable {
        /// The fusion.
        public var fusion: Fusion
        /// The sensors by name, in input order, with the number of features of a step.
        public var sensors: [Sensor]
        /// K.
        public var classes: Int
        /// H, a multiple of 4.
        public var hidden: Int
        /// The probability of zero in dropout layers.
        public var dropout: Double

        /// One input.
        public struct Sensor: Sendable, Hashable {
            /// The prefix of its parameters' names.
            public var name: String
            /// Features of a step.
            public var features: Int

            /// Names a sensor.
            public init(name: String, features: Int) {
                self.name = name
                self.features = features
            }
        }

        /// Accelerometer and gyroscope of three axes each.
        public static let inertialSensors = [Sensor(name: "acc", features: 3), Sensor(name: "gyro", features: 3)]

        /// Makes a configuration; the defaults are the benchmark's for UCI-HAR.
        public init(
            fusion: Fusion = .attention,
            sensors: [Sensor] = Configuration.inertialSensors,
            classes: Int = 6,
            hidden: Int = 128,
            dropout: Double = 0.1
        ) {
            self.fusion = fusion
            self.sensors = sensors
            self.classes = classes
            self.hidden = hidden
            self.dropout = dropout
        }
    }

    /// The sizes.
    public let configuration: Configuration

    private let encoders: [ConvolutionEncoder]
    private let recurrences: [GRU]
    private let attention: FusedAttentionPooling?
    private let projections: [Linear]
    private let classifier: Sequential
    /// The last linear layer of `classifier`.
    public let lastLayer: Linear

    /// Makes a model with PyTorch's default initial values.
    ///
    /// Parameters are drawn in the order of `children`.
    ///
    /// - Throws: `TensorError` for sizes out of range.
    public init(_ configuration: Configuration, _ initializer: Initializer) throws(TensorError) {
        try Self.check(configuration)
        self.configuration = configuration
        let hidden = configuration.hidden
        let count = configuration.sensors.count
        var encoders: [ConvolutionEncoder] = []
        for (index, sensor) in configuration.sensors.enumerated() {
            encoders.append(
                try ConvolutionEncoder(
                    inputs: sensor.features, hidden: hidden, dropout: configuration.dropout, layer: UInt32(3 * index),
                    initializer))
        }
        var recurrences: [GRU] = []
        for _ in 0..<count { recurrences.append(try GRU(inputs: hidden, hidden: hidden, initializer)) }
        var projections: [Linear] = []
        switch configuration.fusion {
        case .attention:
            let attention = try FusedAttentionPooling(features: hidden, initializer)
            self.attention = attention
            let first = try Linear(inputs: attention.heads * hidden, outputs: 64, initializer)
            lastLayer = try Linear(inputs: 64, outputs: configuration.classes, initializer)
            classifier = Sequential([
                first, ReLU(), try Dropout(probability: configuration.dropout, layer: UInt32(3 * count)), lastLayer,
            ])
        case .concat:
            attention = nil
            for _ in 0..<count { projections.append(try Linear(inputs: hidden, outputs: 64, initializer)) }
            let first = try Linear(inputs: count * hidden, outputs: 64, initializer)
            lastLayer = try Linear(inputs: 64, outputs: configuration.classes, initializer)
            classifier = Sequential([first, ReLU(), lastLayer])
        }
        self.encoders = encoders
        self.recurrences = recurrences
        self.projections = projections
    }

    /// K.
    public var classCount: Int { configuration.classes }

    /// `<sensor>_conv`, `<sensor>_rnn`, then `fuse_att` or `<sensor>_proj`, then `classifier`.
    public var children: [(name: String, module: any Module)] {
        let names = configuration.sensors.map(\.name)
        var all: [(name: String, module: any Module)] = []
        for (name, encoder) in zip(names, encoders) { all.append((name: "\(name)_conv", module: encoder)) }
        for (name, recurrence) in zip(names, recurrences) { all.append((name: "\(name)_rnn", module: recurrence)) }
        if let attention { all.append((name: "fuse_att", module: attention)) }
        for (name, projection) in zip(names, projections) { all.append((name: "\(name)_proj", module: projection)) }
        all.append((name: "classifier", module: classifier))
        return all
    }

    /// One `[B, T, features]` a sensor → `[B, K]`.
    public func output(_ batch: ModelBatch, _ context: ForwardContext) throws(TensorError) -> ModelOutput {
        try checkInputs(batch, count: configuration.sensors.count)
        var states: [Tensor] = []
        for (index, input) in batch.inputs.enumerated() {
            let encoded = try encoders[index].forward(input, context)
            states.append(try recurrences[index].forward(encoded).states)
        }
        guard let attention else {
            var means: [Tensor] = []
            for state in states { means.append(try state.mean(axis: 1)) }
            return try classified(Tensor.concatenate(means, axis: 1), context)
        }
        let masked = try FusedAttentionPooling.mask(
            batch: batch.inputs[0].shape[0],
            streams: zip(states, batch.lengths).map { state, lengths in
                (steps: state.shape[1], lengths: lengths?.map { $0 / ConvolutionEncoder.reduction })
            })
        let joined = try Tensor.concatenate(states, axis: 1)
        return try classified(attention.forward(joined, masked: masked, context), context)
    }

    private func classified(_ embedding: Tensor, _ context: ForwardContext) throws(TensorError) -> ModelOutput {
        let (hidden, logits) = try classifier.forwardKeepingInput(embedding, context)
        return ModelOutput(logits: logits, hidden: hidden, embedding: embedding)
    }

    private static func check(_ configuration: Configuration) throws(TensorError) {
        guard (1...64).contains(configuration.sensors.count),
            Set(configuration.sensors.map(\.name)).count == configuration.sensors.count
        else {
            throw TensorError(.invalidArgument, "HAR model: expected 1 to 64 sensors with different names")
        }
        guard configuration.sensors.allSatisfy({ (1...65_536).contains($0.features) }) else {
            throw TensorError(.invalidArgument, "HAR model: a sensor must have 1 to 65536 features a step")
        }
        guard (1...65_536).contains(configuration.classes) else {
            throw TensorError(
                .invalidArgument, "HAR model: \(configuration.classes) classes, expected 1 to 65536")
        }
        guard (4...4096).contains(configuration.hidden), configuration.hidden.isMultiple(of: 4) else {
            throw TensorError(
                .invalidArgument, "HAR model: hidden \(configuration.hidden), expected a multiple of 4 up to 4096")
        }
    }
}
