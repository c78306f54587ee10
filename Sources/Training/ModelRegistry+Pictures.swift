import Datasets
import Jobs
import Layers
import ModelZoo
import Tensors

extension ModelRegistry {
    /// Makes the convolutional network for pictures.
    static func picture(
        _ settings: Settings,
        _ manifest: SiteManifest?,
        _ initializer: Initializer
    ) throws(TrainingError) -> Entry {
        let reader = try SettingsReader(
            settings, place: "model", code: .model,
            known: ["name", "shape", "classes", "filters", "hidden", "dropout", "hiddenDropout"])
        let offered = manifest?.modalities.first?.shape
        let shape = try reader.optionalInts("shape", in: 1...4096) ?? offered
        let classes = try reader.optionalInt("classes", in: 1...65_536) ?? manifest?.classes.count
        guard let shape, let classes else {
            throw TrainingError(.model, "model: without data the model 'cnn' needs the keys 'shape' and 'classes'")
        }
        if let manifest, manifest.modalities.count != 1 || offered != shape {
            let found = manifest.modalities.map { "\($0.name) \($0.shape)" }.joined(separator: ", ")
            throw TrainingError(
                .data,
                "data set '\(manifest.dataset)' has the modalities \(found), expected one of shape \(shape) (model.shape)"
            )
        }
        var configuration = PictureModel.Configuration(shape: shape, classes: classes)
        configuration.filters = try reader.optionalInts("filters", in: 1...4096) ?? configuration.filters
        configuration.hidden = try reader.int("hidden", configuration.hidden, in: 1...65_536)
        configuration.dropout = try reader.double("dropout", configuration.dropout, in: 0...0.99)
        configuration.hiddenDropout = try reader.double("hiddenDropout", configuration.hiddenDropout, in: 0...0.99)
        return Entry(
            model: try built { () throws(TensorError) in try PictureModel(configuration, initializer) },
            modalities: manifest.map { _ in [0] })
    }

    /// Makes the fully connected network.
    static func dense(
        _ settings: Settings,
        _ manifest: SiteManifest?,
        _ initializer: Initializer
    ) throws(TrainingError) -> Entry {
        let reader = try SettingsReader(
            settings, place: "model", code: .model, known: ["name", "features", "classes", "hidden"])
        let (features, classes) = try sizes("mlp", reader, manifest)
        let hidden = try reader.optionalInts("hidden", in: 1...65_536) ?? [200, 200]
        return Entry(
            model: try built { () throws(TensorError) in
                try DenseModel(features: features, hidden: hidden, classes: classes, initializer)
            },
            modalities: manifest.map { Array($0.modalities.indices) })
    }
}
