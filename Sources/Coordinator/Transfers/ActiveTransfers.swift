internal import Identity
internal import Synchronization

/// The calls of each participant that run now, so that they can be ended from outside: transfers when a session ends or
/// is replaced, everything when a participant is revoked, all of them at shutdown.
final class ActiveTransfers: Sendable {
    private struct Entry {
        var identity: ParticipantIdentity
        var purpose: TransferPurpose?
        var cancel: @Sendable (CoordinatorError) -> Void
    }

    private struct Transfer: Hashable {
        var identity: ParticipantIdentity
        var purpose: TransferPurpose
    }

    private struct State {
        var next = 0
        var entries: [Int: Entry] = [:]
        /// The number of each transfer's entry.
        var transfers: [Transfer: Int] = [:]
        var closed: CoordinatorError?
    }

    private let state = Mutex(State())

    /// Runs a call that can be ended from outside; it then throws the reason given there.
    ///
    /// - Parameter purpose: what a transfer is for; one runs at a time for each purpose of a client, and a second one
    ///   ends the first and is asked to come again.
    func withCall<Value: Sendable>(
        of identity: ParticipantIdentity, purpose: TransferPurpose? = nil,
        _ body: @escaping @Sendable () async throws -> Value
    ) async throws -> Value {
        let (ends, ending) = AsyncStream<CoordinatorError>.makeStream(bufferingPolicy: .bufferingOldest(1))
        let number = try enter(identity, purpose) { ending.yield($0) }
        defer { leave(number) }
        return try await withThrowingTaskGroup(of: Value?.self) { group in
            group.addTask { try await body() }
            group.addTask {
                for await reason in ends { throw reason }
                return nil
            }
            defer { group.cancelAll() }
            while let result = try await group.next() {
                if let result { return result }
            }
            throw CancellationError()
        }
    }

    /// Runs a transfer that came whole with a message and needs no call: what is left of it is short, so it is not ended from
    /// outside. One that runs for the same purpose is ended, as in ``withCall(of:purpose:_:)``.
    func whole<Value>(
        of identity: ParticipantIdentity, purpose: TransferPurpose, _ body: () async throws -> Value
    ) async throws -> Value {
        let number = try enter(identity, purpose) { _ in }
        defer { leave(number) }
        return try await body()
    }

    /// Ends calls. Returns how many.
    @discardableResult
    func end(_ identity: ParticipantIdentity, transfersOnly: Bool = false, _ reason: CoordinatorError) -> Int {
        end(reason) { $0.identity == identity && (!transfersOnly || $0.purpose != nil) }
    }

    /// Ends every call and refuses new ones.
    func close(_ reason: CoordinatorError) {
        state.withLock { $0.closed = reason }
        end(reason) { _ in true }
    }

    /// How many calls run.
    var count: Int { state.withLock { $0.entries.count } }

    @discardableResult
    private func end(_ reason: CoordinatorError, where matches: (Entry) -> Bool) -> Int {
        let entries = state.withLock { $0.entries.values.filter(matches) }
        for entry in entries { entry.cancel(reason) }
        return entries.count
    }

    private func enter(
        _ identity: ParticipantIdentity, _ purpose: TransferPurpose?,
        _ cancel: @escaping @Sendable (CoordinatorError) -> Void
    ) throws -> Int {
        let (number, old) = try state.withLock { state throws(CoordinatorError) -> (Int?, Entry?) in
            if let closed = state.closed { throw closed }
            state.next += 1
            if let purpose {
                let transfer = Transfer(identity: identity, purpose: purpose)
                if let number = state.transfers[transfer] { return (nil, state.entries[number]) }
                state.transfers[transfer] = state.next
            }
            state.entries[state.next] = Entry(identity: identity, purpose: purpose, cancel: cancel)
            return (state.next, nil)
        }
        if let number { return number }
        old?.cancel(CoordinatorError(.unavailable, "the client began the same transfer again"))
        throw CoordinatorError(.unavailable, "an earlier transfer of the same file is being ended: try again")
    }

    private func leave(_ number: Int) {
        state.withLock { state in
            guard let entry = state.entries.removeValue(forKey: number), let purpose = entry.purpose else { return }
            state.transfers[Transfer(identity: entry.identity, purpose: purpose)] = nil
        }
    }
}
