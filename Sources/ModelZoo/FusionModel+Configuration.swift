import Tensors

extension FusionModel {
    /// How the states of all modalities become one vector.
    public enum Fusion: String, Sendable, CaseIterable {
        /// Additive attention of six heads over the states of all modalities.
        case attention
        /// The means over time, one after another.
        case concat
    }

    /// How one modality becomes a sequence of states.
    public enum Encoder: String, Sendable, CaseIterable {
        /// Three convolutions that shorten time by eight, then a GRU: signals and spectra.
        case convolution
        /// A GRU on features of each step: words, frames.
        case recurrent
        /// Two linear layers on one vector, a sequence of one step: an image.
        case projection
    }

    /// One modality of a model.
    public struct Input: Sendable, Hashable {
        /// The prefix of its parameters' names: letters, digits, `_` or `-`.
        public var name: String
        /// How it is encoded.
        public var encoder: Encoder
        /// Features of a step.
        public var features: Int

        /// Names a modality.
        public init(name: String, encoder: Encoder, features: Int) {
            self.name = name
            self.encoder = encoder
            self.features = features
        }

        /// The fewest steps that the encoder takes.
        public var minimumSteps: Int { encoder == .convolution ? ConvolutionEncoder.reduction : 1 }
    }

    /// The sizes of a model.
    public struct Configuration: Sendable, Hashable {
        /// Which of the benchmark's models it follows.
        public var family: Family
        /// The fusion.
        public var fusion: Fusion
        /// The modalities in input order.
        public var inputs: [Input]
        /// K.
        public var classes: Int
        /// H, a multiple of 4.
        public var hidden: Int
        /// The probability of zero in dropout layers.
        public var dropout: Double
        /// Whether lengths are taken as the benchmark's code takes them; see ``FusionModel``.
        public var faithful: Bool

        /// Makes a configuration; the defaults are the benchmark's.
        ///
        /// - Parameters:
        ///   - inputs: the family's when nil; `unimodal` has none of its own.
        ///   - classes: the family's when nil.
        public init(
            _ family: Family,
            fusion: Fusion = .attention,
            inputs: [Input]? = nil,
            classes: Int? = nil,
            hidden: Int = 128,
            dropout: Double = 0.1,
            faithful: Bool = false
        ) {
            self.family = family
            self.fusion = fusion
            self.inputs = inputs ?? family.inputs
            self.classes = classes ?? family.classes
            self.hidden = hidden
            self.dropout = dropout
            self.faithful = faithful
        }
    }
}

extension FusionModel.Configuration {
    /// The largest number of parameters that a model may have.
    public static let maximumParameters = 1 << 28

    /// Heads of the attention and the width between its layers.
    static let (heads, attentionWidth) = (6, 512)
    /// The width between the classifier's layers.
    static let classifierWidth = 64

    /// The number of parameters, those that nothing uses included.
    public var parameterCount: Int {
        let h = hidden
        let width = Self.classifierWidth
        var count = 0
        for input in inputs {
            let gru = { (features: Int) in 3 * h * (features + h + 2) }
            switch input.encoder {
            case .convolution:
                count += 5 * (input.features * (h / 4) + h / 4 * (h / 2) + h / 2 * h) + h / 4 + h / 2 + h + gru(h)
            case .recurrent: count += gru(input.features)
            case .projection: count += (input.features + 1 + h + 1) * h
            }
        }
        if fusion == .concat, family.keepsProjections {
            count += inputs.count { $0.encoder != .projection } * (h + 1) * (h / 2)
        }
        if fusion == .attention { count += (h + 1) * Self.attentionWidth + (Self.attentionWidth + 1) * Self.heads }
        return count + (embedding + 1) * width + (width + 1) * classes
    }

    /// The size of the fused vector.
    var embedding: Int { (fusion == .attention ? Self.heads : inputs.count) * hidden }

    func check() throws(TensorError) {
        func failure(_ text: String) -> TensorError {
            TensorError(.invalidArgument, "\(family.rawValue) model: \(text)")
        }
        let most = family == .unimodal ? 1 : 64
        guard (1...most).contains(inputs.count), Set(inputs.map(\.name)).count == inputs.count else {
            let expected = most == 1 ? "one modality" : "1 to \(most) modalities with different names"
            throw failure("expected \(expected), found \(inputs.count)")
        }
        for input in inputs {
            guard Self.isPlain(input.name) else {
                throw failure(
                    "modality name \(input.name.prefix(64).debugDescription): expected 1 to 64 letters, digits, '_' or '-'"
                )
            }
            guard (1...65_536).contains(input.features) else {
                throw failure("modality '\(input.name)' has \(input.features) features a step, expected 1 to 65536")
            }
        }
        guard (1...65_536).contains(classes) else { throw failure("\(classes) classes, expected 1 to 65536") }
        guard (4...4096).contains(hidden), hidden.isMultiple(of: 4) else {
            throw failure("hidden \(hidden), expected a multiple of 4 up to 4096")
        }
        guard parameterCount <= Self.maximumParameters else {
            throw failure("\(parameterCount) parameters, expected at most \(Self.maximumParameters)")
        }
    }

    private static func isPlain(_ name: String) -> Bool {
        (1...64).contains(name.utf8.count)
            && name.utf8.allSatisfy { byte in
                (0x30...0x39).contains(byte) || (0x41...0x5A).contains(byte) || (0x61...0x7A).contains(byte)
                    || byte == 0x5F || byte == 0x2D
            }
    }
}
