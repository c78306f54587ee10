import Configuration
import Durability
import Foundation
import Identity
import TestSupport
import Testing
import X509

@Suite("Provisioner")
struct ProvisionerTests {
    let folder: TemporaryFolder
    let file = FederationFile(
        federation: "demo", coordinator: .init(hosts: ["localhost", "127.0.0.1"]), clients: ["site-1", "site-2"],
        operators: ["alice"]
    )
    var output: String { folder.file("identities") }

    init() throws { folder = try TemporaryFolder() }

    @discardableResult
    private func run(_ file: FederationFile? = nil, renewing name: String? = nil) throws -> ProvisioningReport {
        try Provisioner(file ?? self.file, output: output).run(renewing: name)
    }

    private func mode(_ path: String) throws -> Int {
        let attributes = try FileManager.default.attributesOfItem(atPath: "\(output)/\(path)")
        return try #require(attributes[.posixPermissions] as? NSNumber).intValue
    }

    private func content(_ path: String) throws -> String {
        try String(contentsOfFile: "\(output)/\(path)", encoding: .utf8)
    }

    private var everything: [String: String] {
        get throws {
            var all: [String: String] = [:]
            for path in try FileManager.default.subpathsOfDirectory(atPath: output) {
                var isFolder: ObjCBool = false
                let exists = FileManager.default.fileExists(atPath: "\(output)/\(path)", isDirectory: &isFolder)
                if exists, !isFolder.boolValue, !path.hasSuffix(".lock") { all[path] = try content(path) }
            }
            return all
        }
    }

    private let participants: [(Role, String, String)] = [
        (.coordinator, "coordinator", "coordinator"), (.client, "site-1", "clients/site-1"),
        (.client, "site-2", "clients/site-2"), (.operator, "alice", "operators/alice"),
    ]

    @Test("makes the tree with closed modes, working identities and configurations")
    func tree() throws {
        let report = try run()
        #expect(report.authority == .created)
        #expect(report.entries.map(\.action) == [.created, .created, .created, .created])
        #expect(report.entries.map(\.daysLeft) == [365, 365, 365, 365])
        #expect(report.problems.isEmpty)
        #expect(report.warnings.isEmpty)
        #expect(
            try Set(everything.keys)
                == Set(
                    ["ca/ca.pem", "ca/ca.key"]
                        + participants.flatMap { role, _, path in
                            ["ca.pem", "certificate.pem", "key.pem", "\(role).yaml"].map { "\(path)/\($0)" }
                        }
                )
        )
        for path in ["", "ca", "clients", "operators"] + participants.map(\.2) {
            #expect(try mode(path) == 0o700, "\(path)")
        }
        #expect(try mode("ca/ca.key") == 0o600)
        for (role, name, path) in participants {
            #expect(try mode("\(path)/key.pem") == 0o600)
            let material = try IdentityMaterial.load(IdentityFiles(folder: "\(output)/\(path)"))
            #expect(material.problems(as: role, federation: "demo").isEmpty)
            #expect(material.identity.name == name)
        }
        // The CA's key is nowhere else.
        let all = try everything
        #expect(all.filter { $0.value == all["ca/ca.key"] }.map(\.key) == ["ca/ca.key"])
    }

    private struct DaemonFile: Decodable {
        struct Address: Decodable {
            var host: String
            var port: Int
        }
        struct Identity: Decodable {
            var ca: LocalPath
            var certificate: LocalPath
            var key: LocalPath
        }
        struct Data: Decodable { var path: LocalPath }
        struct Trainer: Decodable { var command: [String] }
        var federation: String
        var listen: Address?
        var coordinator: Address?
        var identity: Identity
        var state: LocalPath?
        var data: [Data]?
        var trainer: Trainer?
    }

    @Test("writes configurations that name the files beside them")
    func configurations() throws {
        try run()
        for (role, _, path) in participants {
            let yaml = "\(output)/\(path)/\(role).yaml"
            let file = try ConfigurationFile.load(DaemonFile.self, path: yaml)
            #expect(file.federation == "demo")
            #expect(file.identity.certificate.path == "\(output)/\(path)/certificate.pem")
            #expect(file.listen?.port == (role == .coordinator ? 8443 : nil))
            #expect(file.coordinator?.host == (role == .coordinator ? nil : "localhost"))
            #expect((file.data == nil) == (role != .client))
        }
    }

    @Test("changes nothing when run again")
    func again() throws {
        try run()
        let before = try everything
        let report = try run()
        #expect(report.authority == .kept)
        #expect(report.entries.map(\.action) == [.kept, .kept, .kept, .kept])
        #expect(try everything == before)
        // An edited configuration stays too, and a run that changes nothing needs no CA key.
        try "edited: true\n".write(toFile: "\(output)/clients/site-1/client.yaml", atomically: true, encoding: .utf8)
        try FileManager.default.removeItem(atPath: "\(output)/ca/ca.key")
        #expect(try run().count(.kept) == 4)
        #expect(try content("clients/site-1/client.yaml") == "edited: true\n")
    }

    @Test("adds newcomers and says who is no longer listed")
    func newcomers() throws {
        try run()
        let before = try everything
        var changed = file
        changed.clients = ["site-1", "site-3"]
        changed.operators.append(.init(name: "bob", validDays: 10))
        let report = try run(changed)
        #expect(report.entries.map(\.action) == [.kept, .kept, .created, .kept, .created])
        #expect(report.entries.last?.daysLeft == 10)
        #expect(report.warnings.count == 1)
        #expect(report.warnings.first?.contains("clients/site-2 is not in the federation file") == true)
        let after = try everything
        for (path, text) in before { #expect(after[path] == text) }
        #expect(try run(changed).warnings.contains { $0.contains("--renew bob") })
    }

    @Test("renews one participant's key and certificate and nothing else")
    func renew() throws {
        try run()
        let before = try everything
        let report = try run(renewing: "site-1")
        #expect(report.entries.map(\.action) == [.kept, .renewed, .kept, .kept])
        let after = try everything
        let changed = Set(before.keys.filter { before[$0] != after[$0] })
        #expect(changed == ["clients/site-1/certificate.pem", "clients/site-1/key.pem"])
        #expect(before.keys.count == after.keys.count)
        #expect(try mode("clients/site-1/key.pem") == 0o600)
        let material = try IdentityMaterial.load(IdentityFiles(folder: "\(output)/clients/site-1"))
        #expect(material.problems(as: .client).isEmpty)
        #expect(throws: IdentityError.self) { try run(renewing: "nobody") }
        #expect(try everything == after)
    }

    @Test("tells when the coordinator's hosts changed, and renews with the new ones")
    func hosts() throws {
        try run()
        var changed = file
        changed.coordinator.hosts = ["coordinator.example", "localhost"]
        let report = try run(changed)
        #expect(report.entries.first?.action == .kept)
        #expect(report.warnings.first?.contains("the file now says coordinator.example, localhost") == true)
        #expect(try run(changed, renewing: "coordinator").warnings.isEmpty)
        let summary = try CertificateSummary(path: "\(output)/coordinator/certificate.pem")
        #expect(summary.hosts == ["coordinator.example", "localhost"])
    }

    @Test("never makes a second CA, and refuses another federation's folder")
    func authority() throws {
        try run()
        var other = file
        other.federation = "other"
        let mismatch = #expect(throws: IdentityError.self) { try run(other) }
        #expect(mismatch?.code == .mismatch)
        var more = file
        more.clients.append("site-3")
        try FileManager.default.removeItem(atPath: "\(output)/ca/ca.key")
        let report = try run(more)
        #expect(report.problems.count == 1)
        #expect(report.problems.first?.contains("client site-3") == true)
        try FileManager.default.removeItem(atPath: "\(output)/ca")
        let missing = #expect(throws: IdentityError.self) { try run() }
        #expect(missing?.code == .missingFile)
    }

    @Test("reports a participant whose key is gone or foreign, and goes on with the others")
    func problems() throws {
        try run()
        try FileManager.default.removeItem(atPath: "\(output)/clients/site-1/key.pem")
        try content("clients/site-1/certificate.pem")
            .write(toFile: "\(output)/clients/site-2/certificate.pem", atomically: true, encoding: .utf8)
        var more = file
        more.operators.append("bob")
        let report = try run(more)
        #expect(report.problems.count == 2)
        #expect(report.problems.allSatisfy { $0.contains("--renew site-") })
        #expect(report.entries.map(\.action) == [.kept, .kept, .created])
        #expect(try run(more, renewing: "site-1").problems.count == 1)
        #expect(try run(more, renewing: "site-2").problems.isEmpty)
    }

    @Test("a run that ends at any instant is finished by the next one, with the keys it had")
    func interrupted() throws {
        try interruptions { _ in
        } interrupted: {
            try $0.run()
        }
    }

    @Test("a renewal that ends at any instant leaves a working pair after the next run")
    func interruptedRenewal() throws {
        try interruptions {
            try $0.run()
        } interrupted: {
            try $0.run(renewing: "site-1")
        }
    }

    /// Runs `interrupted` with the machine going off after each number of changes, for every way in which it may lose
    /// data, and checks what the next run makes of it.
    private func interruptions(
        prepared: (Provisioner) throws -> Void, interrupted: (Provisioner) throws -> Void
    ) throws {
        let file = FederationFile(federation: "demo", coordinator: .init(hosts: ["localhost"]), clients: ["site-1"])
        for loss in LossyFileSystem.Loss.allCases {
            var changes = 0
            var isFinished = false
            while !isFinished {
                let disk = LossyFileSystem(folders: [folder.path])
                // The lock is a real file.
                try? FileManager.default.createDirectory(atPath: output, withIntermediateDirectories: true)
                let provisioner = try Provisioner(file, output: output, fileSystem: disk)
                try prepared(provisioner)
                disk.powerOff(afterChanges: changes)
                do {
                    try interrupted(provisioner)
                    isFinished = true
                } catch is DurabilityError {}
                disk.crash(loss)
                let keys = try ["ca/ca.key", "coordinator/key.pem"].map { path in
                    try disk.exists("\(output)/\(path)") ? try disk.read("\(output)/\(path)") : nil
                }
                let report = try provisioner.run()
                #expect(report.problems.isEmpty, "after \(changes) changes, \(loss)")
                #expect(report.entries.count == 2)
                for (path, key) in zip(["ca/ca.key", "coordinator/key.pem"], keys) {
                    let now = try disk.read("\(output)/\(path)")
                    if let key { #expect(now == key, "\(path) was replaced after \(changes) changes, \(loss)") }
                }
                let root = try PEM.certificate(
                    String(decoding: disk.read("\(output)/ca/ca.pem"), as: UTF8.self), source: "ca.pem"
                )
                for path in ["coordinator", "clients/site-1"] {
                    let read = { (name: String) in
                        String(decoding: try disk.read("\(self.output)/\(path)/\(name)"), as: UTF8.self)
                    }
                    let certificate = try PEM.certificate(read("certificate.pem"), source: path)
                    #expect(try PEM.key(read("key.pem"), source: path).publicKey == certificate.publicKey)
                    #expect(root.publicKey.isValidSignature(certificate.signature, for: certificate))
                    #expect(try disk.list("\(output)/\(path)").filter { $0.hasSuffix(".new") }.isEmpty)
                }
                changes += 1
            }
            #expect(changes > 5)
        }
    }
}
