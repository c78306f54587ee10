import Configuration
import Identity
import Testing

@Suite("Federation file")
struct FederationFileTests {
    private func decode(_ yaml: String) throws -> FederationFile {
        try ConfigurationFile.decode(FederationFile.self, yaml: yaml, name: "federation.yaml")
    }

    @Test("reads names, maps and defaults")
    func read() throws {
        let file = try decode(
            """
            federation: demo
            coordinator: {hosts: [localhost, 127.0.0.1]}
            clients: [site-1, {name: site-2, validDays: 90}]
            operators: [alice]
            """
        )
        #expect(
            file
                == FederationFile(
                    federation: "demo", coordinator: .init(hosts: ["localhost", "127.0.0.1"]),
                    clients: ["site-1", .init(name: "site-2", validDays: 90)], operators: ["alice"]
                )
        )
        #expect(file.coordinator.name == "coordinator")
        #expect(file.coordinator.port == 8443)
        #expect(file.validDays == 365)
    }

    @Test(
        "refuses with the reason",
        arguments: [
            ("federation: Demo\ncoordinator: {hosts: [a]}", "Demo"),
            ("federation: demo\ncoordinator: {hosts: []}", "hosts"),
            ("federation: demo\ncoordinator: {hosts: [a b]}", "a b"),
            ("federation: demo\ncoordinator: {hosts: [a], port: 0}", "port"),
            ("federation: demo\ncoordinator: {hosts: [a]}\nclients: [../x]", "../x"),
            ("federation: demo\ncoordinator: {hosts: [a]}\nclients: [x, x]", "unique"),
            (
                "federation: demo\ncoordinator: {hosts: [a]}\nclients: [x]\noperators: [x]",
                "both a client and a operator"
            ),
            ("federation: demo\ncoordinator: {hosts: [a]}\nclients: [coordinator]", "unique"),
            ("federation: demo\ncoordinator: {hosts: [a]}\nvalidDays: 0", "validDays 0"),
            ("federation: demo\ncoordinator: {hosts: [a]}\nclients: [{name: x, validDays: 9999}]", "9999"),
            ("federation: demo\ncoordinator: {hosts: [a]}\nclient: [x]", "client"),
            ("coordinator: {hosts: [a]}", "federation"),
        ])
    func refused(yaml: String, part: String) {
        let error = #expect(throws: ConfigurationError.self) { try decode(yaml) }
        #expect(error?.description.contains(part) == true, "\(String(describing: error))")
        #expect(error?.description.contains("federation.yaml:") == true)
    }
}
