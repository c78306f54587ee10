import Configuration
import Datasets
import Jobs
import Layers
import ModelZoo
import Tensors

extension ModelRegistry {
    /// Makes a model of the benchmark's families.
    static func fusion(
        _ family: FusionModel.Family,
        _ settings: Settings,
        _ manifest: SiteManifest?,
        _ initializer: Initializer
    ) throws(TrainingError) -> Entry {
        let reader = try SettingsReader(
            settings, place: "model", code: .model,
            known: [
                "name", "fusion", "hidden", "classes", "modalities", "encoders", "channels", "dropout", "faithful",
                "multilabel",
            ])
        let modalities = try modalities(family, reader)
        let standard = family == .unimodal ? manifest?.classes.count : family.classes
        guard let classes = try reader.optionalInt("classes", in: 1...65_536) ?? standard else {
            throw TrainingError(.model, "model: without data the model 'unimodal' needs the key 'classes'")
        }
        let word = try reader.word("fusion", "attention", among: FusionModel.Fusion.allCases.map(\.rawValue))
        let configuration = FusionModel.Configuration(
            family,
            fusion: FusionModel.Fusion(rawValue: word) ?? .attention,
            inputs: modalities.map(\.input),
            classes: classes,
            hidden: try reader.int("hidden", 128, in: 4...4096),
            dropout: try reader.double("dropout", 0.1, in: 0...0.99),
            faithful: try reader.bool("faithful", false))
        let isMultilabel = try reader.bool("multilabel", family.isMultilabel)
        let positions = try manifest.map { manifest throws(TrainingError) in
            try modalities.map { modality throws(TrainingError) in
                try position(of: modality.name, for: modality.input, in: manifest)
            }
        }
        return Entry(
            model: try built { () throws(TensorError) in try FusionModel(configuration, initializer) },
            modalities: positions,
            isMultilabel: isMultilabel)
    }

    /// What the data call a modality, and what the model makes of it.
    private typealias NamedInput = (name: String, input: FusionModel.Input)

    private static func modalities(
        _ family: FusionModel.Family,
        _ reader: SettingsReader<TrainingError>
    ) throws(TrainingError) -> [NamedInput] {
        let named = try reader.optionalWords("modalities") ?? family.inputs.map(dataName)
        guard !named.isEmpty else {
            throw TrainingError(.model, "model: the model 'unimodal' needs the key 'modalities' with one name")
        }
        let encoders = try spread(
            reader.optionalWords("encoders", among: FusionModel.Encoder.allCases.map(\.rawValue)), "encoders", named)
        let channels = try spread(reader.optionalInts("channels", in: 1...65_536), "channels", named)
        var modalities: [NamedInput] = []
        for (index, name) in named.enumerated() {
            let standard = standard(name, family)
            let encoder = encoders.flatMap { FusionModel.Encoder(rawValue: $0[index]) } ?? standard?.encoder
            guard let encoder, let features = channels?[index] ?? standard?.features else {
                let known = FusionModel.Input.known.map(dataName)
                throw TrainingError(
                    .model,
                    "model.modalities: '\(name.prefix(64))' is no modality that is known, which needs the keys 'encoders' "
                        + "and 'channels'" + Suggestion.text(for: name, among: known))
            }
            modalities.append(
                (name: name, input: .init(name: standard?.name ?? name, encoder: encoder, features: features)))
        }
        return modalities
    }

    /// The values of a key for all modalities, where it gives one for all or one for each.
    private static func spread<Value>(
        _ values: [Value]?, _ key: String, _ named: [String]
    ) throws(TrainingError) -> [Value]? {
        guard let values else { return nil }
        if let only = values.first, values.count == 1 { return Array(repeating: only, count: named.count) }
        guard values.count == named.count else {
            throw TrainingError(
                .model,
                "model.\(key): found \(values.count) values, expected 1 or as many as modalities, \(named.count)")
        }
        return values
    }

    /// What a modality of a name is where the job does not say.
    ///
    /// All modalities of `har` and `ecg` are signals of as many channels; elsewhere the benchmark's names tell.
    private static func standard(_ name: String, _ family: FusionModel.Family) -> FusionModel.Input? {
        if family == .har || family == .ecg, let signal = family.inputs.first {
            return .init(name: name, encoder: signal.encoder, features: signal.features)
        }
        return FusionModel.Input.known.first { $0.name == name || dataName($0) == name }
    }

    /// What data call an input: the name of its parameters but for images, which the benchmark shortens.
    private static func dataName(_ input: FusionModel.Input) -> String {
        input == .image ? "image" : input.name
    }

    private static func position(
        of name: String,
        for input: FusionModel.Input,
        in manifest: SiteManifest
    ) throws(TrainingError) -> Int {
        let known = manifest.modalities.map(\.name)
        guard let position = known.firstIndex(of: name) else {
            throw TrainingError(
                .data,
                "data set '\(manifest.dataset)' has no modality '\(name.prefix(64))'"
                    + Suggestion.text(for: name, among: known))
        }
        let shape = manifest.modalities[position].shape
        let fits: Bool
        let expected: String
        switch input.encoder {
        case .projection:
            fits = shape == [input.features] || shape == [1, input.features]
            expected = "[\(input.features)] or [1, \(input.features)]"
        case .convolution, .recurrent:
            fits = shape.count == 2 && shape[0] >= input.minimumSteps && shape[1] == input.features
            expected = "[at least \(input.minimumSteps) steps, \(input.features)]"
        }
        guard fits else {
            throw TrainingError(
                .data,
                "data set '\(manifest.dataset)': modality '\(name)' has shape \(shape), expected \(expected)")
        }
        return position
    }
}
