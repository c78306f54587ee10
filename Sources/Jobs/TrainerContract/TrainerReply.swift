/// What the trainer answers: one JSON object a line on its standard output, contract version 1.
public enum TrainerReply: Sendable, Hashable {
    /// The answer to `hello`.
    case hello(Hello)
    /// A sign of life while a request runs; any number of them.
    case progress(Progress)
    /// The request is done. `initialise` answers without statistics.
    case done(Done)
    /// The request failed; the trainer takes the next one, unless it exits.
    case failed(Failed)

    /// What the trainer is.
    public struct Hello: Sendable, Hashable, Codable {
        /// The contract's version.
        public var version: Int
        /// The trainer's name and version.
        public var trainer: String
        /// How many threads it computes on.
        public var threads: Int
        /// Names and versions of the libraries that decide the bits, for the lineage.
        public var libraries: [String: String]
        /// The digest of the schema of the model's weights.
        public var schema: String
        /// Examples per split of the data it was given; empty without data.
        public var datasets: [String: Int]

        /// Creates a hello.
        public init(
            version: Int = TrainerRequest.version, trainer: String, threads: Int, libraries: [String: String],
            schema: String, datasets: [String: Int] = [:]
        ) {
            self.version = version
            self.trainer = trainer
            self.threads = threads
            self.libraries = libraries
            self.schema = schema
            self.datasets = datasets
        }

        private enum CodingKeys: String, CodingKey {
            case version, trainer, threads, libraries, schema, datasets
        }

        /// Reads a hello; `threads` (1), `libraries` and `datasets` may be left out.
        public init(from decoder: any Decoder) throws {
            let container = try decoder.container(keyedBy: CodingKeys.self)
            self.init(
                version: try container.decode(Int.self, forKey: .version),
                trainer: try container.decode(String.self, forKey: .trainer),
                threads: try container.decodeIfPresent(Int.self, forKey: .threads) ?? 1,
                libraries: try container.decodeIfPresent([String: String].self, forKey: .libraries) ?? [:],
                schema: try container.decode(String.self, forKey: .schema),
                datasets: try container.decodeIfPresent([String: Int].self, forKey: .datasets) ?? [:]
            )
        }
    }

    /// How far the running request is.
    public struct Progress: Sendable, Hashable, Codable {
        /// Between 0 and 1.
        public var fraction: Double
        /// Figures of the moment, for instance "loss".
        public var metrics: [String: Double]

        /// Creates a sign of life.
        public init(fraction: Double, metrics: [String: Double] = [:]) {
            self.fraction = fraction
            self.metrics = metrics
        }

        private enum CodingKeys: String, CodingKey {
            case fraction, metrics
        }

        /// Reads a sign of life; `metrics` may be left out.
        public init(from decoder: any Decoder) throws {
            let container = try decoder.container(keyedBy: CodingKeys.self)
            self.init(
                fraction: try container.decode(Double.self, forKey: .fraction),
                metrics: try container.decodeIfPresent([String: Double].self, forKey: .metrics) ?? [:]
            )
        }
    }

    /// The result of a request.
    public struct Done: Sendable, Hashable, Codable {
        /// What was counted; nil for `initialise`.
        public var statistics: TaskStatistics?

        /// Creates a result.
        public init(statistics: TaskStatistics? = nil) { self.statistics = statistics }

        private enum CodingKeys: String, CodingKey {
            case examples
        }

        /// Reads the statistics that lie beside `type`; none without `examples`.
        public init(from decoder: any Decoder) throws {
            let container = try decoder.container(keyedBy: CodingKeys.self)
            statistics = container.contains(.examples) ? try TaskStatistics(from: decoder) : nil
        }

        /// Writes the statistics' fields.
        public func encode(to encoder: any Encoder) throws {
            try statistics?.encode(to: encoder)
        }
    }

    /// Why a request failed.
    public struct Failed: Sendable, Hashable, Codable {
        /// A stable word, for instance "data", "memory", "cancelled", "message".
        public var code: String
        /// The reason in a sentence.
        public var reason: String

        /// Creates a failure.
        public init(code: String, reason: String) {
            self.code = code
            self.reason = reason
        }

        private enum CodingKeys: String, CodingKey {
            case code, reason
        }

        /// Reads a failure; `code` ("trainer") may be left out.
        public init(from decoder: any Decoder) throws {
            let container = try decoder.container(keyedBy: CodingKeys.self)
            self.init(
                code: try container.decodeIfPresent(String.self, forKey: .code) ?? "trainer",
                reason: try container.decode(String.self, forKey: .reason)
            )
        }
    }
}

extension TrainerReply: Codable {
    private enum Kind: String, Codable {
        case hello, progress, done, failed
    }

    private enum CodingKeys: String, CodingKey {
        case type
    }

    /// Reads the object that `type` names; an unknown `type` is an error, further keys are ignored.
    public init(from decoder: any Decoder) throws {
        switch try TrainerLine.kind(Kind.self, decoder.container(keyedBy: CodingKeys.self), .type) {
        case .hello: self = .hello(try Hello(from: decoder))
        case .progress: self = .progress(try Progress(from: decoder))
        case .done: self = .done(try Done(from: decoder))
        case .failed: self = .failed(try Failed(from: decoder))
        }
    }

    /// Writes `type` and the fields beside it.
    public func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        switch self {
        case .hello(let body):
            try container.encode(Kind.hello, forKey: .type)
            try body.encode(to: encoder)
        case .progress(let body):
            try container.encode(Kind.progress, forKey: .type)
            try body.encode(to: encoder)
        case .done(let body):
            try container.encode(Kind.done, forKey: .type)
            try body.encode(to: encoder)
        case .failed(let body):
            try container.encode(Kind.failed, forKey: .type)
            try body.encode(to: encoder)
        }
    }
}
