import NIOCore
import NIOEmbedded
import NIOHPACK
import NIOHTTP2
import Testing

@testable import Wire

@Suite struct StuckCallsTests {
    /// Keeps what is written until told that it was sent, as a closed flow-control window does.
    private final class Window: ChannelOutboundHandler {
        typealias OutboundIn = HTTP2Frame.FramePayload

        var waiting: [EventLoopPromise<Void>] = []

        func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
            if let promise { waiting.append(promise) }
        }

        func open() {
            for promise in waiting { promise.succeed() }
            waiting = []
        }
    }

    /// What the peer acknowledged.
    private final class Peer {
        var taken: UInt64 = 1000
    }

    /// A call that is over, with a chunk and its status behind a window that may be opened later.
    private struct Call {
        let window = Window()
        let peer = Peer()
        let channel = EmbeddedChannel()

        init(status: String) throws {
            try channel.connect(to: SocketAddress(ipAddress: "127.0.0.1", port: 1)).wait()
            let stuck = StuckCalls { [peer] channel in channel.eventLoop.makeSucceededFuture(peer.taken) }
            try channel.pipeline.syncOperations.addHandlers([window, stuck])
            let chunk = ByteBuffer(repeating: 1, count: 1 << 20)
            channel.writeAndFlush(HTTP2Frame.FramePayload.data(.init(data: .byteBuffer(chunk))), promise: nil)
            pass(.hours(1))
            #expect(channel.isActive)
            let headers: HPACKHeaders = ["grpc-status": status]
            channel.writeAndFlush(
                HTTP2Frame.FramePayload.headers(.init(headers: headers, endStream: true)), promise: nil)
        }

        func pass(_ time: TimeAmount) { channel.embeddedEventLoop.advanceTime(by: time) }
    }

    @Test(
        "A call whose status cannot be sent is reset: soon when it failed, later when it went well",
        arguments: [("4", StuckCalls.failedLimit), ("0", StuckCalls.completeLimit)])
    func stuck(status: String, limit: TimeAmount) throws {
        let call = try Call(status: status)
        call.pass(limit - .nanoseconds(1))
        #expect(call.channel.isActive)
        call.pass(.nanoseconds(1))
        #expect(!call.channel.isActive)
        call.window.open()
    }

    @Test("A call whose status was sent is left alone")
    func sent() throws {
        let call = try Call(status: "4")
        call.window.open()
        call.pass(.hours(1))
        #expect(call.channel.isActive)
        _ = try call.channel.finish()
    }

    @Test("A peer on a slow line has as long as it takes; from the last that it took the limit counts")
    func slow() throws {
        let call = try Call(status: "0")
        for _ in 0..<100 {
            call.pass(StuckCalls.completeLimit - StuckCalls.interval)
            call.peer.taken += StuckCalls.leastTaken
            call.pass(StuckCalls.interval)
        }
        call.pass(StuckCalls.completeLimit - .nanoseconds(1))
        #expect(call.channel.isActive)
        call.pass(.nanoseconds(1))
        #expect(!call.channel.isActive)
        call.window.open()
    }

    @Test("Answers to pings are no progress")
    func pings() throws {
        let call = try Call(status: "0")
        call.peer.taken += StuckCalls.leastTaken - 1
        call.pass(StuckCalls.completeLimit)
        #expect(!call.channel.isActive)
        call.window.open()
    }

    @Test("A peer that takes other streams of the connection and not this one is not waited for without end")
    func others() throws {
        let call = try Call(status: "0")
        call.peer.taken += StuckCalls.mostTaken - 1
        call.pass(StuckCalls.interval)
        #expect(call.channel.isActive)
        call.peer.taken += 1
        call.pass(StuckCalls.interval)
        #expect(!call.channel.isActive)
        call.window.open()
    }

    @Test("A failed call is not waited for, whatever its peer takes")
    func failed() throws {
        let call = try Call(status: "4")
        call.peer.taken += 1 << 20
        call.pass(StuckCalls.failedLimit)
        #expect(!call.channel.isActive)
        call.window.open()
    }
}
