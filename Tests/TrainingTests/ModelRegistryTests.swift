import Datasets
import Jobs
import Layers
import ModelZoo
import Testing
import Training
import Weights

@Suite struct ModelRegistryTests {
    private func manifest(
        _ modalities: [Modality] = UCIHARReader.modalities, classes: Int = 6
    ) -> SiteManifest {
        SiteManifest(
            dataset: "d", classes: (0..<classes).map { "class-\($0)" }, modalities: modalities, splits: [:])
    }

    private func make(_ settings: Settings, _ manifest: SiteManifest? = nil) throws -> ModelRegistry.Entry {
        try ModelRegistry.make(settings, manifest: manifest, Initializer(seed: 8))
    }

    @Test func theSchemaDoesNotDependOnWhetherThereIsData() throws {
        for settings in [["name": "har"], ["name": "har", "fusion": "concat"]] as [Settings] {
            let with = try make(settings, manifest())
            let without = try make(settings)
            #expect(try with.model.weights() == without.model.weights())
            #expect(with.modalities == [0, 1])
            #expect(without.modalities == nil)
        }
        let softmax: Settings = ["name": "softmax", "features": 768, "classes": 6]
        #expect(try make(softmax, manifest()).model.weights() == make(softmax).model.weights())
        #expect(try make(["name": "softmax"], manifest()).model.weights() == make(softmax).model.weights())
    }

    @Test func modalitiesAreFoundByName() throws {
        let reversed = manifest(UCIHARReader.modalities.reversed())
        #expect(try make(["name": "har"], reversed).modalities == [1, 0])
        let one = try make(["name": "har", "modalities": ["gyro"]], reversed)
        #expect(one.modalities == [0])
        #expect(try one.model.schema().tensors.allSatisfy { !$0.name.hasPrefix("acc") })
    }

    @Test func everyMistakeIsNamed() throws {
        let cases: [(settings: Settings, manifest: SiteManifest?, code: TrainingError.Code, expected: String)] = [
            ([:], nil, .model, "key 'name' is missing"),
            (["name": "hra"], nil, .model, "unknown model 'hra': did you mean 'har'?"),
            (["name": "resnet"], nil, .model, "expected one of echo, har, softmax"),
            (["name": 3], nil, .model, "model.name"),
            (["name": "har", "fussion": "concat"], nil, .model, "did you mean 'fusion'?"),
            (["name": "har", "fusion": "atention"], nil, .model, "did you mean 'attention'?"),
            (["name": "har", "hidden": 6], nil, .model, "multiple of 4"),
            (["name": "har", "modalities": []], nil, .model, "model.modalities"),
            (["name": "softmax"], nil, .model, "'features' and 'classes'"),
            (["name": "softmax", "features": 5], manifest(), .data, "768 values"),
            (["name": "har", "classes": 5], manifest(), .data, "6 classes, the model 5"),
            (["name": "har", "modalities": ["acc", "giro"]], manifest(), .data, "did you mean 'gyro'?"),
            (
                ["name": "har"],
                manifest([Modality(name: "acc", shape: [128, 3]), Modality(name: "gyro", shape: [7, 3])]), .data,
                "[7, 3]"
            ),
            (["name": "har", "channels": 6], manifest(), .data, "[128, 3]"),
        ]
        for (settings, manifest, code, expected) in cases {
            let error = try #require(throws: TrainingError.self) { try make(settings, manifest) }
            #expect(error.code == code, "\(error)")
            #expect(error.description.contains(expected), "\(error)")
        }
    }
}
