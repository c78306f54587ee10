import Coordinator
import Foundation
import Synchronization

/// A time of day that a test moves.
final class TestClock: Sendable {
    private let offset = Mutex<Int64>(0)

    var clock: WallClock {
        WallClock { [self] in WallClock.system.now() + offset.withLock { $0 } }
    }

    func advance(by milliseconds: Int64) {
        offset.withLock { $0 += milliseconds }
    }
}
