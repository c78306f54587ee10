public import NIOCore

/// Keeps the writer of a stream from running ahead of the connection that sends it.
///
/// A write returns as soon as it is queued for the event loop, and the loop notices only when it gets there that the
/// stream takes no more. While it is busy with other connections a fast writer has queued tens of megabytes (measured: 36
/// chunks for a peer that reads nothing). So before a write the loop has to have seen the last but one.
public struct WritePace: Sendable {
    private let eventLoop: (any EventLoop)?
    private var last: EventLoopFuture<Void>?

    /// The pace of one stream.
    ///
    /// - Parameter eventLoop: that of its connection; nil where there is none, which waits for nothing.
    public init(_ eventLoop: (any EventLoop)?) {
        self.eventLoop = eventLoop
    }

    /// Call after each write; returns when one more would not be too many.
    public mutating func wrote() async {
        // Fails when the loop has ended: then the next write fails as well.
        _ = try? await turn()?.get()
    }

    /// Notes a write. Returns what has to happen before the next one; nil for nothing.
    mutating func turn() -> EventLoopFuture<Void>? {
        guard let eventLoop else { return nil }
        let before = last
        last = eventLoop.submit {}
        return before
    }
}
