internal import GRPCCore

/// The messages of one call, read by one task after another: the header by the handler, the rest by the receiver.
///
/// Unchecked because the iterator is not sendable: exactly one task reads at a time, the handler hands it over and waits.
final class MessageReader<Message: Sendable>: AsyncSequence, @unchecked Sendable {
    typealias Element = Message

    private var iterator: RPCAsyncSequence<Message, any Error>.AsyncIterator

    init(_ messages: RPCAsyncSequence<Message, any Error>) {
        iterator = messages.makeAsyncIterator()
    }

    /// The next message; nil at the end.
    func next() async throws -> Message? {
        try await iterator.next(isolation: nil)
    }

    struct AsyncIterator: AsyncIteratorProtocol {
        let reader: MessageReader

        func next() async throws -> Message? { try await reader.next() }
    }

    func makeAsyncIterator() -> AsyncIterator { AsyncIterator(reader: self) }
}
