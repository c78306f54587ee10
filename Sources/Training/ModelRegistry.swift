import Configuration
public import Datasets
public import Jobs
public import Layers
public import ModelZoo
import Tensors

/// Makes the model that a job's `model` map asks for.
///
/// | `name` | other keys |
/// |---|---|
/// | `har` | `fusion` (`attention`, `concat`), `hidden` (128), `classes` (6), `modalities` (`[acc, gyro]`), `encoders` (`convolution`, `recurrent` or `projection` for each), `channels` (3; one number or one for each), `dropout` (0.1), `faithful` (false), `multilabel` (false) |
/// | `ecg` | as `har`; `classes` (5), `modalities` (`[i_to_avf, v1_to_v6]`), `channels` (6), `multilabel` (true) |
/// | `ser` | as `har`; `classes` (4), `modalities` (`[audio, text]`), `channels` (`[80, 512]`) |
/// | `mmaction` | as `har`; `classes` (51), `modalities` (`[audio, video]`), `channels` (`[80, 1280]`) |
/// | `image-text` | as `har`; `classes` (2), `modalities` (`[image, text]`), `channels` (`[1280, 512]`) |
/// | `unimodal` | as `har`; `modalities` (needed: one), `classes` (needed where there is no data to take it from) |
/// | `cnn` | `filters` (`[32, 64]`), `hidden` (128), `dropout` (0.25), `hiddenDropout` (0.5); `shape` (`[channels, rows, columns]`) and `classes`: needed where there is no data to take them from |
/// | `mlp` | `hidden` (`[200, 200]`); `features`, `classes`: as for `softmax` |
/// | `softmax` | `features`, `classes`: needed where there is no data to take them from; `multilabel` (false) |
///
/// The model's shape comes from the map and its defaults; where the data of a site are known they must agree, so that
/// every participant has the same weights or says why not.
public enum ModelRegistry {
    /// The names that `model.name` may have for `make`.
    public static let names = FusionModel.Family.allCases.map(\.rawValue) + ["cnn", "mlp", "softmax"]

    /// A model, and which of the data's modalities it takes.
    public struct Entry {
        /// The model.
        public var model: any MultimodalModel
        /// Positions in the data's list of modalities, in the model's order; nil when there is no data.
        public var modalities: [Int]?
        /// Whether an example may have any number of classes: the loss is then binary cross-entropy, and a class is
        /// given where its score is above zero.
        public var isMultilabel: Bool

        /// Pairs a model with positions; all modalities of the data, in order, when nil.
        public init(model: any MultimodalModel, modalities: [Int]? = nil, isMultilabel: Bool = false) {
            self.model = model
            self.modalities = modalities
            self.isMultilabel = isMultilabel
        }
    }

    /// Makes a model.
    ///
    /// - Parameters:
    ///   - settings: the job's `model` map.
    ///   - manifest: what the site's data look like, if there are any.
    ///   - initializer: where the first values come from.
    /// - Throws: `TrainingError` with code `model` for the map, `data` when the data do not fit it.
    public static func make(
        _ settings: Settings,
        manifest: SiteManifest?,
        _ initializer: Initializer
    ) throws(TrainingError) -> Entry {
        let entry: Entry
        let name = try name(of: settings)
        if let family = FusionModel.Family(rawValue: name) {
            entry = try fusion(family, settings, manifest, initializer)
        } else {
            switch name {
            case "cnn": entry = try picture(settings, manifest, initializer)
            case "mlp": entry = try dense(settings, manifest, initializer)
            default: entry = try softmax(settings, manifest, initializer)
            }
        }
        if let manifest, manifest.classes.count != entry.model.classCount {
            throw TrainingError(
                .data,
                "data set '\(manifest.dataset)' has \(manifest.classes.count) classes, the model \(entry.model.classCount): "
                    + "expected as many (model.classes)")
        }
        if let manifest, manifest.isMultilabel, !entry.isMultilabel {
            throw TrainingError(
                .data,
                "data set '\(manifest.dataset)' may have several labels an example, the model takes one: expected "
                    + "model.multilabel: true")
        }
        return entry
    }

    private static func name(of settings: Settings) throws(TrainingError) -> String {
        let all = names + [EchoTrainer.modelName]
        guard let setting = settings["name"] else {
            throw TrainingError(.model, "model: key 'name' is missing, expected one of \(all.joined(separator: ", "))")
        }
        guard let name = setting.stringValue, names.contains(name) else {
            let found = setting.stringValue ?? "?"
            throw TrainingError(
                .model, "model.name: unknown model '\(found.prefix(64))'" + Suggestion.text(for: found, among: all))
        }
        return name
    }

    private static func softmax(
        _ settings: Settings,
        _ manifest: SiteManifest?,
        _ initializer: Initializer
    ) throws(TrainingError) -> Entry {
        let reader = try SettingsReader(
            settings, place: "model", code: .model, known: ["name", "features", "classes", "multilabel"])
        let (features, classes) = try sizes("softmax", reader, manifest)
        return Entry(
            model: try built { () throws(TensorError) in
                try SoftmaxModel(features: features, classes: classes, initializer)
            },
            modalities: manifest.map { Array($0.modalities.indices) },
            isMultilabel: try reader.bool("multilabel", false))
    }

    /// The values of an example and the number of classes, from the map or else from the data.
    static func sizes(
        _ name: String, _ reader: SettingsReader<TrainingError>, _ manifest: SiteManifest?
    ) throws(TrainingError) -> (features: Int, classes: Int) {
        let offered = manifest.map { $0.modalities.reduce(0) { $0 + $1.elements } }
        let features = try reader.optionalInt("features", in: 1...(1 << 24)) ?? offered
        let classes = try reader.optionalInt("classes", in: 1...65_536) ?? manifest?.classes.count
        guard let features, let classes else {
            throw TrainingError(
                .model, "model: without data the model '\(name)' needs the keys 'features' and 'classes'")
        }
        if let offered, offered != features {
            throw TrainingError(
                .data, "the data hold \(offered) values an example, the model expects \(features) (model.features)")
        }
        return (features, classes)
    }

    static func built<Model>(_ make: () throws(TensorError) -> Model) throws(TrainingError) -> Model {
        do throws(TensorError) {
            return try make()
        } catch {
            throw TrainingError(.model, "model: cannot be made", cause: error)
        }
    }
}
