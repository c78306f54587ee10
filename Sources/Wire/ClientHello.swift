public import WireMessages

/// Who connects and with what: a checked `Hello`.
public struct ClientHello: Sendable, Hashable {
    /// The newest protocol version the client speaks.
    public var protocolVersion: Int
    /// Names of optional features the client understands.
    public var features: [String]
    /// The client software and its version.
    public var software: String
    /// The data sets the site offers; names are unique.
    public var datasets: [DatasetCard]
    /// The models the site allows; empty allows all.
    public var models: [String]
    /// Tasks the client already has.
    public var holding: [TaskIdentity]

    /// Creates a hello.
    public init(
        protocolVersion: Int = ProtocolVersion.current, features: [String] = ProtocolVersion.features, software: String,
        datasets: [DatasetCard], models: [String] = [], holding: [TaskIdentity] = []
    ) {
        self.protocolVersion = protocolVersion
        self.features = features
        self.software = software
        self.datasets = datasets
        self.models = models
        self.holding = holding
    }

    /// Reads a peer's hello.
    ///
    /// - Throws: ``WireError`` naming the field when a list is too long, a name is not one, or a data set comes twice.
    public init(_ message: Tributary_V1_Hello) throws {
        try FieldCheck.entries(message.features.count, "hello.features", atMost: WireLimits.names)
        try FieldCheck.entries(message.datasets.count, "hello.datasets", atMost: WireLimits.datasets)
        try FieldCheck.entries(message.models.count, "hello.models", atMost: WireLimits.names)
        try FieldCheck.entries(message.holding.count, "hello.holding", atMost: WireLimits.holding)
        let datasets = try message.datasets.map { try DatasetCard($0) }
        guard Set(datasets.map(\.name)).count == datasets.count else {
            throw WireError(.invalidMessage, "hello.datasets: a name occurs twice")
        }
        self.init(
            protocolVersion: Int(message.protocolVersion),
            features: try message.features.map { try FieldCheck.name($0, "hello.features") },
            software: FieldCheck.text(message.software),
            datasets: datasets,
            models: try message.models.map { try FieldCheck.name($0, "hello.models") },
            holding: try message.holding.map { try TaskIdentity($0) }
        )
    }

    /// The hello as a message.
    public var message: Tributary_V1_Hello {
        var message = Tributary_V1_Hello()
        message.protocolVersion = UInt32(clamping: protocolVersion)
        message.features = features
        message.software = software
        message.datasets = datasets.map(\.message)
        message.models = models
        message.holding = holding.map(\.message)
        return message
    }
}
