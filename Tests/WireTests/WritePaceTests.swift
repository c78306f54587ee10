import NIOCore
import NIOEmbedded
import Testing

@testable import Wire

@Suite struct WritePaceTests {
    @Test("A write waits until the event loop has seen the last but one")
    func ahead() throws {
        let loop = EmbeddedEventLoop()
        var pace = WritePace(loop)
        let first = pace.turn()
        #expect(first == nil)
        let second = pace.turn()
        var hasSeenFirst = false
        try #require(second).assumeIsolated().whenComplete { _ in hasSeenFirst = true }
        #expect(!hasSeenFirst)
        loop.run()
        #expect(hasSeenFirst)
        // A loop that keeps up holds up nobody.
        let third = pace.turn()
        var hasSeenSecond = false
        try #require(third).assumeIsolated().whenComplete { _ in hasSeenSecond = true }
        #expect(hasSeenSecond)
        loop.run()
        try loop.syncShutdownGracefully()
    }

    @Test("Without a connection nothing is waited for")
    func none() async {
        var pace = WritePace(nil)
        for _ in 0..<100 { await pace.wrote() }
        let turn = pace.turn()
        #expect(turn == nil)
    }
}
