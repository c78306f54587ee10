public import Foundation

/// The manifest `site.json` of a site folder: what a data owner offers, without any of the data.
///
/// A client daemon reads it for its hello and its `check`; a trainer reads the shards through `SiteFolder`.
/// Loading is safe on hostile input: the file is capped, names are plain, counts and shapes are bounded.
///
/// ```json
/// {"format": "tributary-site", "version": 1, "dataset": "uci-har", "classes": ["walking", "sitting"],
///  "modalities": [{"name": "acc", "shape": [128, 3]}, {"name": "gyro", "shape": [128, 3]}],
///  "splits": {"train": [{"file": "train-0.safetensors", "examples": 412}]}}
/// ```
public struct SiteManifest: Sendable, Equatable, Codable {
    /// The value of the key `format`.
    public static let formatName = "tributary-site"
    /// The version this code reads and writes.
    public static let currentVersion = 1
    /// The name of the manifest inside its folder.
    public static let fileName = "site.json"
    /// The largest manifest read, in bytes.
    public static let maximumBytes = 1 << 20
    /// The largest number of classes.
    public static let maximumClasses = 4096
    /// The largest number of examples a split may declare.
    public static let maximumExamples = 1_000_000_000

    /// One file of a split.
    public struct Shard: Sendable, Equatable, Codable {
        /// A plain file name inside the folder, ending in `.safetensors` or `.npz`.
        public var file: String
        /// How many examples the file holds.
        public var examples: Int
        /// The SHA-256 of the file in lower-case hexadecimal, checked on reading where given.
        public var sha256: String?

        /// Makes a shard entry.
        public init(file: String, examples: Int, sha256: String? = nil) {
            self.file = file
            self.examples = examples
            self.sha256 = sha256
        }
    }

    /// The name that jobs ask for.
    public var dataset: String
    /// One name a class. A manifest that gives only a number gets the names `class-0`, `class-1`, ….
    public var classes: [String]
    /// Whether an example may have any number of classes, the key `multilabel`: shards then hold `targets` instead of
    /// `labels`.
    public var isMultilabel: Bool
    /// The inputs of each example.
    public var modalities: [Modality]
    /// The shards of each split (`train`, `test`, …), in reading order.
    public var splits: [String: [Shard]]

    /// Makes a manifest; `validate(place:)` checks it.
    public init(
        dataset: String, classes: [String], isMultilabel: Bool = false, modalities: [Modality],
        splits: [String: [Shard]]
    ) {
        self.dataset = dataset
        self.classes = classes
        self.isMultilabel = isMultilabel
        self.modalities = modalities
        self.splits = splits
    }

    /// The number of examples of a split, 0 if there is none of that name.
    public func examples(in split: String) -> Int {
        (splits[split] ?? []).reduce(0) { $0 + $1.examples }
    }

    /// The number of examples of every split.
    public var counts: [String: Int] {
        splits.mapValues { $0.reduce(0) { $0 + $1.examples } }
    }

    private enum CodingKeys: String, CodingKey {
        case format, version, dataset, classes, modalities, splits
        case isMultilabel = "multilabel"
    }

    /// Decodes a manifest, accepting a number for `classes`.
    public init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        let format = try container.decode(String.self, forKey: .format)
        guard format == Self.formatName else {
            throw DecodingError.dataCorruptedError(
                forKey: .format, in: container,
                debugDescription: "format is \(format.prefix(64).debugDescription), expected \"\(Self.formatName)\"")
        }
        let version = try container.decode(Int.self, forKey: .version)
        guard version == Self.currentVersion else {
            throw DecodingError.dataCorruptedError(
                forKey: .version, in: container,
                debugDescription: "version is \(version), this program reads \(Self.currentVersion)")
        }
        dataset = try container.decode(String.self, forKey: .dataset)
        if let number = try? container.decode(Int.self, forKey: .classes) {
            guard (1...Self.maximumClasses).contains(number) else {
                throw DecodingError.dataCorruptedError(
                    forKey: .classes, in: container,
                    debugDescription: "classes is \(number), expected 1...\(Self.maximumClasses)")
            }
            classes = (0..<number).map { "class-\($0)" }
        } else {
            classes = try container.decode([String].self, forKey: .classes)
        }
        isMultilabel = try container.decodeIfPresent(Bool.self, forKey: .isMultilabel) ?? false
        modalities = try container.decode([Modality].self, forKey: .modalities)
        splits = try container.decode([String: [Shard]].self, forKey: .splits)
    }

    /// Encodes the form that `init(from:)` reads; `multilabel` only when set.
    public func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encode(Self.formatName, forKey: .format)
        try container.encode(Self.currentVersion, forKey: .version)
        try container.encode(dataset, forKey: .dataset)
        try container.encode(classes, forKey: .classes)
        if isMultilabel { try container.encode(true, forKey: .isMultilabel) }
        try container.encode(modalities, forKey: .modalities)
        try container.encode(splits, forKey: .splits)
    }
}

extension SiteManifest {
    /// Reads and checks the manifest of a folder.
    ///
    /// - Parameter folder: the path of the site folder.
    /// - Throws: `DatasetError` naming the file and the key at fault.
    public static func load(folder: String) throws(DatasetError) -> SiteManifest {
        let path = folder + "/" + fileName
        let bytes = try BoundedFile.read(path, maximumBytes: maximumBytes)
        return try parse(bytes, place: path)
    }

    /// Reads and checks a manifest from its bytes.
    ///
    /// - Parameter place: the name of the source, for messages.
    public static func parse(_ bytes: Data, place: String) throws(DatasetError) -> SiteManifest {
        let manifest: SiteManifest
        do {
            manifest = try JSONDecoder().decode(SiteManifest.self, from: bytes)
        } catch let error as DecodingError {
            throw DatasetError(.malformed, "\(place): \(Self.explain(error))")
        } catch {
            throw DatasetError(.malformed, "\(place): not a JSON manifest", cause: error)
        }
        try manifest.validate(place: place)
        return manifest
    }

    /// Checks every name, count and shape.
    ///
    /// - Parameter place: the name of the source, for messages.
    public func validate(place: String) throws(DatasetError) {
        guard Modality.isPlainName(dataset) else {
            throw DatasetError(
                .malformed,
                "\(place): dataset \(dataset.prefix(80).debugDescription): expected 1 to 64 letters, digits, '_' or '-', "
                    + "starting with a letter")
        }
        guard (1...Self.maximumClasses).contains(classes.count) else {
            throw DatasetError(
                .malformed, "\(place): \(classes.count) classes, expected 1...\(Self.maximumClasses)")
        }
        guard Set(classes).count == classes.count else {
            throw DatasetError(.malformed, "\(place): two classes have the same name")
        }
        guard (1...32).contains(modalities.count), Set(modalities.map(\.name)).count == modalities.count else {
            throw DatasetError(.malformed, "\(place): modalities: expected 1 to 32 with different names")
        }
        for modality in modalities { try modality.validate(in: place) }
        for (split, shards) in splits.sorted(by: { $0.key < $1.key }) {
            guard Modality.isPlainName(split) else {
                throw DatasetError(
                    .malformed,
                    "\(place): split name \(split.prefix(80).debugDescription): expected letters, digits, '_' or '-'")
            }
            var total = 0
            for shard in shards {
                try shard.validate(place: "\(place): splits.\(split)")
                total += shard.examples
                guard total <= Self.maximumExamples else {
                    throw DatasetError(
                        .tooLarge, "\(place): splits.\(split): more than \(Self.maximumExamples) examples")
                }
            }
        }
    }

    private static func explain(_ error: DecodingError) -> String {
        func path(_ context: DecodingError.Context, _ last: (any CodingKey)? = nil) -> String {
            let keys = (context.codingPath + (last.map { [$0] } ?? [])).map {
                $0.intValue.map { "[\($0)]" } ?? $0.stringValue
            }
            return keys.isEmpty ? "the top level" : keys.joined(separator: ".")
        }
        switch error {
        case .keyNotFound(let key, let context): return "key \(path(context, key)) is missing"
        case .typeMismatch(let type, let context): return "\(path(context)): expected \(type)"
        case .valueNotFound(let type, let context): return "\(path(context)) is null, expected \(type)"
        case .dataCorrupted(let context): return "\(path(context)): \(context.debugDescription)"
        @unknown default: return "not a manifest"
        }
    }
}

extension SiteManifest.Shard {
    /// Checks the file name, the count and the form of the digest.
    func validate(place: String) throws(DatasetError) {
        let isPlain =
            (1...255).contains(file.utf8.count) && !file.hasPrefix(".")
            && file.utf8.allSatisfy { byte in byte != 0x2F && byte != 0x5C && byte >= 0x20 && byte != 0x7F }
        guard isPlain, file.hasSuffix(".safetensors") || file.hasSuffix(".npz") else {
            throw DatasetError(
                .malformed,
                "\(place): file \(file.prefix(80).debugDescription): expected a plain name inside the folder, ending in "
                    + ".safetensors or .npz")
        }
        guard (0...SiteManifest.maximumExamples).contains(examples) else {
            throw DatasetError(
                .malformed,
                "\(place): '\(file)' declares \(examples) examples, expected 0...\(SiteManifest.maximumExamples)")
        }
        if let sha256 {
            let isDigest = sha256.utf8.count == 64 && sha256.allSatisfy { "0123456789abcdef".contains($0) }
            guard isDigest else {
                throw DatasetError(
                    .malformed, "\(place): '\(file)': sha256 must be 64 lower-case hexadecimal digits")
            }
        }
    }
}
