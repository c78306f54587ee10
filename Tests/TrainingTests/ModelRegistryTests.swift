import Datasets
import Foundation
import Jobs
import Layers
import ModelZoo
import Tensors
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

    @Test func picturesGiveTheNetworkItsShape() throws {
        let pictures = manifest([Modality(name: "image", shape: [1, 28, 28])], classes: 10)
        let network = try make(["name": "cnn", "hidden": 8], pictures)
        #expect(network.modalities == [0])
        let without: Settings = ["name": "cnn", "hidden": 8, "shape": [1, 28, 28], "classes": 10]
        #expect(try make(without).model.weights() == network.model.weights())
        let dense = try make(["name": "mlp"], pictures)
        #expect(dense.model.parameterCount == 199_210)
        #expect(dense.modalities == [0])
    }

    @Test func everyMistakeIsNamed() throws {
        let cases: [(settings: Settings, manifest: SiteManifest?, code: TrainingError.Code, expected: String)] = [
            ([:], nil, .model, "key 'name' is missing"),
            (["name": "hra"], nil, .model, "unknown model 'hra': did you mean 'har'?"),
            (
                ["name": "resnet"], nil, .model,
                "expected one of cnn, ecg, echo, har, image-text, mlp, mmaction, ser, softmax, unimodal"
            ),
            (["name": 3], nil, .model, "model.name"),
            (["name": "har", "fussion": "concat"], nil, .model, "did you mean 'fusion'?"),
            (["name": "har", "fusion": "atention"], nil, .model, "did you mean 'attention'?"),
            (["name": "har", "hidden": 6], nil, .model, "multiple of 4"),
            (["name": "har", "modalities": []], nil, .model, "model.modalities"),
            (["name": "softmax"], nil, .model, "'features' and 'classes'"),
            (["name": "mlp", "classes": 2], nil, .model, "'mlp' needs the keys 'features' and 'classes'"),
            (["name": "mlp", "hidden": [0], "features": 2, "classes": 2], nil, .model, "model.hidden"),
            (["name": "cnn"], nil, .model, "'shape' and 'classes'"),
            (["name": "cnn"], manifest(), .data, "expected one of shape [128, 3]"),
            (["name": "cnn", "shape": [3, 5, 5], "classes": 2], nil, .model, "cannot be made"),
            (["name": "cnn", "shape": [1, 28, 28], "classes": 2, "filters": [8]], nil, .model, "cannot be made"),
            (["name": "softmax", "features": 5], manifest(), .data, "768 values"),
            (["name": "har", "classes": 5], manifest(), .data, "6 classes, the model 5"),
            (["name": "har", "modalities": ["acc", "giro"]], manifest(), .data, "did you mean 'gyro'?"),
            (
                ["name": "har"],
                manifest([Modality(name: "acc", shape: [128, 3]), Modality(name: "gyro", shape: [7, 3])]), .data,
                "[7, 3]"
            ),
            (["name": "har", "channels": 6], manifest(), .data, "[128, 3]"),
            (
                ["name": "har", "channels": [3, 3, 3]], nil, .model,
                "found 3 values, expected 1 or as many as modalities, 2"
            ),
            (["name": "har", "channels": [3, 0]], nil, .model, "model.channels: found 0"),
            (["name": "har", "channels": []], nil, .model, "model.channels"),
            (["name": "har", "faithful": 1], nil, .model, "expected true or false"),
            (["name": "har", "encoders": "recurent"], nil, .model, "did you mean 'recurrent'?"),
            (["name": "har", "modalities": ["a", "a"]], nil, .model, "different names"),
            (["name": "ser", "modalities": ["audio", "txt"]], nil, .model, "did you mean 'text'?"),
            (["name": "ser", "modalities": ["audio", "depth"], "channels": [80, 9]], nil, .model, "'encoders'"),
            (["name": "ser"], manifest(classes: 4), .data, "has no modality 'audio'"),
            (["name": "unimodal", "classes": 4], nil, .model, "'modalities' with one name"),
            (["name": "unimodal", "modalities": ["acc"]], nil, .model, "needs the key 'classes'"),
            (["name": "unimodal", "modalities": ["acc", "gyro"], "classes": 4], nil, .model, "expected one modality"),
            (
                ["name": "image-text"],
                manifest(
                    [Modality(name: "image", shape: [2, 1280]), Modality(name: "text", shape: [9, 512])], classes: 2),
                .data, "expected [1280] or [1, 1280]"
            ),
            (
                ["name": "unimodal", "modalities": ["text"]],
                manifest([Modality(name: "text", shape: [9, 511])]), .data, "expected [at least 1 steps, 512]"
            ),
        ]
        for (settings, manifest, code, expected) in cases {
            let error = try #require(throws: TrainingError.self) { try make(settings, manifest) }
            #expect(error.code == code, "\(error)")
            #expect(error.description.contains(expected), "\(error)")
        }
    }

    /// What the parameters of a model are called before the first dot.
    private func parts(_ entry: ModelRegistry.Entry) -> Set<Substring> {
        Set(entry.model.parameters().map { $0.name.prefix { $0 != "." } })
    }

    @Test func everyFamilyFindsItsData() throws {
        let image = Modality(name: "image", shape: [1280])
        let text = Modality(name: "text", shape: [32, 512], hasLengths: true)
        let audio = Modality(name: "audio", shape: [150, 80], hasLengths: true)
        let video = Modality(name: "video", shape: [8, 1280], hasLengths: true)
        let leads = ["v1_to_v6", "i_to_avf"].map { Modality(name: $0, shape: [1000, 6]) }
        let cases: [(name: String, modalities: [Modality], positions: [Int], parts: Set<Substring>)] = [
            ("ser", [text, audio], [1, 0], ["audio_conv", "audio_rnn", "text_rnn"]),
            ("mmaction", [audio, video], [0, 1], ["audio_conv", "audio_rnn", "video_rnn"]),
            ("image-text", [text, image], [1, 0], ["img_proj", "text_rnn"]),
            ("ecg", leads, [1, 0], ["i_to_avf_conv", "i_to_avf_rnn", "v1_to_v6_conv", "v1_to_v6_rnn"]),
        ]
        for (name, modalities, positions, expected) in cases {
            let family = try #require(FusionModel.Family(rawValue: name))
            let entry = try make(["name": .string(name)], manifest(modalities, classes: family.classes))
            #expect(entry.modalities == positions)
            #expect(parts(entry) == expected.union(["fuse_att", "classifier"]))
            #expect(entry.isMultilabel == (name == "ecg"))
            #expect(try entry.model.weights() == make(["name": .string(name)]).model.weights())
        }
        let alone = try make(["name": "unimodal", "modalities": ["video"]], manifest([audio, video], classes: 3))
        #expect(alone.modalities == [1])
        #expect(alone.model.classCount == 3)
        #expect(parts(alone) == ["rnn", "att", "classifier"])
    }

    @Test func modalitiesCanBeAddedAndDescribed() throws {
        let three = try make(["name": "ser", "modalities": ["audio", "text", "image"], "fusion": "concat"])
        #expect(
            parts(three) == [
                "audio_conv", "audio_rnn", "text_rnn", "img_proj", "audio_proj", "text_proj", "classifier",
            ])
        let own = try make([
            "name": "mmaction", "modalities": ["depth", "touch"], "encoders": ["recurrent", "projection"],
            "channels": [7, 9], "multilabel": true, "hidden": 8,
        ])
        #expect(own.isMultilabel)
        let schema = try own.model.schema()
        #expect(schema["depth_rnn.weight_ih_l0"]?.shape == [24, 7])
        #expect(schema["touch_proj.0.weight"]?.shape == [8, 9])
    }

    @Test func theLossFollowsTheLabels() throws {
        let one = try make(["name": "har", "hidden": 8, "classes": 3])
        let several = try make(["name": "har", "hidden": 8, "classes": 3, "multilabel": true])
        let logits = try Tensor([1, -2, 0.5, 3, 0, -1] as [Float], shape: [2, 3])
        let classes = ModelBatch(inputs: [], labels: try Tensor([2, 0]))
        let targets = ModelBatch(inputs: [], labels: try Tensor([0, 0, 1, 1, 0, 0] as [Float], shape: [2, 3]))
        #expect(try one.loss(logits, classes).item() == logits.crossEntropy(Tensor([2, 0])).item())
        let loss = try several.loss(logits, targets).item()
        // −log σ(0.5) − log σ(−1) − log σ(2) and −log σ(3) − log σ(0) − log σ(1), over six.
        let expected = [-0.5, 1, -2, -3, 0, -1].reduce(0.0) { $0 + log1p(exp($1)) } / 6
        #expect(abs(loss - expected) < 1e-6)
        #expect(try several.loss(logits, classes).item() == loss)
        #expect(abs(try several.loss(logits, targets, reduction: .sum).item() - 2 * loss) < 1e-6)
        #expect(throws: TensorError.self) { try several.loss(logits, ModelBatch(inputs: [])) }
    }
}
