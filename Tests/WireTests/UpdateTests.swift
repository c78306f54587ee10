import Foundation
import GRPCCore
import GRPCNIOTransportHTTP2Posix
import Jobs
import Testing
import Wire
import WireMessages

@Suite struct UpdateTests {
    private let update = UpdateDescription(
        grant: 9, identity: TaskIdentity(job: "a", round: 1, attempt: 0, kind: .train),
        digest: String(repeating: "a", count: 64), totalBytes: 100, offset: 10,
        weightsDigest: String(repeating: "0", count: 64), statistics: TaskStatistics(examples: 3),
        trainer: ["trainer": "lab 0.1"])

    @Test func survivesTheWire() throws {
        #expect(try UpdateDescription(update.message) == update)
    }

    @Test func refusesAnEvaluation() {
        var message = update.message
        message.identity.kind = .evaluate
        #expect(throws: WireError.self) { try UpdateDescription(message) }
    }

    @Test(arguments: ["", "abc", String(repeating: "A", count: 64), String(repeating: "g", count: 64)])
    func refusesDigestsThatAreNone(digest: String) {
        var message = update.message
        message.digest = digest
        #expect(throws: WireError.self) { try UpdateDescription(message) }
        message = update.message
        message.weightsDigest = digest
        #expect(throws: WireError.self) { try UpdateDescription(message) }
    }

    @Test func refusesAnOffsetPastTheEnd() {
        var message = update.message
        message.offset = 101
        #expect(throws: WireError.self) { try UpdateDescription(message) }
        message.totalBytes = .max
        #expect(throws: WireError.self) { try UpdateDescription(message) }
    }

    @Test func chunksMustFollowEachOther() throws {
        var chunks = ChunkSequence(from: 2, totalBytes: 6)
        var chunk = Tributary_V1_Chunk()
        chunk.offset = 2
        chunk.data = Data([1, 2])
        #expect(try chunks.accept(chunk) == Data([1, 2]))
        #expect(!chunks.isComplete)
        #expect(throws: WireError.self) { try chunks.accept(chunk) }
        chunk.offset = 5
        #expect(throws: WireError.self) { try chunks.accept(chunk) }
        chunk.offset = 4
        chunk.data = Data([1, 2, 3])
        #expect(throws: WireError.self) { try chunks.accept(chunk) }
        chunk.data = Data([1, 2])
        _ = try chunks.accept(chunk)
        #expect(chunks.isComplete)
    }

    @Test func chunksHaveALimit() {
        var chunks = ChunkSequence(totalBytes: 1 << 30)
        var chunk = Tributary_V1_Chunk()
        chunk.data = Data(count: WireLimits.chunkBytes + 1)
        #expect(throws: WireError.self) { try chunks.accept(chunk) }
    }

    @Test func wordsAreWords() {
        #expect(PeerText.word("non-finite", fallback: "x") == "non-finite")
        #expect(PeerText.word("a b", fallback: "x") == "x")
        #expect(PeerText.word("", fallback: "x") == "x")
    }
}

@Suite struct TransportSettingsTests {
    @Test func bothEndsAgree() {
        let server = TransportSettings.serverConfiguration()
        let client = TransportSettings.clientConfiguration(authority: "coordinator")
        #expect(server.http2.targetWindowSize == client.http2.targetWindowSize)
        #expect(server.http2.maxFrameSize == client.http2.maxFrameSize)
        #expect(server.http2.maxConcurrentStreams == TransportSettings.streamsPerConnection)
        #expect(server.rpc.maxRequestPayloadSize == WireLimits.messageBytes)
        #expect(client.http2.authority == "coordinator")
        let method = TransportSettings.serviceConfiguration().methodConfig[0]
        #expect(method.maxRequestMessageBytes == WireLimits.messageBytes)
        #expect(method.maxResponseMessageBytes == WireLimits.messageBytes)
        #expect(TransportSettings.leastPingInterval < TransportSettings.clientPing)
    }

    @Test("The answer to a ping may stand behind a full window on a line of 300 kbit/s")
    func pingBehindAWindow() {
        let seconds = Double(TransportSettings.windowBytes) * 8 / 300_000
        #expect(TransportSettings.pingTimeout >= .seconds(seconds))
        #expect(TransportSettings.serverConfiguration().connection.keepalive.timeout == TransportSettings.pingTimeout)
        #expect(TransportSettings.clientConfiguration().connection.keepalive?.timeout == TransportSettings.pingTimeout)
    }
}
