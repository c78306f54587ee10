internal import Configuration

/// Who takes part: the content of `federation.yaml`.
///
/// ```yaml
/// federation: demo
/// coordinator: {name: coordinator, hosts: [localhost, 127.0.0.1], port: 8443}
/// clients: [site-1, {name: site-2, validDays: 90}]
/// operators: [alice]
/// validDays: 365
/// ```
public struct FederationFile: Sendable, Hashable, Codable {
    /// The coordinator and where it is reached.
    public struct Coordinator: Sendable, Hashable, Codable {
        /// Its name, `coordinator` unless given.
        public var name: String
        /// The DNS names and IP addresses under which clients and operators reach it; the first one is written to their
        /// configuration.
        public var hosts: [String]
        /// The port, 8443 unless given.
        public var port: Int
        /// Validity of its certificate in days, the federation's unless given.
        public var validDays: Int?

        /// A coordinator.
        public init(name: String = "coordinator", hosts: [String], port: Int = 8443, validDays: Int? = nil) {
            self.name = name
            self.hosts = hosts
            self.port = port
            self.validDays = validDays
        }

        /// Reads the map.
        public init(from decoder: any Decoder) throws {
            let container = try decoder.container(keyedBy: CodingKeys.self)
            name = try container.decodeIfPresent(String.self, forKey: .name) ?? "coordinator"
            hosts = try container.decode([String].self, forKey: .hosts)
            port = try container.decodeIfPresent(Int.self, forKey: .port) ?? 8443
            validDays = try container.decodeIfPresent(Int.self, forKey: .validDays)
        }
    }

    /// A client or operator.
    public struct Participant: Sendable, Hashable, Codable, ExpressibleByStringLiteral {
        /// Its name.
        public var name: String
        /// Validity of its certificate in days, the federation's unless given.
        public var validDays: Int?

        /// A participant.
        public init(name: String, validDays: Int? = nil) {
            self.name = name
            self.validDays = validDays
        }

        /// A participant with the federation's validity.
        public init(stringLiteral name: String) {
            self.init(name: name)
        }

        /// Reads a name, or a map with `name` and `validDays`.
        public init(from decoder: any Decoder) throws {
            if let name = try? decoder.singleValueContainer().decode(String.self) {
                self.init(name: name)
            } else {
                let container = try decoder.container(keyedBy: CodingKeys.self)
                self.init(
                    name: try container.decode(String.self, forKey: .name),
                    validDays: try container.decodeIfPresent(Int.self, forKey: .validDays)
                )
            }
        }
    }

    /// The largest number of clients and operators.
    public static let participantLimit = 10_000

    /// The federation's name.
    public var federation: String
    /// The coordinator.
    public var coordinator: Coordinator
    /// The data sites.
    public var clients: [Participant]
    /// The people who submit and watch jobs.
    public var operators: [Participant]
    /// Validity of certificates in days, 365 unless given.
    public var validDays: Int

    /// A federation; ``validate()`` checks it.
    public init(
        federation: String,
        coordinator: Coordinator,
        clients: [Participant] = [],
        operators: [Participant] = [],
        validDays: Int = CertificateAuthority.defaultValidDays
    ) {
        self.federation = federation
        self.coordinator = coordinator
        self.clients = clients
        self.operators = operators
        self.validDays = validDays
    }

    /// Reads and checks the map.
    public init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        federation = try container.decode(String.self, forKey: .federation)
        coordinator = try container.decode(Coordinator.self, forKey: .coordinator)
        clients = try container.decodeIfPresent([Participant].self, forKey: .clients) ?? []
        operators = try container.decodeIfPresent([Participant].self, forKey: .operators) ?? []
        validDays =
            try container.decodeIfPresent(Int.self, forKey: .validDays) ?? CertificateAuthority.defaultValidDays
        try validate()
    }

    /// Reads `federation.yaml`.
    ///
    /// - Throws: `ConfigurationError` with the line of what is wrong.
    public static func load(path: String) throws -> FederationFile {
        try ConfigurationFile.load(FederationFile.self, path: path)
    }

    /// Checks names, hosts, port and validity.
    ///
    /// - Throws: ``IdentityError`` `invalidArgument`.
    public func validate() throws {
        try ParticipantIdentity.validate(federation, as: "federation")
        guard !coordinator.hosts.isEmpty else {
            throw IdentityError(.invalidArgument, "coordinator.hosts is empty, expected at least one name or address")
        }
        for host in coordinator.hosts { _ = try HostName(host) }
        guard (1...65_535).contains(coordinator.port) else {
            throw IdentityError(.invalidArgument, "coordinator.port \(coordinator.port): expected 1 to 65535")
        }
        guard clients.count + operators.count <= Self.participantLimit else {
            throw IdentityError(
                .invalidArgument,
                "\(clients.count + operators.count) participants, at most \(Self.participantLimit) in one file"
            )
        }
        var roles: [String: Role] = [:]
        for member in members {
            try ParticipantIdentity.validate(member.name, as: "\(member.role) name")
            if let other = roles.updateValue(member.role, forKey: member.name) {
                throw IdentityError(
                    .invalidArgument,
                    "\"\(member.name)\" is both a \(other) and a \(member.role): names are unique in a federation"
                )
            }
            guard (1...CertificateAuthority.authorityValidDays).contains(member.validDays) else {
                throw IdentityError(
                    .invalidArgument,
                    "validDays \(member.validDays) of \(member.name): expected 1 to "
                        + "\(CertificateAuthority.authorityValidDays)"
                )
            }
        }
    }

    struct Member {
        var role: Role
        var name: String
        var validDays: Int
    }

    /// Everyone, the coordinator first.
    var members: [Member] {
        [Member(role: .coordinator, name: coordinator.name, validDays: coordinator.validDays ?? validDays)]
            + clients.map { Member(role: .client, name: $0.name, validDays: $0.validDays ?? validDays) }
            + operators.map { Member(role: .operator, name: $0.name, validDays: $0.validDays ?? validDays) }
    }
}
