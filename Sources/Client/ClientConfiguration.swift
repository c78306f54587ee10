public import Configuration
public import Identity

/// The client daemon's configuration file, `client.yaml`.
///
/// Files are looked up from the folder of the configuration file. Every value but those of lists can be overridden from
/// the environment under ``environmentPrefix``.
public struct ClientConfiguration: Sendable, Equatable, Decodable {
    /// Where the coordinator is.
    public struct Coordinator: Sendable, Equatable, Decodable {
        /// A host name or an address.
        public var host: String
        /// The port.
        public var port: Int
        /// The name to expect in the coordinator's certificate, when it is not `host`.
        public var serverName: String?

        /// Creates an address.
        public init(host: String, port: Int, serverName: String? = nil) {
            self.host = host
            self.port = port
            self.serverName = serverName
        }
    }

    /// The files of the client's identity.
    public struct Identity: Sendable, Equatable, Decodable {
        /// The federation's CA certificate.
        public var ca: LocalPath
        /// The client's certificate.
        public var certificate: LocalPath
        /// Its private key.
        public var key: LocalPath

        /// The files as the module Identity takes them.
        public var files: IdentityFiles {
            IdentityFiles(ca: ca.path, certificate: certificate.path, key: key.path)
        }
    }

    /// One site folder.
    public struct Site: Sendable, Equatable, Decodable {
        /// The folder that holds `site.json`.
        public var path: LocalPath
    }

    /// How the trainer is run.
    public struct Trainer: Sendable, Equatable, Decodable {
        /// The program and its arguments; a program with a slash is looked up from the configuration file's folder.
        public var command: [String]
        /// The most memory of one trainer.
        public var memory: ByteCount
        /// Seconds without a sign of life after which a trainer is ended.
        public var stall: Seconds
        /// Threads that it may compute on.
        public var threads: Int
        /// How many trainers may stay alive between tasks, one for each job.
        public var keep: Int

        private enum CodingKeys: String, CodingKey {
            case command, memory, stall, threads, keep
        }

        /// Reads the map; every key has a default.
        public init(from decoder: any Decoder) throws {
            let container = try decoder.container(keyedBy: CodingKeys.self)
            let defaults = TrainerConfiguration.defaults
            command = try container.decodeIfPresent([String].self, forKey: .command) ?? defaults.command
            memory = try container.decodeIfPresent(ByteCount.self, forKey: .memory) ?? ByteCount(Int(defaults.memory))
            stall = try container.decodeIfPresent(Seconds.self, forKey: .stall) ?? Seconds(defaults.stall.seconds)
            threads = try container.decodeIfPresent(Int.self, forKey: .threads) ?? defaults.threads
            keep = try container.decodeIfPresent(Int.self, forKey: .keep) ?? 2
        }

        init() {
            let defaults = TrainerConfiguration.defaults
            command = defaults.command
            memory = ByteCount(Int(defaults.memory))
            stall = Seconds(defaults.stall.seconds)
            threads = defaults.threads
            keep = 2
        }

        /// The limits and the command with its program resolved.
        ///
        /// - Throws: ``ClientError`` when there is no such program.
        public func configuration(relativeTo folder: String) throws -> TrainerConfiguration {
            var configuration = TrainerConfiguration(
                command: command, memory: Int64(memory.bytes), stall: stall.duration, threads: threads)
            configuration.command = try configuration.resolvedCommand(relativeTo: folder)
            return configuration
        }
    }

    /// Prefix of the environment variables that override the file.
    public static let environmentPrefix = "TRIBUTARY_CLIENT"

    /// The federation's name.
    public var federation: String
    /// Where the coordinator is.
    public var coordinator: Coordinator
    /// Who the client is.
    public var identity: Identity
    /// The folder for everything that has to survive a restart.
    public var state: LocalPath
    /// The site folders offered.
    public var data: [Site]
    /// How the trainer is run.
    public var trainer: Trainer
    /// What the site accepts.
    public var allow: SiteRules
    /// The folder of the configuration file.
    public var folder = "."
    private var isStateGiven: Bool

    private enum CodingKeys: String, CodingKey {
        case federation, coordinator, identity, state, data, trainer, allow
    }

    /// Reads the file's map; `state` (`state`), `data`, `trainer` and `allow` may be left out.
    public init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        federation = try container.decode(String.self, forKey: .federation)
        coordinator = try container.decode(Coordinator.self, forKey: .coordinator)
        identity = try container.decode(Identity.self, forKey: .identity)
        data = try container.decodeIfPresent([Site].self, forKey: .data) ?? []
        trainer = try container.decodeIfPresent(Trainer.self, forKey: .trainer) ?? Trainer()
        allow = try container.decodeIfPresent(SiteRules.self, forKey: .allow) ?? SiteRules()
        let state = try container.decodeIfPresent(LocalPath.self, forKey: .state)
        self.state = state ?? LocalPath("state")
        isStateGiven = state != nil
    }

    /// Reads and checks a file.
    ///
    /// - Parameters:
    ///   - path: the file.
    ///   - overrides: values for dotted key paths; they win over the environment and the file.
    /// - Throws: `ConfigurationError` for what the file says, ``ClientError`` for what it means.
    public static func load(path: String, overrides: [String: String] = [:]) throws -> ClientConfiguration {
        var configuration = try ConfigurationFile.load(
            ClientConfiguration.self, path: path, environmentPrefix: environmentPrefix, overrides: overrides)
        configuration.folder = ConfigurationFile.folder(of: path)
        if !configuration.isStateGiven {
            configuration.state = LocalPath(ConfigurationFile.resolve("state", in: configuration.folder))
        }
        try configuration.validate(place: path)
        return configuration
    }

    /// Checks what the types alone do not.
    ///
    /// - Throws: ``ClientError`` (`configuration`) that names the key.
    public func validate(place: String) throws {
        func check(_ condition: Bool, _ message: @autoclosure () -> String) throws {
            guard condition else { throw ClientError(.configuration, "\(place): \(message())") }
        }
        try check(
            ParticipantIdentity.isValidName(federation),
            "federation: found \"\(federation.prefix(80))\", expected letters a-z, digits, \".\" and \"-\"")
        try check(!coordinator.host.isEmpty, "coordinator.host: found nothing, expected a name or an address")
        try check(
            (1...65535).contains(coordinator.port),
            "coordinator.port: found \(coordinator.port), expected 1 to 65535")
        try check(!trainer.command.isEmpty, "trainer.command: found nothing, expected a program")
        try check(trainer.memory.bytes >= 16 << 20, "trainer.memory: found \(trainer.memory), expected at least 16MiB")
        try check(trainer.stall.value >= 0.1, "trainer.stall: found \(trainer.stall), expected at least 0.1 s")
        try check((1...1024).contains(trainer.threads), "trainer.threads: found \(trainer.threads), expected 1 to 1024")
        try check((1...64).contains(trainer.keep), "trainer.keep: found \(trainer.keep), expected 1 to 64")
        try check(data.count <= 64, "data: found \(data.count) site folders, expected at most 64")
        try allow.validate(place: place)
    }
}
