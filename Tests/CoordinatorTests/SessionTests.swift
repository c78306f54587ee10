import Foundation
import GRPCCore
import Identity
import Jobs
import SwiftProtobuf
import Synchronization
import TestSupport
import Testing
import Wire
import WireMessages

@testable import Coordinator

@Suite struct SessionTests {
    private let folder: TemporaryFolder

    init() throws {
        folder = try TemporaryFolder()
    }

    @Test func theFirstMessageMustBeAHello() async throws {
        try await TestServer.run(folder: folder.path) { server in
            await #expect(throws: RPCError.self) {
                try await server.federation.connect(metadata: TestServer.metadata(client: "site-1")) { writer in
                    try await writer.write(.with { $0.heartbeat = .init() })
                    try await Task.sleep(for: .seconds(600))
                } onResponse: { response in
                    for try await _ in response.messages {}
                }
            }
        }
    }

    @Test func aWrongVersionIsRefused() async throws {
        try await TestServer.run(folder: folder.path) { server in
            await #expect(throws: RPCError.self) {
                try await server.federation.connect(metadata: TestServer.metadata(client: "site-1")) { writer in
                    try await writer.write(.with { $0.hello = .init() })
                    try await Task.sleep(for: .seconds(600))
                } onResponse: { response in
                    for try await _ in response.messages {}
                }
            }
        }
    }

    /// What `tributary-client check` does. The end of the reading must not overtake the welcome that waits to be sent.
    @Test func aClientThatSaysHelloAndGoodbyeAtOnceIsWelcomed() async throws {
        try await TestServer.run(folder: folder.path) { server in
            let link = SessionLink(peer: try Fixtures.peer(.client, "site-1"))
            let writer = LateWriter(link: link)
            let messages: [Tributary_V1_ClientMessage] = [
                .with { $0.hello = ClientHello(software: "test", datasets: []).message },
                .with { $0.goodbye.reason = "only a check" },
            ]
            let request = AsyncThrowingStream<Tributary_V1_ClientMessage, any Error> { continuation in
                for message in messages { continuation.yield(message) }
                continuation.finish()
            }
            try await ClientSession(core: server.coordinator.core, link: link, farewell: .seconds(600))
                .run(request: RPCAsyncSequence(wrapping: request), response: RPCWriter(wrapping: writer))
            #expect(writer.written.withLock { $0.map(\.welcome.client) } == ["site-1"])
        }
    }

    @Test func aSecondSessionEndsTheFirst() async throws {
        try await TestServer.run(folder: folder.path) { server in
            let first = ScriptedSite("site-1")
            let second = ScriptedSite("site-1")
            try await withThrowingTaskGroup(of: String.self) { group in
                group.addTask {
                    await #expect(throws: RPCError.self) { try await first.run(server.federation) }
                    return "first"
                }
                await first.wait { if case .welcome? = $0.message { true } else { false } }
                group.addTask {
                    try? await second.run(server.federation)
                    return "second"
                }
                #expect(try await group.next() == "first")
                await second.wait { if case .welcome? = $0.message { true } else { false } }
                let clients = try await server.operations.listClients(.init(), metadata: TestServer.operatorMetadata)
                    .clients
                #expect(clients.map(\.state) == ["connected"])
                group.cancelAll()
            }
        }
    }

    /// The first session's call ends at last when the second one has a transfer, which is not its concern.
    @Test func theLateEndOfAReplacedSessionEndsNoTransfer() async throws {
        try await TestServer.run(folder: folder.path) { server in
            let core = server.coordinator.core
            let peer = try Fixtures.peer(.client, "site-1")
            let (first, second) = (SessionLink(peer: peer), SessionLink(peer: peer))
            let hello = ClientHello(software: "test", datasets: [])
            let writer = HeldWriter()
            let (request, client) = AsyncThrowingStream<Tributary_V1_ClientMessage, any Error>.makeStream()
            client.yield(.with { $0.hello = hello.message })
            async let session: Void = ClientSession(core: core, link: first)
                .run(request: RPCAsyncSequence(wrapping: request), response: RPCWriter(wrapping: writer))
            await server.knows("site-1")
            #expect(try core.registry.open(second, hello: hello))
            #expect(first.end == .replaced)
            let purpose = TransferPurpose(
                identity: TaskIdentity(job: "job", round: 0, attempt: 0, kind: .train), direction: .upload)
            let (bytes, end) = AsyncStream<Void>.makeStream()
            async let transfer = core.transfers.withCall(of: peer.identity, purpose: purpose) {
                for await _ in bytes {}
                return !Task.isCancelled
            }
            while core.transfers.count == 0 { await Task.yield() }
            writer.isReleased.withLock { $0 = true }
            do {
                try await session
                Issue.record("a replaced session ends with its reason")
            } catch {}
            end.finish()
            let isWhole = try await transfer
            #expect(isWhole)
            core.registry.close(second)
        }
    }

    @Test("Three heartbeats have to be missed, the last of them while the coordinator itself was awake")
    func silence() {
        let start = ContinuousClock.now
        func at(_ seconds: Int) -> ContinuousClock.Instant { start + .seconds(seconds) }
        var silence = Silence(heartbeat: .seconds(5))
        #expect(silence.next(heard: start, now: start) == .wait(at(10)))
        #expect(silence.next(heard: start, now: at(10)) == .wait(at(15)))
        // Woken too early, then heard in time: from the start again.
        #expect(silence.next(heard: start, now: at(12)) == .wait(at(15)))
        #expect(silence.next(heard: at(14), now: at(15)) == .wait(at(24)))
        #expect(silence.next(heard: at(14), now: at(24)) == .wait(at(29)))
        #expect(silence.next(heard: at(14), now: at(29)) == .over)
        // Held up for long: what came meanwhile is heard first.
        silence = Silence(heartbeat: .seconds(5))
        #expect(silence.next(heard: start, now: at(100)) == .wait(at(105)))
        #expect(silence.next(heard: at(100), now: at(105)) == .wait(at(110)))
    }

    @Test func oneSessionTooManyIsRefusedAndAReplacementIsNot() async throws {
        let settings = Fixtures.settings { $0.maxSessions = 1 }
        try await TestServer.run(folder: folder.path, settings: settings) { server in
            let first = ScriptedSite("site-1")
            let again = ScriptedSite("site-1")
            await withTaskGroup(of: Void.self) { group in
                group.addTask { try? await first.run(server.federation) }
                await server.knows("site-1")
                let refusal = await #expect(throws: RPCError.self) {
                    try await ScriptedSite("site-2").run(server.federation)
                }
                #expect(refusal?.code == .resourceExhausted)
                #expect(refusal?.message.contains("maxSessions") == true)
                // The client that has the session may open another one.
                group.addTask { try? await again.run(server.federation) }
                await again.wait { if case .welcome? = $0.message { true } else { false } }
                group.cancelAll()
            }
            let clients = try await server.operations.listClients(.init(), metadata: TestServer.operatorMetadata)
                .clients
            #expect(clients.map(\.name) == ["site-1"])
        }
    }

    @Test func aSilentSessionIsClosed() async throws {
        let settings = Fixtures.settings { $0.heartbeat = .milliseconds(30) }
        try await TestServer.run(folder: folder.path, settings: settings) { server in
            let site = ScriptedSite("site-1")
            await #expect(throws: RPCError.self) { try await site.run(server.federation) }
        }
    }

    @Test func aRevokedClientIsOutAtOnceAndAfterARestart() async throws {
        try await TestServer.run(folder: folder.path) { server in
            let job = try await server.submit(
                Fixtures.specification(rounds: 1, clients: 2) { $0.clients.minimumUpdates = 1 }
            ).job
            let evil = ScriptedSite("site-2") { _ in .silence }
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask { await #expect(throws: RPCError.self) { try await evil.run(server.federation) } }
                try await server.withSites([ScriptedSite("site-1")]) {
                    await evil.wait { if case .task? = $0.message { true } else { false } }
                    let response = try await server.operations.revoke(
                        .with {
                            $0.name = "site-2"
                            $0.role = "client"
                            $0.reason = "key lost"
                        }, metadata: TestServer.operatorMetadata)
                    #expect(response.sessionsClosed == 1)
                    // The round does not wait for who is out.
                    #expect(try await server.finished(job).state == "finished")
                }
                try await group.waitForAll()
            }
            #expect(try await server.rounds(job)[0].refusals.map(\.code) == ["revoked"])
            await server.knows("site-1", false)
            let clients = try await server.operations.listClients(.init(), metadata: TestServer.operatorMetadata)
                .clients
            #expect(clients.map(\.state) == ["away", "revoked"])
            #expect(clients[1].reason == "key lost")
            #expect(clients[0].certificateEndsMilliseconds > 0)
        }
        try await TestServer.run(folder: folder.path) { server in
            await #expect(throws: RPCError.self) { try await ScriptedSite("site-2").run(server.federation) }
        }
    }

    @Test func shutdownDrainsSessions() async throws {
        let site = ScriptedSite("site-1")
        try await TestServer.run(folder: folder.path) { server in
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask { try await site.run(server.federation) }
                await server.knows("site-1")
                server.coordinator.shutDown()
                try await group.waitForAll()
            }
        }
        #expect(site.received.withLock { $0.last?.drain.reason.isEmpty == false })
    }

    @Test func oneTaskAtATimeInTheOrderOfTheJobs() async throws {
        try await TestServer.run(folder: folder.path) { server in
            // site-1 does nothing, so that its first task stays with it.
            let site = ScriptedSite("site-1") { _ in .silence }
            let other = ScriptedSite("site-2") { _ in .silence }
            let first = try await server.submit(Fixtures.specification(name: "first")).job
            try await server.withSites([site, other]) {
                await site.wait { if case .task? = $0.message { true } else { false } }
                let second = try await server.submit(Fixtures.specification(name: "second")).job
                _ = try await server.wait(for: second) { $0.rounds.contains { $0.phase == "training" } }
                func tasks() -> [String] {
                    site.received.withLock { $0.compactMap { $0.task.hasIdentity ? $0.task.identity.job : nil } }
                }
                #expect(tasks() == [first])
                _ = try await server.operations.controlJob(
                    .with {
                        $0.job = first
                        $0.action = .stop
                    }, metadata: TestServer.operatorMetadata)
                await site.wait { $0.task.identity.job == second }
                #expect(tasks() == [first, second])
            }
        }
    }

    @Test func anUnknownTaskThatAClientHoldsIsCancelled() async throws {
        try await TestServer.run(folder: folder.path) { server in
            let site = ScriptedSite("site-1")
            let held = TaskIdentity(job: "gone", round: 3, attempt: 0, kind: .train)
            await withTaskGroup(of: Void.self) { group in
                group.addTask { try? await site.run(server.federation, holding: [held]) }
                await site.wait { $0.cancel.identity == held.message }
                group.cancelAll()
            }
        }
    }
}

extension TestServer {
    /// Returns when a client's session is registered, which is a moment after its welcome is on the way, or is no more.
    fileprivate func knows(_ client: String, _ isConnected: Bool = true) async {
        while coordinator.core.registry.isConnected(client) != isConnected { await Task.yield() }
    }
}

/// Takes a message only well after the session ended, and none from a cancelled task.
private final class LateWriter: RPCWriterProtocol {
    let link: SessionLink
    let written = Mutex<[Tributary_V1_CoordinatorMessage]>([])

    init(link: SessionLink) {
        self.link = link
    }

    func write(_ element: Tributary_V1_CoordinatorMessage) async throws {
        while link.end == nil { await Task.yield() }
        for _ in 0..<1000 { await Task.yield() }
        try Task.checkCancellation()
        written.withLock { $0.append(element) }
    }

    func write(contentsOf elements: some Sequence<Tributary_V1_CoordinatorMessage>) async throws {
        for element in elements { try await write(element) }
    }
}

/// Takes no message before it is released, whoever cancels.
private final class HeldWriter: RPCWriterProtocol {
    let isReleased = Mutex(false)

    func write(_ element: Tributary_V1_CoordinatorMessage) async throws {
        while !isReleased.withLock({ $0 }) { await Task.yield() }
    }

    func write(contentsOf elements: some Sequence<Tributary_V1_CoordinatorMessage>) async throws {
        for element in elements { try await write(element) }
    }
}
