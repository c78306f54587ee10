import Foundation
import Synchronization

/// Ctrl-C and SIGTERM: the first asks the run to stop after the current task, the second ends the process.
enum Interruption {
    private static let count = Atomic<Int>(0)

    static var isRaised: Bool { count.load(ordering: .relaxed) > 0 }

    static func install() {
        // Made here and not in the handler, where that would not be safe.
        _ = isRaised
        for number in [SIGINT, SIGTERM] {
            signal(number) { _ in
                if Interruption.count.wrappingAdd(1, ordering: .relaxed).oldValue > 0 { _exit(130) }
            }
        }
    }
}
