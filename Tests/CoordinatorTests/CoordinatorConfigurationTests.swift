import Configuration
import Federation
import Identity
import TestSupport
import Testing

@testable import Coordinator

@Suite struct CoordinatorConfigurationTests {
    private let folder: TemporaryFolder
    private let minimal = """
        federation: demo
        identity: {ca: ca.pem, certificate: certificate.pem, key: /keys/key.pem}

        """

    init() throws {
        folder = try TemporaryFolder()
    }

    private func load(
        _ text: String, environment: [String: String] = [:], overrides: [String: String] = [:]
    ) throws -> CoordinatorConfiguration {
        let path = try folder.write(Array(text.utf8), to: "coordinator.yaml")
        return try CoordinatorConfiguration.load(path: path, environment: environment, overrides: overrides)
    }

    @Test func defaultsLieBesideTheFile() throws {
        let configuration = try load(minimal)
        #expect(configuration.state.path == folder.file("state"))
        #expect(configuration.identity.files.ca == folder.file("ca.pem"))
        #expect(configuration.identity.files.key == "/keys/key.pem")
        #expect(configuration.listen.port == 8443)
        #expect(configuration.transfers == 4)
        #expect(configuration.maxJobs == 4)
        #expect(configuration.maxSessions == 5000)
        #expect(configuration.minimumFreeDisk == .gibibytes(1))
        #expect(configuration.heartbeat == Seconds(5))
    }

    @Test func flagsWinOverTheEnvironmentAndThatOverTheFile() throws {
        let text = minimal + "transfers: 2\nmaxJobs: 2\nlisten: {port: 1}\n"
        let environment = [
            "TRIBUTARY_COORDINATOR_LISTEN_PORT": "2", "TRIBUTARY_COORDINATOR_TRANSFERS": "3",
            "TRIBUTARY_COORDINATOR_MINIMUM_FREE_DISK": "5MiB", "TRIBUTARY_COORDINATOR_MAX_SESSIONS": "12",
        ]
        let configuration = try load(text, environment: environment, overrides: ["listen.port": "3"])
        #expect(configuration.listen.port == 3)
        #expect(configuration.transfers == 3)
        #expect(configuration.maxJobs == 2)
        #expect(configuration.maxSessions == 12)
        #expect(configuration.minimumFreeDisk == .mebibytes(5))
    }

    @Test(arguments: [
        "transfers: 0", "maxJobs: 0", "maxSessions: 0", "listen: {port: 70000}", "heartbeat: 0", "stall: 0",
        "transfer: 3",
    ])
    func refusesWhatMakesNoSense(line: String) {
        #expect(throws: (any Error).self) { try load(minimal + line + "\n") }
    }

    @Test func needsAFederationAndAnIdentity() {
        #expect(throws: ConfigurationError.self) { try load("federation: demo\n") }
        #expect(throws: ConfigurationError.self) { try load("identity: {ca: a, certificate: b, key: c}\n") }
    }

    @Test func settingsFollowTheFile() throws {
        let settings = CoordinatorSettings(
            try load(minimal + "transfers: 7\nheartbeat: 2\nstall: 9\nsettle: 3\nmaximumModel: 1MiB\n"))
        #expect(settings.transfers == 7)
        #expect(settings.heartbeat == .seconds(2))
        #expect(settings.stall == .seconds(9))
        #expect(settings.policy.settleMilliseconds == 3000)
        #expect(settings.maximumModel == 1 << 20)
    }
}
