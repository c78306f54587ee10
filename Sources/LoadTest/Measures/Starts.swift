internal import Foundation
internal import Synchronization

/// When rounds began, collected while they are told.
final class Starts: Sendable {
    private let rounds = Mutex<[Int: Date]>([:])

    func add(_ round: Int, _ started: Date) {
        rounds.withLock { $0[round] = started }
    }

    /// The start of the earliest round.
    var first: Date? { rounds.withLock { rounds in rounds.keys.min().flatMap { rounds[$0] } } }

    /// Seconds between the starts of rounds that follow each other.
    var intervals: [Double] {
        rounds.withLock { rounds in
            let sorted = rounds.sorted { $0.key < $1.key }
            return zip(sorted, sorted.dropFirst()).filter { $1.key == $0.key + 1 }
                .map { $1.value.timeIntervalSince($0.value) }
        }
    }
}
