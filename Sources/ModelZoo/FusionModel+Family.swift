extension FusionModel {
    /// The models of the FedMultimodal benchmark: their inputs, and in what their code differs beside these.
    public enum Family: String, Sendable, CaseIterable {
        /// Activity from accelerometer and gyroscope (UCI-HAR, KU-HAR).
        case har
        /// Diagnoses, several at once, from two groups of six leads (PTB-XL).
        case ecg
        /// Emotion from speech and its words (MELD).
        case ser
        /// Actions or emotions from sound and frames (UCF101, MiT, CREMA-D).
        case mmaction
        /// Posts of one image and a text (Hateful Memes, CrisisMMD).
        case imageText = "image-text"
        /// Any one modality alone.
        case unimodal

        /// The modalities; none for `unimodal`.
        public var inputs: [Input] {
            switch self {
            case .har: ["acc", "gyro"].map { Input(name: $0, encoder: .convolution, features: 3) }
            case .ecg: ["i_to_avf", "v1_to_v6"].map { Input(name: $0, encoder: .convolution, features: 6) }
            case .ser: [.audio, .text]
            case .mmaction: [.audio, .video]
            case .imageText: [.image, .text]
            case .unimodal: []
            }
        }

        /// K, for the first data set named beside the family: UCI-HAR, PTB-XL, MELD, UCF101, Hateful Memes; two for
        /// `unimodal`.
        public var classes: Int {
            switch self {
            case .har: 6
            case .ecg: 5
            case .ser: 4
            case .mmaction: 51
            case .imageText, .unimodal: 2
            }
        }

        /// Whether an example may have any number of the classes.
        public var isMultilabel: Bool { self == .ecg }

        /// Whether there is dropout in the classifier after `concat`; after `attention` there always is.
        var concatDropsOut: Bool { self != .har && self != .ecg }

        /// Whether `concat` keeps projections H → H/2 that nothing uses.
        var keepsProjections: Bool { self != .imageText && self != .unimodal }

        /// How the benchmark takes lengths.
        var quirks: ModalityEncoder.Quirks {
            .init(packs: self != .har && self != .ecg, clampsConvolution: self == .ser || self == .unimodal)
        }
    }
}

extension FusionModel.Input {
    /// Log-mel spectra of 80 bands.
    public static let audio = Self(name: "audio", encoder: .convolution, features: 80)
    /// MobileBERT's last states.
    public static let text = Self(name: "text", encoder: .recurrent, features: 512)
    /// MobileNetV2's features of frames.
    public static let video = Self(name: "video", encoder: .recurrent, features: 1280)
    /// MobileNetV2's features of one image.
    public static let image = Self(name: "img", encoder: .projection, features: 1280)

    /// The benchmark's modalities of every kind.
    public static let known =
        [audio, text, video, image] + FusionModel.Family.har.inputs + FusionModel.Family.ecg.inputs
}
