import Datasets
import Foundation
import Jobs
import Layers
import ModelZoo
import TestSupport
import Training

enum Fixtures {
    /// Two classes on either side of a plane, in two modalities.
    static func separable(_ count: Int = 60, name: String = "tiny") throws -> MultimodalDataset {
        var a: [Float] = []
        var b: [Float] = []
        for row in 0..<count {
            let side: Float = row % 2 == 0 ? 1 : -1
            a += [side + Float(row % 7) / 10, Float(row % 5) / 5 - 0.4]
            b += [-side * 0.5 + Float(row % 3) / 10]
        }
        return try MultimodalDataset(
            name: name, classes: ["even", "odd"],
            modalities: [Modality(name: "a", shape: [2]), Modality(name: "b", shape: [1])], values: [a, b],
            labels: (0..<count).map { $0 % 2 })
    }

    static func softmax(_ data: MultimodalDataset, seed: UInt64 = 8) throws -> ModelRegistry.Entry {
        let model = try SoftmaxModel(
            features: data.modalities.reduce(0) { $0 + $1.elements }, classes: data.classes.count,
            Initializer(seed: seed))
        return ModelRegistry.Entry(model: model, modalities: nil)
    }

    static func site(_ folder: TemporaryFolder, _ name: String = "site") throws -> String {
        let path = folder.file(name)
        let data = try separable()
        try SiteFolder.write(
            to: path,
            splits: [
                "train": DatasetView(data, indices: Array(0..<40)), "test": DatasetView(data, indices: Array(40..<60)),
            ])
        return path
    }

    static func hello(
        _ model: Settings, data: String? = nil, dataset: String = "tiny", seed: UInt64 = 8
    ) -> TrainerRequest.Hello {
        .init(
            job: "job-1", client: "site-1", clientIndex: 7, seed: seed, threads: 1, model: model,
            data: data.map { .init(name: dataset, path: $0) })
    }
}
