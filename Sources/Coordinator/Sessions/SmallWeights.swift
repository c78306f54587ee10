internal import Durability
internal import Foundation
internal import Synchronization
internal import Wire

/// The weights that tasks carry themselves, by digest: each is read once, and all messages share its bytes.
///
/// A bounded number of files of at most ``WireLimits/inlineBytes``. A queue of messages that a client does not read holds
/// references to them and no copies.
final class SmallWeights: Sendable {
    /// How many are kept: those of the running jobs, and of rounds that are being evaluated.
    private static let capacity = 16

    private struct State {
        var bytes: [String: Data] = [:]
        /// Oldest first.
        var order: [String] = []
    }

    private let state = Mutex(State())
    private let read: @Sendable (_ digest: String, _ limit: Int) throws -> [UInt8]

    /// - Parameter read: reads a blob, at most `limit` bytes of it. Blocks.
    init(read: @escaping @Sendable (_ digest: String, _ limit: Int) throws -> [UInt8]) {
        self.read = read
    }

    /// Weights that are here.
    func known(_ digest: String) -> Data? { state.withLock { $0.bytes[digest] } }

    /// Reads weights that are small enough, unless they are here already. What cannot be read is left to the client's fetch,
    /// which tells why.
    func load(_ digest: String, bytes: Int64) async {
        guard InlineTransfer.fits(bytes), known(digest) == nil else { return }
        let read = read
        let found = await withBlockingWork { try? read(digest, WireLimits.inlineBytes) }
        guard let found, Int64(found.count) == bytes else { return }
        state.withLock { state in
            guard state.bytes.updateValue(Data(found), forKey: digest) == nil else { return }
            state.order.append(digest)
            guard state.order.count > Self.capacity else { return }
            state.bytes[state.order.removeFirst()] = nil
        }
    }
}
