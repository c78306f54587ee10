import GRPCCore
import GRPCInProcessTransport
import Testing
import Wire
import WireMessages

@testable import Client

struct SessionTests {
    @Test("Waits grow from the first to the longest, and start again after a good session")
    func backoff() {
        var backoff = Backoff(first: .milliseconds(100), longest: .seconds(30))
        let waits = (0..<12).map { _ in backoff.next(jitter: 1) }
        #expect(waits[0] == .milliseconds(100))
        #expect(waits[1] == .milliseconds(200))
        #expect(waits[11] == .seconds(30))
        backoff.reset()
        #expect(backoff.next(jitter: 0) == .milliseconds(50))
        #expect(backoff.refused(jitter: 0.5) == .seconds(30))
    }

    @Test("Refusals are told from outages")
    func endings() {
        func isRefused(_ error: any Error) -> Bool {
            if case .refused = SessionEnding(error) { true } else { false }
        }
        #expect(isRefused(RPCError(code: .permissionDenied, message: "revoked")))
        #expect(isRefused(RPCError(code: .unauthenticated, message: "")))
        #expect(isRefused(RPCError(code: .resourceExhausted, message: "the coordinator has 10 sessions")))
        #expect(isRefused(WireError(.incompatibleVersion, "too old")))
        #expect(
            isRefused(
                RPCError(
                    code: .unavailable, message: "closed",
                    cause: RPCError(code: .unknown, message: "SSLV3_ALERT_CERTIFICATE_UNKNOWN"))))
        #expect(!isRefused(RPCError(code: .unavailable, message: "connection refused")))
        #expect(!isRefused(RPCError(code: .aborted, message: "another session")))
        #expect(!isRefused(CancellationError()))
    }

    @Test("Slots: granted before and after the wait, given back when nobody waits")
    func slots() async throws {
        let link = SessionLink()
        let identity = TaskIdentity(job: "j", round: 0, attempt: 0, kind: .train)
        #expect(link.request(.upload, for: identity, bytes: 1) == nil)
        let (messages, outbound) = AsyncStream.makeStream(of: Tributary_V1_ClientMessage.self)
        // Never called.
        let client = Tributary_V1_Federation.Client(wrapping: GRPCClient(transport: InProcessTransport().client))
        let generation = link.attach(CoordinatorConnection(client: client), outbound: outbound)
        #expect(try await link.live().generation == generation)
        let early = try #require(link.request(.upload, for: identity, bytes: 1))
        link.granted(1, grant: 11)
        #expect(try await link.grant(early) == 11)
        let abandoned = try #require(link.request(.upload, for: identity, bytes: 1))
        link.abandon(abandoned)
        link.granted(2, grant: 12)
        let lost = try #require(link.request(.upload, for: identity, bytes: 1))
        let answer = Task { try await link.grant(lost) }
        link.detach(generation)
        await #expect(throws: RPCError.self) { try await answer.value }
        #expect(!link.isCurrent(lost))
        outbound.finish()
        var released: [UInt64] = []
        for await message in messages {
            if case .transferReleased(let slot) = message.message { released.append(slot.grant) }
        }
        #expect(released == [12])
    }

    @Test("Waiting for a session ends with the task")
    func cancelledWait() async {
        let link = SessionLink()
        let work = Task { try await link.live() }
        work.cancel()
        await #expect(throws: CancellationError.self) { try await work.value }
    }
}
