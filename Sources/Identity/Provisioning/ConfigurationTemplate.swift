/// The configuration files that provisioning writes beside a certificate: complete, with the rest as comments.
enum ConfigurationTemplate {
    /// The file's name in a participant's folder.
    static func fileName(of role: Role) -> String { "\(role).yaml" }

    /// The text for a participant. Names are quoted: `007` and `true` are names too.
    static func text(for role: Role, in file: FederationFile) -> String {
        switch role {
        case .coordinator: coordinator(file)
        case .client: client(file)
        case .operator: operatorFile(file)
        }
    }

    private static let identity = "identity: {ca: ca.pem, certificate: certificate.pem, key: key.pem}"

    private static func coordinator(_ file: FederationFile) -> String {
        """
        # The coordinator. Paths are relative to this file.
        # Start it with: tributary-coordinator serve --config coordinator.yaml
        federation: "\(file.federation)"
        listen: {host: "0.0.0.0", port: \(file.coordinator.port)}
        \(identity)
        state: state

        """
    }

    private static func client(_ file: FederationFile) -> String {
        """
        # A data site. Paths are relative to this file.
        # Check it with: tributary-client check --config client.yaml
        # Start it with: tributary-client run --config client.yaml
        federation: "\(file.federation)"
        coordinator: {host: "\(file.coordinator.hosts[0])", port: \(file.coordinator.port)}
        \(identity)
        state: state
        # The folders with this site's data (each with a site.json).
        data:
          - {path: site}
        trainer:
          command: [tributary-lab, trainer]
        # What this site accepts, everything unless listed:
        # allow: {operators: [alice], models: [har], datasets: [uci-har], rounds: 100, minutes: 60, secureAggregation: required}

        """
    }

    private static func operatorFile(_ file: FederationFile) -> String {
        """
        # An operator. Paths are relative to this file.
        # Use it with: tributary jobs --config operator.yaml
        federation: "\(file.federation)"
        coordinator: {host: "\(file.coordinator.hosts[0])", port: \(file.coordinator.port)}
        \(identity)

        """
    }
}
