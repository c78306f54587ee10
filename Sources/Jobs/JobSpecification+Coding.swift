import Configuration
public import Foundation

extension JobSpecification: Decodable {
    /// Reads a specification and fills the defaults in.
    public init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        self.init(
            name: try container.decode(String.self, forKey: .name),
            model: try container.decode(Settings.self, forKey: .model),
            data: try container.decode(String.self, forKey: .data),
            rounds: try container.decode(Int.self, forKey: .rounds),
            seed: try container.decodeIfPresent(UInt64.self, forKey: .seed) ?? 1,
            clients: try container.decodeIfPresent(Clients.self, forKey: .clients) ?? Clients(),
            deadline: try container.decodeIfPresent(Double.self, forKey: .deadline) ?? 3600,
            adaptiveDeadline: try container.decodeIfPresent(Settings.self, forKey: .adaptiveDeadline),
            asynchronous: try container.decodeIfPresent(Settings.self, forKey: .asynchronous),
            attempts: try container.decodeIfPresent(Int.self, forKey: .attempts) ?? 3,
            strategy: try Self.named(.strategy, "name", container) ?? ["name": "fedavg"],
            aggregation: try Self.named(.aggregation, "rule", container) ?? [:],
            privacy: try container.decodeIfPresent(Settings.self, forKey: .privacy) ?? [:],
            encoding: try Self.named(.encoding, "name", container) ?? [:],
            secureAggregation: try container.decodeIfPresent(Settings.self, forKey: .secureAggregation) ?? [:],
            reportFigures: try container.decodeIfPresent(ReportedFigures.self, forKey: .reportFigures),
            attack: try container.decodeIfPresent(Settings.self, forKey: .attack) ?? [:],
            corruption: try container.decodeIfPresent(Settings.self, forKey: .corruption) ?? [:],
            partition: try container.decodeIfPresent(Settings.self, forKey: .partition) ?? [:],
            clock: try container.decodeIfPresent(Settings.self, forKey: .clock) ?? [:],
            training: try container.decodeIfPresent(Settings.self, forKey: .training) ?? [:],
            evaluation: try container.decodeIfPresent(Evaluation.self, forKey: .evaluation) ?? Evaluation(),
            selectBy: try container.decodeIfPresent(MetricSelector.self, forKey: .selectBy)
                ?? MetricSelector("macroF1"),
            crossSite: try container.decodeIfPresent(CrossSiteSelection.self, forKey: .crossSite),
            contributions: try container.decodeIfPresent(ContributionSettings.self, forKey: .contributions),
            limits: try container.decodeIfPresent(Limits.self, forKey: .limits) ?? Limits(),
            kept: try container.decodeIfPresent([String].self, forKey: .kept) ?? [],
            latest: try container.decodeIfPresent([String].self, forKey: .latest) ?? [],
            keepUpdates: try container.decodeIfPresent(Bool.self, forKey: .keepUpdates) ?? false,
            checkpointEvery: try container.decodeIfPresent(Int.self, forKey: .checkpointEvery) ?? 0
        )
    }

    /// A map, or the text of its main key alone; nil when the key is absent.
    private static func named(
        _ key: CodingKeys, _ main: String, _ container: KeyedDecodingContainer<CodingKeys>
    ) throws -> Settings? {
        guard container.contains(key) else { return nil }
        if let name = try? container.decode(String.self, forKey: key) { return [main: .string(name)] }
        return try container.decode(Settings.self, forKey: key)
    }

    /// The largest specification that is read, in bytes.
    public static let maximumBytes = 1 << 20

    /// Reads and checks the JSON form, as it comes over the wire. Unknown keys are ignored: a later version may send
    /// them.
    ///
    /// - Throws: `JobsError` with the code `invalidSpecification`.
    public init(json: Data) throws {
        guard json.count <= Self.maximumBytes else {
            throw JobsError(
                code: .invalidSpecification,
                message: "job specification: found \(json.count) bytes, expected at most \(Self.maximumBytes)"
            )
        }
        do {
            self = try JSONDecoder().decode(Self.self, from: json).validated()
        } catch let error as DecodingError {
            throw JobsError(
                code: .invalidSpecification,
                message: "job specification: \(DecodingProblem.describe(error))"
            )
        }
    }

    /// The JSON form with sorted keys and every default written out: equal specifications give equal bytes.
    ///
    /// - Throws: `JobsError` with the code `invalidSpecification` when a value cannot be written as JSON.
    public func canonicalJSON() throws -> Data {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        do {
            return try encoder.encode(self)
        } catch {
            throw JobsError(
                code: .invalidSpecification,
                message: "job specification: cannot be written as JSON",
                cause: error
            )
        }
    }

    /// Reads and checks a YAML (or JSON) file; unknown keys are errors with their line.
    ///
    /// - Parameters:
    ///   - path: The file.
    ///   - overrides: Values for dotted key paths, for instance `["clients.minimum": "3"]`; they win over the file.
    /// - Throws: `ConfigurationError` for what the file says, `JobsError` for what it means.
    public static func load(path: String, overrides: [String: String] = [:]) throws -> JobSpecification {
        try ConfigurationFile.load(JobSpecification.self, path: path, overrides: overrides).validated(in: path)
    }
}

extension JobSpecification.Clients: Decodable {
    /// Reads the rules; `perRound` is `minimum` when left out, and `minimumUpdates` is `perRound`.
    public init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        self.init(
            minimum: try container.decodeIfPresent(Int.self, forKey: .minimum) ?? 1,
            perRound: try container.decodeIfPresent(Int.self, forKey: .perRound),
            minimumUpdates: try container.decodeIfPresent(Int.self, forKey: .minimumUpdates),
            targetUpdates: try container.decodeIfPresent(Int.self, forKey: .targetUpdates),
            participants: try container.decodeIfPresent([String].self, forKey: .participants),
            sampling: try container.decodeIfPresent(JobSpecification.Clients.Sampling.self, forKey: .sampling)
                ?? .uniform
        )
    }
}

extension JobSpecification.Limits: Decodable {
    /// Reads the limits.
    public init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        self.init(
            maximumExamples: try container.decodeIfPresent(Int.self, forKey: .maximumExamples) ?? 1_000_000,
            maximumNorm: try container.decodeIfPresent(Double.self, forKey: .maximumNorm),
            quarantineAfter: try container.decodeIfPresent(Int.self, forKey: .quarantineAfter))
    }
}

extension JobSpecification.Evaluation: Codable {
    private struct Key: CodingKey {
        var stringValue: String
        var intValue: Int? { nil }

        init(stringValue: String) { self.stringValue = stringValue }
        init?(intValue: Int) { nil }

        static let every = Key(stringValue: "every")
        static let first = Key(stringValue: "first")
        static let split = Key(stringValue: "split")
        static let deadline = Key(stringValue: "deadline")
        static let others = Key(stringValue: "others")
        static let perClient = Key(stringValue: "perClient")
        static let perClientHoldOut = Key(stringValue: "perClientHoldOut")
        static let personalise = Key(stringValue: "personalise")
        static let own: Set<String> = [
            "every", "first", "split", "deadline", "others", "perClient", "perClientHoldOut", "personalise",
        ]
    }

    /// Reads the known keys; every other key is a setting for the trainer.
    public init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: Key.self)
        self.init(
            every: try container.decodeIfPresent(Int.self, forKey: .every) ?? 1,
            first: try container.decodeIfPresent(Int.self, forKey: .first),
            split: try container.decodeIfPresent(String.self, forKey: .split) ?? "test",
            deadline: try container.decodeIfPresent(Double.self, forKey: .deadline) ?? 600,
            others: try container.decodeIfPresent(Others.self, forKey: .others) ?? .always,
            perClient: try container.decodeIfPresent(Int.self, forKey: .perClient) ?? 0,
            perClientHoldOut: try container.decodeIfPresent(Double.self, forKey: .perClientHoldOut) ?? 0,
            personalise: try container.decodeIfPresent(Bool.self, forKey: .personalise) ?? false
        )
        for key in container.allKeys where !Key.own.contains(key.stringValue) {
            settings[key.stringValue] = try container.decode(Setting.self, forKey: key)
        }
    }

    /// Writes the known keys and the settings beside them; `first`, and those that only simulations read, where they are
    /// used.
    public func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: Key.self)
        try container.encode(every, forKey: .every)
        try container.encodeIfPresent(first, forKey: .first)
        try container.encode(split, forKey: .split)
        try container.encode(deadline, forKey: .deadline)
        if others != .always { try container.encode(others, forKey: .others) }
        if perClient != 0 { try container.encode(perClient, forKey: .perClient) }
        if perClientHoldOut != 0 { try container.encode(perClientHoldOut, forKey: .perClientHoldOut) }
        if personalise { try container.encode(personalise, forKey: .personalise) }
        for (name, value) in settings where !Key.own.contains(name) {
            try container.encode(value, forKey: Key(stringValue: name))
        }
    }
}
