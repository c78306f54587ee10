import Crypto
import Foundation
import Jobs
import Logging
import Privacy
import Synchronization
import TestSupport
import Testing
import Weights
import Wire
import WireMessages

@testable import Coordinator

/// Everything that a coordinator stores and logs in a round with secure aggregation, searched for what it must not know.
@Suite(.timeLimit(.minutes(10))) struct SecureInspectionTests {
    /// Keeps every line.
    struct Recorder: LogHandler {
        final class Lines: Sendable {
            let text = Mutex("")
        }

        let lines: Lines
        var metadata: Logger.Metadata = [:]
        var logLevel = Logger.Level.trace

        init(_ lines: Lines) { self.lines = lines }

        subscript(metadataKey key: String) -> Logger.Metadata.Value? {
            get { metadata[key] }
            set { metadata[key] = newValue }
        }

        func log(event: LogEvent) {
            let own = event.metadata ?? [:]
            lines.text.withLock { $0 += "\(event.level) \(event.message) \(metadata) \(own)\n" }
        }
    }

    /// Where some bytes are, as they are, in hexadecimal or in base64 (which depends on what stands before them, so only its
    /// middle is looked for).
    static func places(of secret: [UInt8], in files: [String: Data]) -> [String] {
        let hexadecimal = Data(secret.map { String(format: "%02x", $0) }.joined().utf8)
        var patterns = [
            Data(secret), hexadecimal, Data(String(decoding: hexadecimal, as: UTF8.self).uppercased().utf8),
        ]
        for shift in 0..<3 {
            let text = Data([UInt8](repeating: 0, count: shift) + secret).base64EncodedString()
            patterns.append(Data(text.utf8.dropFirst(4).dropLast(4)))
        }
        patterns.append(Data(secret.map(String.init).joined(separator: ", ").utf8))
        return files.filter { file in patterns.contains { file.value.range(of: $0) != nil } }.map(\.key)
    }

    static func files(in folder: String) -> [String: Data] {
        var files: [String: Data] = [:]
        let names = FileManager.default.enumerator(atPath: folder)?.compactMap { $0 as? String } ?? []
        for name in names {
            if let data = FileManager.default.contents(atPath: "\(folder)/\(name)") { files[name] = data }
        }
        return files
    }

    /// Numbers that are like nothing else in a file.
    static func update(of client: String) throws -> Weights {
        let seed = Double(client.utf8.reduce(0) { $0 + Int($1) })
        func values(_ count: Int, _ start: Double) -> [Float] {
            (0..<count).map { Float(sin(seed * 12.9898 + (start + Double($0)) * 78.233)) }
        }
        return try Weights([
            (name: "layer.weight", shape: [2, 3], values: values(6, 0)),
            (name: "layer.bias", shape: [3], values: values(3, 6)),
        ])
    }

    /// The secrets of a client as `SecureClient` draws them: the channel's key, the mask's key, the seed of the own mask.
    static func secrets(_ secret: PrivacySecret) -> [[UInt8]] {
        var words = secret.stream(purpose: "secure aggregation", round: 0).words()
        return (0..<3).map { _ in (0..<32).map { _ in UInt8.random(in: .min ... .max, using: &words) } }
    }

    @Test(
        "No update and no secret of any client is anywhere in the state folder or the log, before and after the round")
    func inspected() async throws {
        let folder = try TemporaryFolder()
        let lines = Recorder.Lines()
        let logger = Logger(label: "inspected") { _ in Recorder(lines) }
        let names = SecureAggregationTests.names
        let secrets = try Dictionary(
            uniqueKeysWithValues: names.enumerated().map { index, name in
                (name, try PrivacySecret(bytes: [UInt8](repeating: UInt8(index + 1), count: 32)))
            })
        // The last shares are held back until the folder was searched with every masked update in it. Site 4 leaves after
        // it shared, so that its mask key is put together, and the own masks' seeds of the others.
        let isHeld = Mutex(true)
        let sites = names.map { name in
            SecureSite(
                name, secret: { _ in secrets[name] ?? PrivacySecret() }, update: { _ in try Self.update(of: name) }
            ) { request, _ in
                if name == "site-4", request.step == .boxes { return .fail }
                return request.step == .survivors && isHeld.withLock({ $0 }) ? .send([]) : .answer
            }
        }
        let specification = SecureFixtures.specification(minimum: 3, rounds: 1)
        let during = try await TestServer.run(folder: folder.path, logger: logger) { server in
            let job = try await server.submit(specification).job
            return try await SecureDoor.with(server) { door in
                let during = try await door.withSites(sites) {
                    while !sites[..<3].allSatisfy({ site in
                        site.requests.withLock { $0.contains { $0.step == .survivors } }
                    }) {
                        try Task.checkCancellation()
                        await Task.yield()
                    }
                    return Self.files(in: folder.path)
                }
                isHeld.withLock { $0 = false }
                // The same clients come back with the same secrets, and are asked again.
                try await door.withSites(Array(sites[..<3])) {
                    let summary = try await server.finished(job)
                    #expect(summary.state == "finished", "\(summary.reason)")
                }
                return during
            }
        }
        let spooled = during.filter { $0.key.hasPrefix("spool/") && $0.value.count > 0 }
        #expect(spooled.count == 3, "\(during.keys.sorted())")
        let encoding = try SecureFixtures.encoding(4)
        var all: [String: Data] = [:]
        for (name, data) in during { all["during the round: \(name)"] = data }
        for (name, data) in Self.files(in: folder.path) { all["after the round: \(name)"] = data }
        all["log"] = Data(lines.text.withLock { $0 }.utf8)
        #expect(all["log"]?.isEmpty == false)
        // The search finds what is there: the weights that everybody may know.
        let initial = try Fixtures.initial.floats("layer.weight").withUnsafeBytes { Array($0) }
        #expect(!Self.places(of: initial, in: all).isEmpty)
        for name in names {
            let update = try Self.update(of: name)
            for tensor in ["layer.weight", "layer.bias"] {
                let values = try update.floats(tensor)
                var words = [UInt32](repeating: 0, count: values.count)
                _ = values.withUnsafeBufferPointer { values in
                    words.withUnsafeMutableBufferPointer { encoding.encode(values, into: $0) }
                }
                for bytes in [values.withUnsafeBytes { Array($0) }, words.withUnsafeBytes { Array($0) }] {
                    #expect(Self.places(of: bytes, in: all) == [], "the update of \(name)")
                }
                let text = values.map { "\($0)" }.joined(separator: ", ")
                #expect(all.filter { $0.value.range(of: Data(text.utf8)) != nil }.isEmpty, "the update of \(name)")
            }
            let own = try #require(secrets[name])
            for (secret, what) in zip(Self.secrets(own), ["channel key", "mask key", "seed"]) {
                #expect(Self.places(of: secret, in: all) == [], "the \(what) of \(name)")
            }
            #expect(Self.places(of: own.rawBytes, in: all) == [])
        }
        // The recomputed secrets are the real ones: the public halves were on the wire.
        let roster = sites[0].requests.withLock { requests in
            requests.compactMap { request in if case .roster(let roster) = request { roster } else { nil } }.first
        }
        for entry in try #require(roster) {
            let own = Self.secrets(try #require(secrets[entry.keys.client]))
            #expect(entry.keys.commitment == Array(SHA256.hash(data: own[2])))
            let key = try Curve25519.KeyAgreement.PrivateKey(rawRepresentation: own[1])
            #expect(entry.keys.maskKey == Array(key.publicKey.rawRepresentation))
        }
    }
}
