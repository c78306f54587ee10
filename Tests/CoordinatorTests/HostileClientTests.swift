import Foundation
import GRPCCore
import GRPCNIOTransportHTTP2Posix
import Jobs
import SwiftProtobuf
import Synchronization
import TestSupport
import Testing
import Weights
import Wire
import WireMessages

@testable import Coordinator

/// Whatever one client sends, over mutual TLS as in a federation, it is refused with a reason and the round goes on with the
/// others.
@Suite(.timeLimit(.minutes(10))) struct HostileClientTests {
    struct Case: Sendable, CustomTestStringConvertible {
        var testDescription: String
        var code: String
        var answer: @Sendable (Tributary_V1_Task) throws -> ScriptedSite.Answer
    }

    static func good(_ task: Tributary_V1_Task) throws -> [UInt8] {
        Safetensors.encode(try Fixtures.update(client: "evil", round: Int(task.identity.round)))
    }

    /// The good update with other floats from a position in its data.
    static func poisoned(_ task: Tributary_V1_Task, with value: Float) throws -> [UInt8] {
        var bytes = try good(task)
        withUnsafeBytes(of: value) { bytes.replaceSubrange(bytes.count - 4..<bytes.count, with: $0) }
        return bytes
    }

    /// The good update with another text of the same length in its header.
    static func rewritten(_ task: Tributary_V1_Task, _ old: String, _ new: String) throws -> [UInt8] {
        var bytes = try good(task)
        let (old, new) = (Array(old.utf8), Array(new.utf8))
        guard old.count == new.count,
            let start = bytes.indices.dropLast(old.count).first(where: { bytes[$0..<$0 + old.count] == old[...] })
        else { throw CoordinatorError(.invalidRequest, "the test's own header has no such text") }
        bytes.replaceSubrange(start..<start + old.count, with: new)
        return bytes
    }

    static func chunk(_ bytes: some Sequence<UInt8>, at offset: Int) -> Tributary_V1_SubmitUpdateRequest {
        .with {
            $0.chunk = .with {
                $0.offset = UInt64(offset)
                $0.data = Data(bytes)
            }
        }
    }

    static let cases: [Case] = [
        Case(testDescription: "too many bytes", code: "size") { .bytes(try good($0) + [0, 0, 0, 0]) },
        Case(testDescription: "an enormous size", code: "size") { task in
            .bytes(try good(task)) { $0.totalBytes = 1 << 50 }
        },
        Case(testDescription: "another tensor name", code: "schema") {
            .bytes(try rewritten($0, "layer.bias", "layer.evil"))
        },
        Case(testDescription: "another shape of as many elements", code: "schema") {
            .bytes(try rewritten($0, "[2,3]", "[3,2]"))
        },
        Case(testDescription: "another element type of as many bytes", code: "schema") {
            .bytes(try rewritten($0, "\"F32\",\"shape\":[2,3]", "\"F16\",\"shape\":[2,6]"))
        },
        Case(testDescription: "an element type that there is not", code: "format") {
            .bytes(try rewritten($0, "\"F32\",\"shape\":[2,3]", "\"F99\",\"shape\":[2,3]"))
        },
        Case(testDescription: "a tensor twice", code: "format") {
            .bytes(try rewritten($0, "layer.weight\"", "layer.bias\"  "))
        },
        Case(testDescription: "minus infinity", code: "non-finite") { .bytes(try poisoned($0, with: -.infinity)) },
        Case(testDescription: "NaN", code: "non-finite") { .bytes(try poisoned($0, with: .nan)) },
        Case(testDescription: "infinity", code: "non-finite") { .bytes(try poisoned($0, with: .infinity)) },
        Case(testDescription: "an enormous norm", code: "norm") { .bytes(try poisoned($0, with: 3e38)) },
        Case(testDescription: "not safetensors", code: "format") { task in
            .bytes([UInt8](repeating: 0xFF, count: try good(task).count))
        },
        Case(testDescription: "10^15 examples", code: "examples") { task in
            .bytes(try good(task)) { $0.statistics.examples = 1_000_000_000_000_000 }
        },
        Case(testDescription: "10^18 examples", code: "header") { task in
            .bytes(try good(task)) { $0.statistics.examples = 1_000_000_000_000_000_000 }
        },
        Case(testDescription: "a negative number of examples", code: "header") { task in
            .bytes(try good(task)) { $0.statistics.examples = UInt64(bitPattern: -5) }
        },
        Case(testDescription: "a negative count of answers", code: "header") { task in
            .bytes(try good(task)) {
                $0.statistics.classes = 1
                $0.statistics.confusion = [UInt64(bitPattern: -1)]
            }
        },
        Case(testDescription: "fewer right answers than none", code: "statistics") { task in
            .bytes(try good(task)) { $0.statistics.sums["correct"] = -5 }
        },
        Case(testDescription: "a digest that is none", code: "header") { task in
            .bytes(try good(task)) { $0.digest = "evil" }
        },
        Case(testDescription: "no examples", code: "examples") { task in
            .bytes(try good(task)) { $0.statistics.examples = 0 }
        },
        Case(testDescription: "a sum that is NaN", code: "statistics") { task in
            .bytes(try good(task)) { $0.statistics.sums["loss"] = .nan }
        },
        Case(testDescription: "a confusion matrix of more than its examples", code: "statistics") { task in
            .bytes(try good(task)) {
                $0.statistics.classes = 1
                $0.statistics.confusion = [1000]
            }
        },
        Case(testDescription: "a histogram of more than its examples", code: "statistics") { task in
            .bytes(try good(task)) {
                var histogram = Tributary_V1_Counts()
                histogram.runs = [-5, 1000]
                $0.statistics.counts["scores.1.positive"] = histogram
            }
        },
        Case(testDescription: "other weights", code: "weights") { task in
            .bytes(try good(task)) { $0.weightsDigest = String(repeating: "0", count: 64) }
        },
        Case(testDescription: "another digest", code: "digest") { task in
            .bytes(try good(task)) { $0.digest = String(repeating: "0", count: 64) }
        },
    ]

    @Test(arguments: cases)
    func isRefusedWithAReason(_ hostile: Case) async throws {
        let folder = try TemporaryFolder()
        try await TestServer.run(folder: folder.path) { server in
            let specification = Fixtures.specification(rounds: 2, clients: 3) { $0.clients.minimumUpdates = 2 }
            let job = try await server.submit(specification).job
            let evil = ScriptedSite("evil") { task in (try? hostile.answer(task)) ?? .silence }
            let summary = try await SecureDoor.with(server) { door in
                try await door.withSites([ScriptedSite("site-1"), ScriptedSite("site-2"), evil]) {
                    try await server.finished(job)
                }
            }
            #expect(summary.state == "finished")
            #expect(summary.weightsDigest == (try Fixtures.weights(after: 2, clients: ["site-1", "site-2"])).digest())
            for round in try await server.rounds(job) {
                #expect(round.refusals.map(\.client) == ["evil"])
                #expect(round.refusals.map(\.code) == [hostile.code])
                #expect(round.refusals.allSatisfy { !$0.reason.isEmpty })
            }
            #expect(evil.receipts.withLock { $0.allSatisfy { $0.status == .refused && $0.code == hostile.code } })
        }
    }

    /// Uploads that break the rules of the transfer: they are broken off, and may be tried again until the deadline.
    static let transfers: [Case] = [
        Case(testDescription: "a truncated update", code: "deadline") { task in
            let bytes = try good(task)
            return .messages(bytes, [chunk(bytes.prefix(bytes.count / 2), at: 0)])
        },
        Case(testDescription: "more bytes than were announced", code: "deadline") { task in
            let bytes = try good(task)
            return .messages(bytes, [chunk(bytes + [0], at: 0)])
        },
        Case(testDescription: "a chunk of more than 1 MiB", code: "deadline") { task in
            .messages(try good(task), [chunk(repeatElement(0, count: (1 << 20) + 1), at: 0)])
        },
        Case(testDescription: "a message of more than the limit", code: "deadline") { task in
            .messages(try good(task), [chunk(repeatElement(0, count: 3 << 20), at: 0)])
        },
        Case(testDescription: "chunks in another order", code: "deadline") { task in
            let bytes = try good(task)
            return .messages(bytes, [chunk(bytes.dropFirst(50), at: 50), chunk(bytes.prefix(50), at: 0)])
        },
        Case(testDescription: "a chunk twice", code: "deadline") { task in
            let first = chunk(try good(task).prefix(50), at: 0)
            return .messages(try good(task), [first, first])
        },
        Case(testDescription: "a chunk before any header", code: "deadline") { task in
            .messages(try good(task), header: false, [chunk(try good(task), at: 0)])
        },
        Case(testDescription: "nothing after the header", code: "deadline") { .messages(try good($0), []) },
    ]

    @Test(arguments: transfers)
    func isBrokenOffAndRecordedAtTheDeadline(_ hostile: Case) async throws {
        let folder = try TemporaryFolder()
        let time = TestClock()
        let settings = Fixtures.settings { $0.clock = time.clock }
        try await TestServer.run(folder: folder.path, settings: settings) { server in
            let specification = Fixtures.specification(rounds: 1, clients: 3) { $0.clients.minimumUpdates = 2 }
            let job = try await server.submit(specification).job
            let evil = ScriptedSite("evil") { task in (try? hostile.answer(task)) ?? .silence }
            try await SecureDoor.with(server) { door in
                try await door.withSites([ScriptedSite("site-1"), ScriptedSite("site-2"), evil]) {
                    await evil.waitForFailure()
                    _ = try await server.wait(for: job) {
                        $0.rounds.contains { $0.admitted == ["site-1", "site-2"] }
                    }
                    time.advance(by: 3_600_001)
                    // Whatever happens next shows the engine that the deadline has passed.
                    try await door.withSites([ScriptedSite("site-3")]) {
                        let summary = try await server.finished(job)
                        #expect(summary.state == "finished")
                        #expect(
                            summary.weightsDigest
                                == (try Fixtures.weights(after: 1, clients: ["site-1", "site-2"])).digest())
                    }
                }
            }
            let round = try #require(try await server.rounds(job).first)
            #expect(round.refusals.map(\.client) == ["evil"])
            #expect(round.refusals.map(\.code) == [hostile.code])
            let receipts = evil.receipts.withLock { $0 }
            #expect(receipts.isEmpty)
        }
    }

    @Test func tensorsInAnotherOrderAreTheSameUpdate() async throws {
        let folder = try TemporaryFolder()
        try await TestServer.run(folder: folder.path) { server in
            let job = try await server.submit(Fixtures.specification(rounds: 2)).job
            let odd = ScriptedSite("site-2") { task in
                (try? .bytes(Self.reordered(client: "site-2", round: Int(task.identity.round)))) ?? .silence
            }
            let summary = try await SecureDoor.with(server) { door in
                try await door.withSites([ScriptedSite("site-1"), odd]) {
                    let summary = try await server.finished(job)
                    await odd.waitForReceipts(2)
                    return summary
                }
            }
            #expect(summary.weightsDigest == (try Fixtures.weights(after: 2, clients: ["site-1", "site-2"])).digest())
            #expect(odd.receipts.withLock { $0.map(\.status) } == [.committed, .committed])
        }
    }

    /// The update of the fixtures with its two tensors' bytes the other way round.
    private static func reordered(client: String, round: Int) throws -> [UInt8] {
        let update = try Fixtures.update(client: client, round: round)
        let canonical = Safetensors.encode(update)
        let names = update.schema.tensors.map(\.name)
        var entries: [String] = []
        var data: [UInt8] = []
        for name in names.reversed() {
            let tensor = try #require(update[name])
            let shape = tensor.spec.shape.map(String.init).joined(separator: ",")
            entries.append(
                "\"\(name)\":{\"dtype\":\"F32\",\"shape\":[\(shape)],"
                    + "\"data_offsets\":[\(data.count),\(data.count + tensor.bytes.count)]}")
            data += tensor.bytes
        }
        var header = Array("{\(entries.joined(separator: ","))}".utf8)
        // As long as the canonical one, so that the file is.
        header += repeatElement(0x20, count: max(0, canonical.count - 8 - data.count - header.count))
        return withUnsafeBytes(of: UInt64(header.count).littleEndian) { Array($0) } + header + data
    }

    /// A round that stays open because `site-2` says nothing; gives the task that `site-1` got, and a connection of
    /// `site-1`.
    private func withOpenRound(
        _ body:
            @escaping @Sendable (
                TestServer, SecureDoor, Tributary_V1_Task, Tributary_V1_Federation.Client<HTTP2ClientTransport.Posix>
            ) async throws -> Void
    ) async throws {
        let folder = try TemporaryFolder()
        try await TestServer.run(folder: folder.path) { server in
            _ = try await server.submit(Fixtures.specification()).job
            let first = ScriptedSite("site-1") { _ in .silence }
            try await SecureDoor.with(server) { door in
                try await door.withSites([first, ScriptedSite("site-2") { _ in .silence }]) {
                    await first.wait { if case .task? = $0.message { true } else { false } }
                    let task = try #require(
                        first.received.withLock { messages in
                            messages.compactMap { $0.task.hasIdentity ? $0.task : nil }.first
                        })
                    try await door.connected(as: "site-1") { try await body(server, door, task, $0) }
                }
            }
        }
    }

    /// A slot for `site-1`, through a session message of its own.
    private func header(_ task: Tributary_V1_Task, bytes: [UInt8], grant: UInt64) -> Tributary_V1_UpdateHeader {
        var header = ScriptedSite.header(task, client: "site-1", bytes: bytes)
        header.grant = grant
        return header
    }

    private func slot(_ server: TestServer, _ task: Tributary_V1_Task, client: String = "site-1") throws -> UInt64 {
        let purpose = TransferPurpose(identity: try TaskIdentity(task.identity), direction: .upload)
        return try #require(server.coordinator.core.registry.grants.offer(client: client, purpose: purpose))
    }

    @Test func theFirstUpdateCountsAndAReplayChangesNothing() async throws {
        try await withOpenRound { server, door, task, federation in
            let bytes = Safetensors.encode(try Fixtures.update(client: "site-1", round: 0))
            let other = Safetensors.encode(try Fixtures.update(client: "site-1", round: 7))
            let header = self.header(task, bytes: bytes, grant: try slot(server, task))
            let first = try await ScriptedSite.submit(header, bytes, federation, client: "site-1")
            #expect(first.status == .committed)
            let replay = try await ScriptedSite.submit(header, bytes, federation, client: "site-1")
            #expect(replay.status == .committed)
            let second = self.header(task, bytes: other, grant: 0)
            let changed = try await ScriptedSite.submit(second, other, federation, client: "site-1")
            #expect(changed.status == .alreadyCommitted)
            let resume = try await federation.resumePoint(
                .with {
                    $0.identity = task.identity
                    $0.digest = Fixtures.digest(bytes)
                }, metadata: TestServer.metadata(client: "site-1"))
            #expect(resume.receipt.status == .committed)
        }
    }

    @Test func uploadsNeedASlotOfTheirOwn() async throws {
        try await withOpenRound { server, door, task, federation in
            let bytes = Safetensors.encode(try Fixtures.update(client: "site-1", round: 0))
            let foreign = try slot(server, task, client: "site-2")
            for grant in [0, 1, foreign] {
                await #expect(throws: RPCError.self) {
                    try await ScriptedSite.submit(
                        header(task, bytes: bytes, grant: grant), bytes, federation, client: "site-1")
                }
            }
        }
    }

    @Test func whoWasNotAskedGetsNothing() async throws {
        try await withOpenRound { server, door, task, federation in
            let bytes = Safetensors.encode(try Fixtures.update(client: "stranger", round: 0))
            let grant = try slot(server, task, client: "stranger")
            try await door.connected(as: "stranger") { stranger in
                let receipt = try await ScriptedSite.submit(
                    header(task, bytes: bytes, grant: grant), bytes, stranger, client: "stranger")
                #expect(receipt.status == .roundOver)
                await #expect(throws: RPCError.self) {
                    try await stranger.fetchWeights(
                        .with {
                            $0.grant = grant
                            $0.identity = task.identity
                            $0.digest = task.weightsDigest
                        }
                    ) { response in for try await _ in response.messages {} }
                }
            }
        }
    }

    @Test func aBrokenUploadIsResumedWhereItStopped() async throws {
        try await withOpenRound { server, door, task, federation in
            let bytes = Safetensors.encode(try Fixtures.update(client: "site-1", round: 0))
            await #expect(throws: RPCError.self) {
                try await ScriptedSite.submit(
                    header(task, bytes: bytes, grant: try slot(server, task)), bytes, federation,
                    client: "site-1", upTo: 150)
            }
            let point = try await federation.resumePoint(
                .with {
                    $0.identity = task.identity
                    $0.digest = Fixtures.digest(bytes)
                }, metadata: TestServer.metadata(client: "site-1"))
            #expect(point.offset == 150)
            var rest = header(task, bytes: bytes, grant: try slot(server, task))
            rest.offset = point.offset
            let receipt = try await ScriptedSite.submit(rest, bytes, federation, client: "site-1")
            #expect(receipt.status == .committed)
        }
    }

    @Test func aStalledUploadGivesItsSlotBack() async throws {
        let folder = try TemporaryFolder()
        let settings = Fixtures.settings { $0.stall = .seconds(1) }
        try await TestServer.run(folder: folder.path, settings: settings) { server in
            let job = try await server.submit(Fixtures.specification()).job
            let first = ScriptedSite("site-1") { _ in .silence }
            try await server.withSites([first, ScriptedSite("site-2") { _ in .silence }]) {
                await first.wait { if case .task? = $0.message { true } else { false } }
                let task = try #require(
                    first.received.withLock { $0.compactMap { $0.task.hasIdentity ? $0.task : nil }.first })
                let bytes = Safetensors.encode(try Fixtures.update(client: "site-1", round: 0))
                let header = header(task, bytes: bytes, grant: try slot(server, task))
                let before = server.coordinator.core.registry.grants.count
                await #expect(throws: RPCError.self) {
                    try await server.federation.submitUpdate(metadata: TestServer.metadata(client: "site-1")) {
                        writer in
                        try await writer.write(.with { $0.header = header })
                        try await writer.write(.with { $0.chunk = .with { $0.data = Data(bytes[..<10]) } })
                        try await Task.sleep(for: .seconds(600))
                    }
                }
                #expect(server.coordinator.core.registry.grants.count == before - 1)
                _ = job
            }
        }
    }

    @Test func aLateUpdateIsAnsweredRoundOver() async throws {
        let folder = try TemporaryFolder()
        let time = TestClock()
        let settings = Fixtures.settings { $0.clock = time.clock }
        try await TestServer.run(folder: folder.path, settings: settings) { server in
            let specification = Fixtures.specification(rounds: 1, clients: 2) { $0.clients.minimumUpdates = 1 }
            let job = try await server.submit(specification).job
            let late = ScriptedSite("site-2") { _ in .silence }
            try await SecureDoor.with(server) { door in
                try await door.withSites([ScriptedSite("site-1"), late]) {
                    _ = try await server.wait(for: job) { $0.rounds.contains { $0.admitted == ["site-1"] } }
                    await late.wait { if case .task? = $0.message { true } else { false } }
                    time.advance(by: 3_600_001)
                    // Whatever happens next shows the engine that the deadline has passed.
                    try await door.withSites([ScriptedSite("site-3")]) {
                        let summary = try await server.finished(job)
                        #expect(summary.state == "finished")
                    }
                    let task = try #require(
                        late.received.withLock { $0.compactMap { $0.task.hasIdentity ? $0.task : nil }.first })
                    let bytes = Safetensors.encode(try Fixtures.update(client: "site-2", round: 0))
                    let receipt = try await door.connected(as: "site-2") {
                        try await ScriptedSite.submit(
                            ScriptedSite.header(task, client: "site-2", bytes: bytes), bytes, $0, client: "site-2")
                    }
                    #expect(receipt.status == .roundOver)
                    #expect(try await server.rounds(job)[0].refusals.map(\.code) == ["deadline"])
                }
            }
        }
    }
}
