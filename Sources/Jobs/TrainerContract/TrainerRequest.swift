/// What the daemon asks of the trainer: one JSON object a line on the trainer's standard input, contract version 1.
///
/// The order is `hello`, then any number of `initialise`, `train` and `evaluate`, one at a time, then `bye` or the end
/// of input. `cancel` may come while a request runs. Paths are relative to the trainer's working folder.
public enum TrainerRequest: Sendable, Hashable {
    /// Who the trainer works for; always first.
    case hello(Hello)
    /// Draw the initial weights from `Hello.seed` and write them.
    case initialise(Initialise)
    /// Train locally and write the update.
    case train(Train)
    /// Count on a held-out split.
    case evaluate(Evaluate)
    /// Give the running request up; it answers `failed` with the code "cancelled".
    case cancel
    /// Exit with status 0 at once, even in the middle of a step.
    case bye

    /// The version of the contract that this code speaks.
    public static let version = 1

    /// The first request.
    public struct Hello: Sendable, Hashable, Codable {
        /// The contract's version.
        public var version: Int
        /// The job's identifier.
        public var job: String
        /// The client's name.
        public var client: String
        /// `clientIndex(client)`: the client's number in seeded draws.
        public var clientIndex: UInt32
        /// The job's seed.
        public var seed: UInt64
        /// How many threads the trainer may compute on.
        public var threads: Int
        /// The job's `model` map.
        public var model: Settings
        /// The job's `strategy` map: what a client-side algorithm needs to know; nil for plain training.
        public var strategy: Settings?
        /// The job's `corruption` map; nil for none.
        public var corruption: Settings?
        /// The job's `privacy` map; nil for none. With the mechanism `record` the trainer protects single examples and
        /// counts its noised steps as the sum `privateSteps`; others are not its concern.
        public var privacy: Settings?
        /// The site's data; nil when the trainer only makes initial weights.
        public var data: DataFolder?

        /// Creates a hello.
        public init(
            version: Int = TrainerRequest.version, job: String, client: String, clientIndex: UInt32, seed: UInt64,
            threads: Int = 1, model: Settings, strategy: Settings? = nil, corruption: Settings? = nil,
            privacy: Settings? = nil, data: DataFolder?
        ) {
            self.version = version
            self.job = job
            self.client = client
            self.clientIndex = clientIndex
            self.seed = seed
            self.threads = threads
            self.model = model
            self.strategy = strategy
            self.corruption = corruption
            self.privacy = privacy
            self.data = data
        }
    }

    /// A data set at the site.
    public struct DataFolder: Sendable, Hashable, Codable {
        /// The data set's name.
        public var name: String
        /// The absolute path of its site folder.
        public var path: String

        /// Creates a reference to a site folder.
        public init(name: String, path: String) {
            self.name = name
            self.path = path
        }
    }

    /// Asks for initial weights.
    public struct Initialise: Sendable, Hashable, Codable {
        /// Where to write them, a safetensors file.
        public var output: String

        /// Creates the request.
        public init(output: String) { self.output = output }
    }

    /// Asks for local training.
    public struct Train: Sendable, Hashable, Codable {
        /// The round, from 0.
        public var round: Int
        /// How often this round was started, from 0.
        public var attempt: Int
        /// The global weights, a safetensors file; the strategy's tensors are in it under `aux.`.
        public var weights: String
        /// Where to write local minus global in float32, a safetensors file; with what the strategy has clients send
        /// under `aux.`, as it is.
        public var update: String
        /// A private folder of this job and client that survives restarts.
        public var state: String
        /// The job's `training` map.
        public var config: Settings

        /// Creates the request.
        public init(
            round: Int, attempt: Int, weights: String, update: String, state: String, config: Settings
        ) {
            self.round = round
            self.attempt = attempt
            self.weights = weights
            self.update = update
            self.state = state
            self.config = config
        }
    }

    /// Asks for an evaluation.
    public struct Evaluate: Sendable, Hashable, Codable {
        /// The round whose weights these are, from 0.
        public var round: Int
        /// The weights, a safetensors file.
        public var weights: String
        /// The split to count on.
        public var split: String
        /// The folder of `Train.state`, for strategies with personal tensors; nil for none.
        public var state: String?
        /// The free keys of the job's `evaluation` map.
        public var config: Settings

        /// Creates the request.
        public init(round: Int, weights: String, split: String, state: String? = nil, config: Settings) {
            self.round = round
            self.weights = weights
            self.split = split
            self.state = state
            self.config = config
        }
    }
}

extension TrainerRequest: Codable {
    private enum Kind: String, Codable {
        case hello, initialise, train, evaluate, cancel, bye
    }

    private enum CodingKeys: String, CodingKey {
        case type
    }

    /// Reads the object that `type` names; an unknown `type` is an error, further keys are ignored.
    public init(from decoder: any Decoder) throws {
        switch try TrainerLine.kind(Kind.self, decoder.container(keyedBy: CodingKeys.self), .type) {
        case .hello: self = .hello(try Hello(from: decoder))
        case .initialise: self = .initialise(try Initialise(from: decoder))
        case .train: self = .train(try Train(from: decoder))
        case .evaluate: self = .evaluate(try Evaluate(from: decoder))
        case .cancel: self = .cancel
        case .bye: self = .bye
        }
    }

    /// Writes `type` and the fields beside it.
    public func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        switch self {
        case .hello(let body):
            try container.encode(Kind.hello, forKey: .type)
            try body.encode(to: encoder)
        case .initialise(let body):
            try container.encode(Kind.initialise, forKey: .type)
            try body.encode(to: encoder)
        case .train(let body):
            try container.encode(Kind.train, forKey: .type)
            try body.encode(to: encoder)
        case .evaluate(let body):
            try container.encode(Kind.evaluate, forKey: .type)
            try body.encode(to: encoder)
        case .cancel: try container.encode(Kind.cancel, forKey: .type)
        case .bye: try container.encode(Kind.bye, forKey: .type)
        }
    }
}
