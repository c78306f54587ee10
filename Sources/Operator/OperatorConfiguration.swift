public import Configuration

/// An operator's configuration file, `operator.yaml`, as `tributary provision` writes it.
public struct OperatorConfiguration: Codable, Sendable, Equatable {
    /// Where the coordinator listens.
    public struct Coordinator: Codable, Sendable, Equatable {
        /// Host name or address.
        public var host: String
        /// Port.
        public var port: Int
        /// The name to expect in the coordinator's certificate, when it is not `host`.
        public var serverName: String?
    }

    /// The files of the operator's identity, relative to the configuration file.
    public struct Identity: Codable, Sendable, Equatable {
        /// The federation's CA certificate.
        public var ca: LocalPath
        /// The operator's certificate.
        public var certificate: LocalPath
        /// Its private key.
        public var key: LocalPath
    }

    /// The federation's name.
    public var federation: String
    /// Where the coordinator listens.
    public var coordinator: Coordinator
    /// Who the operator is.
    public var identity: Identity

    /// Prefix of the environment variables that override the file.
    public static let environmentPrefix = "TRIBUTARY_OPERATOR"
}
