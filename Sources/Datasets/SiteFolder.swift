import Crypto
import Foundation
import Weights

/// A folder in which a data owner keeps examples for training: `site.json` (`SiteManifest`) and shards of tensors.
///
/// A shard is a safetensors file, or an NPZ archive, with one tensor a modality `[N, shape…]` (F32; F64, F16 and BF16 are
/// converted), `labels` `[N]` (I64 or U8, from 0), and optionally `subjects` `[N]` and `<modality>.lengths` `[N]` (I64).
/// Where the manifest says `"multilabel": true`, an example may have any number of classes, and `targets` `[N, classes]` of
/// 0 and 1 (U8 or I64, or a float type) takes the place of `labels`. Further tensors are ignored. With NumPy and `safetensors` a folder takes five lines of Python:
///
/// ```python
/// import json, numpy as np
/// from safetensors.numpy import save_file
/// acc, gyro, labels = np.zeros((412, 128, 3), "f4"), np.zeros((412, 128, 3), "f4"), np.zeros(412, "i8")  # your arrays
/// save_file({"acc": acc, "gyro": gyro, "labels": labels}, "site/train-0.safetensors")
/// json.dump({"format": "tributary-site", "version": 1, "dataset": "uci-har", "classes": 6,
///            "modalities": [{"name": n, "shape": [128, 3]} for n in ("acc", "gyro")],
///            "splits": {"train": [{"file": "train-0.safetensors", "examples": 412}]}}, open("site/site.json", "w"))
/// ```
///
/// With NumPy alone, the `save_file` line becomes `np.savez("site/train-0.npz", acc=acc, gyro=gyro, labels=labels)` and the
/// manifest names `train-0.npz`.
///
/// Reading is safe on hostile input: names are plain, sizes come from the manifest and the shards' headers and are checked
/// against limits before memory is taken, every count and shape must agree, and values must be finite.
public struct SiteFolder: Sendable {
    /// How much a reader takes.
    public struct Limits: Sendable {
        /// The most bytes of Float32 values of one split, over all modalities.
        public var maximumBytes = 16 << 30
        /// The most examples of one split.
        public var maximumExamples = 100_000_000

        /// The defaults: 16 GiB, a hundred million examples.
        public init() {}
    }

    /// The folder.
    public let path: String
    /// What it holds.
    public let manifest: SiteManifest

    /// Opens a folder: reads and checks its manifest, not the shards.
    ///
    /// - Throws: `DatasetError` naming the file and the key at fault.
    public init(path: String) throws(DatasetError) {
        self.path = path
        manifest = try SiteManifest.load(folder: path)
    }

    /// Reads a split into memory, shard after shard.
    ///
    /// - Throws: `DatasetError` naming the shard and tensor; `missing` when the manifest has no such split.
    public func read(split: String, limits: Limits = Limits()) throws(DatasetError) -> MultimodalDataset {
        let shards = try shards(of: split)
        let count = manifest.examples(in: split)
        try checkSize(split: split, count: count, limits: limits)
        var values = manifest.modalities.map { _ in [Float]() }
        var lengths: [[Int]?] = manifest.modalities.map { $0.hasLengths ? [] : nil }
        for (index, modality) in manifest.modalities.enumerated() {
            values[index].reserveCapacity(count * modality.elements)
        }
        var labels: [Int] = []
        var targets: [Float]? = manifest.isMultilabel ? [] : nil
        var subjects: [Int]? = []
        for shard in shards {
            let source = try open(shard, limits: limits)
            try check(source, shard)
            for (index, modality) in manifest.modalities.enumerated() {
                try values[index].append(contentsOf: source.floats(modality.name, rows: shard.examples))
                if modality.hasLengths {
                    let range = 0...modality.shape[0]
                    try lengths[index]?.append(contentsOf: source.integers("\(modality.name).lengths", in: range))
                }
            }
            if manifest.isMultilabel {
                try targets?.append(
                    contentsOf: source.flags("targets", rows: shard.examples, columns: manifest.classes.count))
            } else {
                try labels.append(contentsOf: source.integers("labels", in: 0...manifest.classes.count - 1))
            }
            if source.spec("subjects") != nil {
                try subjects?.append(contentsOf: source.integers("subjects", in: Int.min...Int.max))
            } else if shard.examples > 0 {
                subjects = nil
            }
        }
        return try MultimodalDataset(
            name: manifest.dataset, classes: manifest.classes, modalities: manifest.modalities, values: values,
            labels: targets == nil ? labels : nil, subjects: subjects, lengths: lengths, targets: targets)
    }

    /// Checks that every shard is there and that its tensors have the names, types and shapes that the manifest says.
    ///
    /// Of safetensors only the headers are read; digests are checked where given. Values are not looked at.
    ///
    /// - Throws: `DatasetError` for the first shard (splits in alphabetical order) that does not fit.
    public func verify(limits: Limits = Limits()) throws(DatasetError) {
        for split in manifest.splits.keys.sorted() {
            try checkSize(split: split, count: manifest.examples(in: split), limits: limits)
            for shard in try shards(of: split) { try check(open(shard, limits: limits), shard) }
        }
    }

    private func shards(of split: String) throws(DatasetError) -> [SiteManifest.Shard] {
        guard let shards = manifest.splits[split] else {
            let known = manifest.splits.keys.sorted().joined(separator: ", ")
            throw DatasetError(
                .missing, "\(path)/\(SiteManifest.fileName): no split '\(split)', expected one of: \(known)")
        }
        return shards
    }

    private func checkSize(split: String, count: Int, limits: Limits) throws(DatasetError) {
        let perExample =
            manifest.modalities.reduce(0) { $0 + $1.elements * 4 }
            + (manifest.isMultilabel ? manifest.classes.count * 4 : 0)
        let (bytes, overflow) = count.multipliedReportingOverflow(by: perExample)
        guard count <= limits.maximumExamples, !overflow, bytes <= limits.maximumBytes else {
            throw DatasetError(
                .tooLarge,
                "\(path)/\(SiteManifest.fileName): split '\(split)' declares \(count) examples of \(perExample) bytes, at most "
                    + "\(limits.maximumExamples) examples and \(limits.maximumBytes) bytes are read")
        }
    }

    private func open(_ shard: SiteManifest.Shard, limits: Limits) throws(DatasetError) -> ShardReader {
        let file = "\(path)/\(shard.file)"
        if let expected = shard.sha256 {
            let found = try Self.digest(of: file)
            guard found == expected else {
                throw DatasetError(.mismatch, "\(file): SHA-256 is \(found), the manifest says \(expected)")
            }
        }
        return try ShardReader(path: file, maximumBytes: limits.maximumBytes)
    }

    private func check(_ source: ShardReader, _ shard: SiteManifest.Shard) throws(DatasetError) {
        for modality in manifest.modalities {
            try source.expect(modality.name, shape: [shard.examples] + modality.shape, isFloat: true)
            if modality.hasLengths {
                try source.expect("\(modality.name).lengths", shape: [shard.examples], isFloat: false)
            }
        }
        if manifest.isMultilabel {
            let isFloat = source.spec("targets")?.dtype.isFloat ?? false
            try source.expect("targets", shape: [shard.examples, manifest.classes.count], isFloat: isFloat)
        } else {
            try source.expect("labels", shape: [shard.examples], isFloat: false)
        }
        if source.spec("subjects") != nil {
            try source.expect("subjects", shape: [shard.examples], isFloat: false)
        }
    }

    private static func digest(of path: String) throws(DatasetError) -> String {
        guard BoundedFile.exists(path), let handle = FileHandle(forReadingAtPath: path) else {
            throw DatasetError(.missing, "\(path): no such file")
        }
        defer { try? handle.close() }
        var hash = SHA256()
        do {
            while let block = try handle.read(upToCount: 1 << 20), !block.isEmpty { hash.update(data: block) }
        } catch {
            throw DatasetError(.inputOutput, "\(path): cannot be read", cause: error)
        }
        return hash.finalize().map { byte in
            let digits = String(byte, radix: 16)
            return byte < 16 ? "0" + digits : digits
        }.joined()
    }
}
