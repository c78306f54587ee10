import Datasets
import Foundation
import TestSupport
import Testing
import Weights

@Suite struct SiteFolderTests {
    static let modalities = [
        Modality(name: "acc", shape: [4, 2]), Modality(name: "text", shape: [3, 1], hasLengths: true),
    ]

    static func dataset(_ count: Int, subjects: Bool = true) throws -> MultimodalDataset {
        try MultimodalDataset(
            name: "tiny", classes: ["a", "b", "c"], modalities: modalities,
            values: [(0..<count * 8).map { Float($0) / 4 }, (0..<count * 3).map { -Float($0) }],
            labels: (0..<count).map { $0 % 3 }, subjects: subjects ? (0..<count).map { $0 / 2 } : nil,
            lengths: [nil, (0..<count).map { $0 % 4 }])
    }

    @Test(arguments: [1, 3, 10, 100])
    func whatIsWrittenIsRead(shardExamples: Int) throws {
        let folder = try TemporaryFolder()
        let data = try Self.dataset(10)
        let path = folder.file("deep/site-1")
        let train = DatasetView(data, indices: [9, 0, 3, 4, 5, 6, 7])
        let site = try SiteFolder.write(
            to: path, splits: ["train": train, "test": DatasetView(data, indices: [])], shardExamples: shardExamples)
        #expect(site.manifest.counts == ["train": 7, "test": 0])
        try site.verify()
        let read = try SiteFolder(path: path).read(split: "train")
        let expected = try train.materialised()
        #expect(read.values == expected.values)
        #expect(read.labels == expected.labels)
        #expect(read.subjects == expected.subjects)
        #expect(read.lengths == expected.lengths)
        #expect(read.classes == ["a", "b", "c"])
        #expect(try site.read(split: "test").count == 0)
        #expect(throws: DatasetError.self) { try site.read(split: "validation") }
        let error = try #require(throws: DatasetError.self) { try SiteFolder.write(to: path, splits: ["train": train]) }
        #expect(error.code == .exists)
        #expect(try FileManager.default.contentsOfDirectory(atPath: folder.file("deep")) == ["site-1"])
    }

    /// Writes a shard of given tensors with a manifest of three examples.
    private func site(
        _ folder: TemporaryFolder, file: String = "train-0.safetensors", examples: Int = 3, sha256: String? = nil,
        tensors: [(String, DType, [Int], [Float])]
    ) throws -> SiteFolder {
        var weights = Weights(
            zeros: try WeightsSchema(tensors.map { try TensorSpec(name: $0.0, dtype: $0.1, shape: $0.2) }))
        for (name, dtype, _, values) in tensors {
            switch dtype {
            case .i64:
                let integers = values.map { Int64($0) }
                try weights.withUnsafeMutableBytes(of: name) { target in
                    integers.withUnsafeBytes { target.copyMemory(from: $0) }
                }
            case .u8:
                let bytes = values.map { UInt8($0) }
                try weights.withUnsafeMutableBytes(of: name) { $0.copyBytes(from: bytes) }
            default: try weights.setFloats(name, values)
            }
        }
        if file.hasSuffix(".npz") {
            try NPZ.write(weights, to: folder.file(file))
        } else {
            try Safetensors.write(weights, to: folder.file(file))
        }
        let manifest = SiteManifest(
            dataset: "tiny", classes: ["a", "b"], modalities: [Modality(name: "x", shape: [2])],
            splits: ["train": [.init(file: file, examples: examples, sha256: sha256)]])
        try folder.write(try JSONEncoder().encode(manifest), to: "site.json")
        return try SiteFolder(path: folder.path)
    }

    private static let x: (String, DType, [Int], [Float]) = ("x", .f32, [3, 2], [1, 2, 3, 4, 5, 6])

    @Test(arguments: [DType.f32, .f64, .f16, .bf16], ["train-0.safetensors", "train-0.npz"])
    func floatTypesAreConverted(dtype: DType, file: String) throws {
        // NumPy has no bf16.
        guard dtype != .bf16 || file.hasSuffix(".safetensors") else { return }
        let folder = try TemporaryFolder()
        let site = try site(
            folder, file: file,
            tensors: [
                ("x", dtype, [3, 2], [1, 2, 3, 4, 5, 6]), ("labels", .u8, [3], [0, 1, 1]), ("note", .f32, [1], [7]),
            ])
        let data = try site.read(split: "train")
        #expect(data.values == [[1, 2, 3, 4, 5, 6]])
        #expect(data.labels == [0, 1, 1])
        #expect(data.subjects == nil)
    }

    @Test func shardsMustFitTheManifest() throws {
        let labels: (String, DType, [Int], [Float]) = ("labels", .i64, [3], [0, 1, 0])
        let broken: [(tensors: [(String, DType, [Int], [Float])], expected: String)] = [
            ([Self.x], "no tensor 'labels'"),
            ([labels], "no tensor 'x'"),
            ([("x", .f32, [2, 3], [1, 2, 3, 4, 5, 6]), labels], "shape [2, 3], expected [3, 2]"),
            ([("x", .i64, [3, 2], [1, 2, 3, 4, 5, 6]), labels], "'x' is I64"),
            ([Self.x, ("labels", .f32, [3], [0, 1, 0])], "'labels' is F32"),
            ([Self.x, ("labels", .i64, [3, 1], [0, 1, 0])], "shape [3, 1], expected [3]"),
            ([Self.x, ("labels", .i64, [3], [0, 2, 0])], "row 1 is 2, expected 0...1"),
            ([Self.x, ("labels", .i64, [3], [0, 1, -1])], "row 2 is -1"),
            ([Self.x, labels, ("subjects", .f32, [3], [0, 0, 0])], "'subjects' is F32"),
            ([("x", .f32, [3, 2], [1, 2, 3, .nan, 5, 6]), labels], "row 1 holds nan"),
        ]
        for (tensors, expected) in broken {
            let folder = try TemporaryFolder()
            let site = try site(folder, tensors: tensors)
            let error = try #require(throws: DatasetError.self) { try site.read(split: "train") }
            #expect(error.message.contains(expected), "\(error.message)")
            #expect(error.message.contains("train-0.safetensors"))
        }
    }

    @Test func digestsAndLimitsAreChecked() throws {
        let folder = try TemporaryFolder()
        let tensors: [(String, DType, [Int], [Float])] = [Self.x, ("labels", .i64, [3], [0, 1, 0])]
        let wrong = try site(folder, sha256: String(repeating: "0", count: 64), tensors: tensors)
        let mismatch = try #require(throws: DatasetError.self) { try wrong.verify() }
        #expect(mismatch.code == .mismatch)
        let found = try #require(mismatch.message.firstMatch(of: #/SHA-256 is ([0-9a-f]{64})/#)).1
        try site(folder, sha256: String(found), tensors: tensors).verify()
        var limits = SiteFolder.Limits()
        limits.maximumBytes = 8
        let large = try #require(throws: DatasetError.self) { try wrong.read(split: "train", limits: limits) }
        #expect(large.code == .tooLarge)
        let missing = try site(folder, examples: 900_000_000, tensors: tensors)
        #expect(try #require(throws: DatasetError.self) { try missing.read(split: "train") }.code == .tooLarge)
        try FileManager.default.removeItem(atPath: folder.file("train-0.safetensors"))
        #expect(try #require(throws: DatasetError.self) { try wrong.read(split: "train") }.code == .missing)
    }
}
