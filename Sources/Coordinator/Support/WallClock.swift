internal import Foundation

/// The time of day as the store holds it, and a way for tests to set it.
public struct WallClock: Sendable {
    /// Milliseconds since 1970.
    public var now: @Sendable () -> Int64

    /// A clock that asks `now`.
    public init(now: @escaping @Sendable () -> Int64) {
        self.now = now
    }

    /// The system's clock.
    public static let system = WallClock {
        Int64((Date().timeIntervalSince1970 * 1000).rounded())
    }
}
