import Foundation
import Weights

extension SiteFolder {
    /// Writes a site folder.
    ///
    /// Everything goes into a hidden folder beside the target, which is renamed when it is complete, so that a site
    /// folder is either whole or absent. Shards hold Float32 values, I64 labels, and I64 subjects where known; U8
    /// targets in place of labels where an example may have several.
    ///
    /// - Parameters:
    ///   - path: the folder to make; it must not exist. Its parent is made where missing.
    ///   - splits: the examples of each split; all from data sets of the same name, classes and modalities.
    ///   - shardExamples: the most examples of one shard.
    /// - Returns: the folder, opened.
    /// - Throws: `DatasetError` with code `exists` when something is there already.
    @discardableResult
    public static func write(
        to path: String,
        splits: [String: DatasetView],
        shardExamples: Int = 4096
    ) throws(DatasetError) -> SiteFolder {
        guard shardExamples >= 1 else {
            throw DatasetError(.invalidArgument, "a shard of \(shardExamples) examples, expected at least 1")
        }
        guard let first = splits.min(by: { $0.key < $1.key })?.value.dataset else {
            throw DatasetError(.invalidArgument, "\(path): a site folder needs at least one split")
        }
        for (split, view) in splits {
            let other = view.dataset
            guard other.name == first.name, other.classes == first.classes, other.modalities == first.modalities,
                other.isMultilabel == first.isMultilabel
            else {
                throw DatasetError(
                    .mismatch, "\(path): split '\(split)' has another name, classes, modalities or kind of labels")
            }
            guard view.corruption == nil else {
                throw DatasetError(
                    .invalidArgument, "\(path): split '\(split)' is corrupted; expected a copy made by materialised()")
            }
        }
        var shards: [String: [SiteManifest.Shard]] = [:]
        for (split, view) in splits {
            shards[split] = stride(from: 0, to: view.count, by: shardExamples).enumerated().map { number, start in
                SiteManifest.Shard(
                    file: "\(split)-\(number).safetensors", examples: min(shardExamples, view.count - start))
            }
        }
        let manifest = SiteManifest(
            dataset: first.name, classes: first.classes, isMultilabel: first.isMultilabel,
            modalities: first.modalities, splits: shards)
        try manifest.validate(place: path)
        let target = URL(fileURLWithPath: path)
        guard !FileManager.default.fileExists(atPath: target.path) else {
            throw DatasetError(.exists, "\(path): is already there; remove it or choose another folder")
        }
        let staging = target.deletingLastPathComponent().appendingPathComponent(".\(target.lastPathComponent).part")
        do {
            try? FileManager.default.removeItem(at: staging)
            try FileManager.default.createDirectory(at: staging, withIntermediateDirectories: true)
            do {
                for (split, view) in splits {
                    for (number, shard) in (shards[split] ?? []).enumerated() {
                        let start = number * shardExamples
                        try Safetensors.write(
                            tensors(of: view.selecting(start..<start + shard.examples)),
                            to: staging.appendingPathComponent(shard.file).path)
                    }
                }
                let encoder = JSONEncoder()
                encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
                try encoder.encode(manifest).write(to: staging.appendingPathComponent(SiteManifest.fileName))
                try FileManager.default.moveItem(at: staging, to: target)
            } catch {
                try? FileManager.default.removeItem(at: staging)
                throw error
            }
        } catch {
            throw DatasetError(.inputOutput, "\(path): cannot be written", cause: error)
        }
        return try SiteFolder(path: path)
    }

    /// The tensors of a shard.
    private static func tensors(of view: DatasetView) throws -> Weights {
        let modalities = view.dataset.modalities
        let targets = view.targets
        var specs = [
            targets == nil
                ? try TensorSpec(name: "labels", dtype: .i64, shape: [view.count])
                : try TensorSpec(name: "targets", dtype: .u8, shape: [view.count, view.dataset.classes.count])
        ]
        if view.dataset.subjects != nil {
            specs.append(try TensorSpec(name: "subjects", dtype: .i64, shape: [view.count]))
        }
        for modality in modalities {
            specs.append(try TensorSpec(name: modality.name, dtype: .f32, shape: [view.count] + modality.shape))
            if modality.hasLengths {
                specs.append(try TensorSpec(name: "\(modality.name).lengths", dtype: .i64, shape: [view.count]))
            }
        }
        var weights = Weights(zeros: try WeightsSchema(specs))
        if let targets {
            try weights.withUnsafeMutableBytes(of: "targets") { $0.copyBytes(from: targets.lazy.map { UInt8($0) }) }
        } else {
            try set("labels", view.labels, in: &weights)
        }
        if let subjects = view.subjects { try set("subjects", subjects, in: &weights) }
        for (index, modality) in modalities.enumerated() {
            try weights.setFloats(modality.name, view.gather(modality: index))
            if let lengths = view.lengths(modality: index) {
                try set("\(modality.name).lengths", lengths, in: &weights)
            }
        }
        return weights
    }

    private static func set(_ name: String, _ values: [Int], in weights: inout Weights) throws {
        let elements = values.map { Int64($0).littleEndian }
        try weights.withUnsafeMutableBytes(of: name) { target in
            elements.withUnsafeBytes { target.copyMemory(from: $0) }
        }
    }
}
