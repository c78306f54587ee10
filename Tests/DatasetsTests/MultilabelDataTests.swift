import Datasets
import Foundation
import TestSupport
import Testing
import Weights

/// Data where an example may have any number of classes.
@Suite struct MultilabelDataTests {
    static let targets: [Float] = [0, 0, 0, 0, 1, 1, 1, 0, 1, 0, 0, 1, 1, 1, 1]

    static func data(
        labels: [Int]? = nil, targets: [Float]? = targets, count: Int = 5
    ) throws -> MultimodalDataset {
        try MultimodalDataset(
            name: "several", classes: ["a", "b", "c"], modalities: [Modality(name: "x", shape: [2])],
            values: [(0..<count * 2).map { Float($0) }], labels: labels, subjects: (0..<count).map { $0 },
            targets: targets)
    }

    @Test func labelsFollowFromTargets() throws {
        let data = try Self.data()
        #expect(data.isMultilabel)
        #expect(data.labels == [0, 1, 0, 2, 0])
        #expect(try Self.data(labels: [0, 1, 0, 2, 0]).labels == data.labels)
        let view = DatasetView(data, indices: [4, 1, 1])
        #expect(view.targets == [1, 1, 1, 0, 1, 1, 0, 1, 1])
        #expect(view.labels == [0, 1, 1])
        #expect(view.classCounts == [1, 3, 3])
        #expect(try view.materialised().targets == view.targets)
        #expect(try view.selecting([1]).materialised().all.targets == [0, 1, 1])
        let traits = ClientTraits(modalities: nil, gain: 2, offset: 0, noise: 0)
        #expect(try traits.applied(to: view, seed: 1, client: 0).targets == view.targets)
        let single = try SiteFolderTests.dataset(3).all
        #expect(single.targets == nil && single.classCounts == [1, 1, 1])
    }

    @Test(
        arguments: [
            ([], [1, 0]), ([0, 1, 0, 2], targets), (nil, Array(targets.dropLast())), (nil, targets.map { $0 * 0.5 }),
            (nil, targets.map { $0 == 1 ? .nan : 0 }), ([0, 2, 0, 2, 0], targets), (nil, nil),
        ] as [([Int]?, [Float]?)])
    func targetsThatDoNotFitAreRefused(labels: [Int]?, targets: [Float]?) {
        #expect(throws: DatasetError.self) { try Self.data(labels: labels, targets: targets) }
    }

    @Test func labelNoiseIsRefusedAndMissingLabelsWork() throws {
        let data = try Self.data()
        func corrupt(_ description: CorruptionDescription) throws -> CorruptedData {
            let outcome = try CorruptionSimulator(description, seed: 5).training(
                client: 1, labels: data.labels, classes: 3, modalities: 1)
            return try CorruptedData(data.all, outcome)
        }
        let error = try #require(throws: DatasetError.self) {
            try corrupt(CorruptionDescription(erroneousLabels: .constant(0.1)))
        }
        #expect(error.code == .invalidArgument)
        let left = try corrupt(CorruptionDescription(missingLabels: .constant(0.5)))
        #expect((1..<5).contains(left.view.count))
        #expect(left.view.targets == left.positions.flatMap { Self.targets[$0 * 3..<$0 * 3 + 3] })
        #expect(throws: DatasetError.self) { try data.replacingLabels([0, 0, 0, 0, 0]) }
    }

    @Test(arguments: [2, 100]) func aSiteFolderKeepsTargets(shardExamples: Int) throws {
        let folder = try TemporaryFolder()
        let data = try Self.data()
        let site = try SiteFolder.write(
            to: folder.file("site"), splits: ["train": data.all, "test": DatasetView(data, indices: [])],
            shardExamples: shardExamples)
        #expect(site.manifest.isMultilabel)
        try site.verify()
        #expect(try site.read(split: "train").targets == Self.targets)
        #expect(try site.read(split: "train").labels == data.labels)
        let empty = try site.read(split: "test")
        #expect(empty.isMultilabel && empty.count == 0)
        var single = site.manifest
        single.isMultilabel = false
        #expect(!String(decoding: try JSONEncoder().encode(single), as: UTF8.self).contains("multilabel"))
        let mixed = try SiteFolderTests.dataset(3)
        #expect(throws: DatasetError.self) {
            try SiteFolder.write(to: folder.file("mixed"), splits: ["train": data.all, "test": mixed.all])
        }
    }

    @Test(arguments: [DType.f32, .u8, .i64], [0.0, 1, 2]) func foreignShards(dtype: DType, last: Double) throws {
        let folder = try TemporaryFolder()
        var weights = Weights(
            zeros: try WeightsSchema([
                TensorSpec(name: "x", dtype: .f32, shape: [2, 2]),
                TensorSpec(name: "targets", dtype: dtype, shape: [2, 3]),
            ]))
        let values = [1, 0, 1, 0, 1, last]
        try weights.withUnsafeMutableBytes(of: "targets") { target in
            switch dtype {
            case .u8: target.copyBytes(from: values.map { UInt8($0) })
            case .i64: values.map { Int64($0) }.withUnsafeBytes { target.copyMemory(from: $0) }
            default: values.map { Float($0) }.withUnsafeBytes { target.copyMemory(from: $0) }
            }
        }
        try Safetensors.write(weights, to: folder.file("train.safetensors"))
        var manifest = SiteManifest(
            dataset: "d", classes: ["a", "b", "c"], isMultilabel: true, modalities: [Modality(name: "x", shape: [2])],
            splits: ["train": [.init(file: "train.safetensors", examples: 2)]])
        try folder.write(try JSONEncoder().encode(manifest), to: "site.json")
        let site = try SiteFolder(path: folder.path)
        try site.verify()
        if last == 2 {
            let error = try #require(throws: DatasetError.self) { try site.read(split: "train") }
            #expect(error.message.contains("row 1"))
        } else {
            #expect(try site.read(split: "train").targets == values.map { Float($0) })
        }
        // Another number of classes is another shape.
        manifest.classes = ["a", "b"]
        try folder.write(try JSONEncoder().encode(manifest), to: "site.json")
        #expect(throws: DatasetError.self) { try SiteFolder(path: folder.path).verify() }
    }
}
