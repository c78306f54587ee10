public import Configuration
public import Identity

/// `coordinator.yaml`: who this coordinator is, where it listens, where its state lies, and its limits.
public struct CoordinatorConfiguration: Sendable, Hashable, Codable {
    /// The prefix of the environment overlay: `TRIBUTARY_COORDINATOR_LISTEN_PORT=0`.
    public static let environmentPrefix = "TRIBUTARY_COORDINATOR"

    /// Where the coordinator listens.
    public struct Listen: Sendable, Hashable, Codable {
        /// An IPv4 or IPv6 address, or "localhost"; default 0.0.0.0, every IPv4 address.
        public var host: String
        /// The port; default 8443, 0 for any free one.
        public var port: Int

        /// Creates an address.
        public init(host: String = "0.0.0.0", port: Int = 8443) {
            self.host = host
            self.port = port
        }

        /// Reads an address; both keys may be left out.
        public init(from decoder: any Decoder) throws {
            let container = try decoder.container(keyedBy: CodingKeys.self)
            self.init(
                host: try container.decodeIfPresent(String.self, forKey: .host) ?? "0.0.0.0",
                port: try container.decodeIfPresent(Int.self, forKey: .port) ?? 8443)
        }
    }

    /// The three files of the coordinator's identity, relative to the configuration file.
    public struct Identity: Sendable, Hashable, Codable {
        /// The federation's CA certificate.
        public var ca: LocalPath
        /// The coordinator's certificate.
        public var certificate: LocalPath
        /// Its private key.
        public var key: LocalPath

        /// Creates the paths.
        public init(ca: LocalPath, certificate: LocalPath, key: LocalPath) {
            self.ca = ca
            self.certificate = certificate
            self.key = key
        }

        /// The paths as the identity module takes them.
        public var files: IdentityFiles {
            IdentityFiles(ca: ca.path, certificate: certificate.path, key: key.path)
        }
    }

    /// The federation's name; must be the certificate's.
    public var federation: String
    /// Where to listen.
    public var listen: Listen
    /// Who this is.
    public var identity: Identity
    /// The folder of everything durable; default `state`.
    public var state: LocalPath
    /// How many transfers run at once; default 4.
    public var transfers: Int
    /// How many jobs run at once; default 4.
    public var maxJobs: Int
    /// How many clients may have a session at once; default 5000. One more is refused and tries again slowly.
    public var maxSessions: Int
    /// Below this much free space jobs pause and uploads wait; default 1 GiB.
    public var minimumFreeDisk: ByteCount
    /// The largest model, in bytes of its canonical file; default 4 GiB.
    public var maximumModel: ByteCount
    /// How often clients send a sign of life; default 5 s. Three missed ones end a session.
    public var heartbeat: Seconds
    /// How long a transfer may move no bytes; default 30 s.
    public var stall: Seconds
    /// How long a client that was lost just now is waited for before a cohort is drawn; default 15 s.
    public var settle: Seconds

    /// Creates a configuration with its defaults.
    public init(
        federation: String, listen: Listen = Listen(), identity: Identity, state: LocalPath = LocalPath("state"),
        transfers: Int = 4, maxJobs: Int = 4, maxSessions: Int = 5000, minimumFreeDisk: ByteCount = .gibibytes(1),
        maximumModel: ByteCount = .gibibytes(4), heartbeat: Seconds = Seconds(5), stall: Seconds = Seconds(30),
        settle: Seconds = Seconds(15)
    ) {
        self.federation = federation
        self.listen = listen
        self.identity = identity
        self.state = state
        self.transfers = transfers
        self.maxJobs = maxJobs
        self.maxSessions = maxSessions
        self.minimumFreeDisk = minimumFreeDisk
        self.maximumModel = maximumModel
        self.heartbeat = heartbeat
        self.stall = stall
        self.settle = settle
    }

    /// Reads a configuration; every key but `federation` and `identity` may be left out.
    public init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        self.init(
            federation: try container.decode(String.self, forKey: .federation),
            listen: try container.decodeIfPresent(Listen.self, forKey: .listen) ?? Listen(),
            identity: try container.decode(Identity.self, forKey: .identity),
            state: try container.decodeIfPresent(LocalPath.self, forKey: .state) ?? LocalPath("state"),
            transfers: try container.decodeIfPresent(Int.self, forKey: .transfers) ?? 4,
            maxJobs: try container.decodeIfPresent(Int.self, forKey: .maxJobs) ?? 4,
            maxSessions: try container.decodeIfPresent(Int.self, forKey: .maxSessions) ?? 5000,
            minimumFreeDisk: try container.decodeIfPresent(ByteCount.self, forKey: .minimumFreeDisk) ?? .gibibytes(1),
            maximumModel: try container.decodeIfPresent(ByteCount.self, forKey: .maximumModel) ?? .gibibytes(4),
            heartbeat: try container.decodeIfPresent(Seconds.self, forKey: .heartbeat) ?? Seconds(5),
            stall: try container.decodeIfPresent(Seconds.self, forKey: .stall) ?? Seconds(30),
            settle: try container.decodeIfPresent(Seconds.self, forKey: .settle) ?? Seconds(15))
    }

    /// Checks the ranges.
    ///
    /// - Throws: ``CoordinatorError`` `invalidConfiguration` naming the key, what was found and what is allowed.
    public func validated() throws -> CoordinatorConfiguration {
        func require(_ key: String, _ value: Int, _ range: ClosedRange<Int>) throws {
            guard range.contains(value) else {
                throw CoordinatorError(
                    .invalidConfiguration,
                    "\(key): found \(value), expected \(range.lowerBound) to \(range.upperBound)")
            }
        }
        try require("listen.port", listen.port, 0...65_535)
        try require("transfers", transfers, 1...1024)
        try require("maxJobs", maxJobs, 1...1024)
        try require("maxSessions", maxSessions, 1...1_000_000)
        guard heartbeat.value >= 0.05, heartbeat.value <= 3600 else {
            throw CoordinatorError(
                .invalidConfiguration, "heartbeat: found \(heartbeat), expected 0.05 to 3600 seconds")
        }
        guard stall.value >= 0.05 else {
            throw CoordinatorError(.invalidConfiguration, "stall: found \(stall), expected at least 0.05 seconds")
        }
        return self
    }

    /// Reads and checks a file, with the environment and the given values over it.
    ///
    /// - Throws: `ConfigurationError`; ``CoordinatorError`` `invalidConfiguration`.
    public static func load(
        path: String, environment: [String: String], overrides: [String: String] = [:]
    ) throws -> CoordinatorConfiguration {
        var configuration = try ConfigurationFile.load(
            Self.self, path: path, environmentPrefix: environmentPrefix, environment: environment,
            overrides: overrides)
        // The default, too, lies beside the file.
        if configuration.state == LocalPath("state") {
            configuration.state = LocalPath(
                ConfigurationFile.resolve("state", in: ConfigurationFile.folder(of: path)))
        }
        return try configuration.validated()
    }
}
