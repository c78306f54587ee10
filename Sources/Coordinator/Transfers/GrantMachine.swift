internal import Wire

/// What a slot is for.
struct TransferPurpose: Sendable, Hashable {
    /// Which way the bytes move.
    enum Direction: Sendable, Hashable {
        /// Coordinator to client.
        case fetch
        /// Client to coordinator.
        case upload
    }

    /// The task that the transfer belongs to.
    var identity: TaskIdentity
    /// Which way the bytes move.
    var direction: Direction
}

/// A slot that was given to a client.
struct IssuedGrant: Sendable, Hashable {
    /// The client.
    var client: String
    /// The client's number of its request; 0 when the slot came with a task.
    var request: UInt64
    /// The number to present.
    var grant: UInt64
}

/// Who may move bytes now: at most `capacity` large transfers at once, first come first served, at most `perClient` of
/// them by one client.
///
/// Slots bound memory, so a transfer takes the part of a slot that it can fill: one of a few kilobytes a ``slotShares``th,
/// and with the default of four slots 256 of these run at once. A large one that is first in line holds up what is behind it,
/// so that it gets its turn.
///
/// A grant is issued, claimed once by the transfer it is for, and released when that ends; unclaimed ones lapse. A value
/// without clock or lock: callers pass the time.
struct GrantMachine: Sendable {
    /// The limits.
    struct Limits: Sendable {
        /// Transfers at once.
        var capacity = 4
        /// Transfers of one client at once.
        var perClient = 2
        /// Requests of one client that may wait.
        var waitingPerClient = 8
        /// How long a grant may stay unclaimed.
        var validity: Duration = .seconds(10)
    }

    /// Into how many shares a slot is divided.
    static let slotShares: Int64 = 64
    /// The bytes that one share stands for: a whole slot is what a window of a stream takes.
    static let shareBytes = Int64(TransportSettings.windowBytes) / slotShares

    private struct Grant {
        var client: String
        var shares: Int64
        var purpose: TransferPurpose
        /// When it lapses; nil once claimed.
        var lapses: ContinuousClock.Instant?
    }

    let limits: Limits
    private var usedShares: Int64 = 0
    private var grants: [UInt64: Grant] = [:]
    private var queue = WaitingLine()
    private var makeNumber: @Sendable () -> UInt64

    init(limits: Limits, makeNumber: @escaping @Sendable () -> UInt64 = { UInt64.random(in: 1...UInt64.max) }) {
        self.limits = limits
        self.makeNumber = makeNumber
    }

    /// Grants that are issued or in use.
    var count: Int { grants.count }

    /// Requests that wait.
    var waiting: Int { queue.count }

    /// The shares of slots that a transfer takes.
    ///
    /// - Parameter bytes: how many will move; nil when that is not known, which takes a whole slot.
    static func shares(_ bytes: Int64?) -> Int64 {
        guard let bytes else { return slotShares }
        return min(slotShares, max(1, (bytes + shareBytes - 1) / shareBytes))
    }

    private var allShares: Int64 { Int64(limits.capacity) * Self.slotShares }

    /// When the next unclaimed grant lapses.
    var nextLapse: ContinuousClock.Instant? { grants.values.compactMap(\.lapses).min() }

    /// A client asks for a slot. A repeated request (same purpose) moves nothing but its number.
    ///
    /// - Parameter bytes: how many will move, as the coordinator knows it; nil when it does not.
    /// - Throws: ``CoordinatorError`` `limit` when too many requests of the client wait.
    mutating func request(
        client: String, request: UInt64, purpose: TransferPurpose, bytes: Int64? = nil, now: ContinuousClock.Instant
    ) throws -> [IssuedGrant] {
        if queue.renumber(client: client, purpose: purpose, request: request) { return [] }
        // Asking again means that an earlier grant for the same thing, if not in use, was lost.
        for (number, grant) in grants
        where grant.client == client && grant.purpose == purpose && grant.lapses != nil {
            remove(number)
        }
        guard queue.count(of: client) < limits.waitingPerClient else {
            throw CoordinatorError(.limit, "\(client) has \(limits.waitingPerClient) transfers waiting already")
        }
        queue.append(
            .init(client: client, request: request, purpose: purpose, shares: Self.shares(bytes)))
        return advance(now)
    }

    /// A slot for a client that did not ask, when one is free and nobody waits.
    mutating func offer(
        client: String, purpose: TransferPurpose, bytes: Int64? = nil, now: ContinuousClock.Instant
    ) -> IssuedGrant? {
        let shares = Self.shares(bytes)
        guard queue.isEmpty, usedShares + shares <= allShares, used(by: client) < limits.perClient else { return nil }
        return issue(.init(client: client, request: 0, purpose: purpose, shares: shares), now)
    }

    /// A transfer begins under a grant.
    ///
    /// - Throws: ``CoordinatorError`` `noGrant` when the grant is not there, is another's, is for something else or in
    ///   use.
    mutating func claim(_ number: UInt64, client: String, purpose: TransferPurpose) throws {
        guard let grant = grants[number], grant.client == client else {
            throw CoordinatorError(.noGrant, "the slot lapsed or was never granted: ask for another")
        }
        guard grant.purpose == purpose else {
            throw CoordinatorError(
                .noGrant, "the slot is for another transfer (\(grant.purpose.identity)), not \(purpose.identity)")
        }
        guard grant.lapses != nil else {
            throw CoordinatorError(.noGrant, "the slot is in use")
        }
        grants[number]?.lapses = nil
    }

    /// A transfer ended, or the client does not need its grant.
    ///
    /// - Parameter onlyUnclaimed: leaves a grant that is in use, as a client's message must.
    mutating func release(
        _ number: UInt64, client: String, onlyUnclaimed: Bool, now: ContinuousClock.Instant
    ) -> [IssuedGrant] {
        guard let grant = grants[number], grant.client == client, !onlyUnclaimed || grant.lapses != nil else {
            return []
        }
        remove(number)
        return advance(now)
    }

    /// A client's session ended: what it did not claim is free, what it asked for is forgotten.
    mutating func drop(client: String, now: ContinuousClock.Instant) -> [IssuedGrant] {
        for (number, grant) in grants where grant.client == client && grant.lapses != nil { remove(number) }
        queue.removeAll(of: client)
        return advance(now)
    }

    /// Time has passed.
    mutating func lapse(now: ContinuousClock.Instant) -> [IssuedGrant] {
        for (number, grant) in grants {
            if let lapses = grant.lapses, lapses <= now { remove(number) }
        }
        return advance(now)
    }

    private func used(by client: String) -> Int {
        grants.values.count { $0.client == client }
    }

    private mutating func remove(_ number: UInt64) {
        guard let grant = grants.removeValue(forKey: number) else { return }
        usedShares -= grant.shares
    }

    private mutating func issue(_ waiting: WaitingLine.Entry, _ now: ContinuousClock.Instant) -> IssuedGrant {
        var number = makeNumber()
        while number == 0 || grants[number] != nil { number = makeNumber() }
        grants[number] = Grant(
            client: waiting.client, shares: waiting.shares, purpose: waiting.purpose,
            lapses: now.advanced(by: limits.validity))
        usedShares += waiting.shares
        return IssuedGrant(client: waiting.client, request: waiting.request, grant: number)
    }

    /// Gives free slots to those who wait, in order; a client at its limit does not hold up the others.
    private mutating func advance(_ now: ContinuousClock.Instant) -> [IssuedGrant] {
        var issued: [IssuedGrant] = []
        let limit = limits.perClient
        while usedShares < allShares {
            let used = grants
            let free = allShares - usedShares
            guard
                let next = queue.takeFirst(where: { entry in
                    guard used.values.count(where: { $0.client == entry.client }) < limit else { return false }
                    return entry.shares <= free ? true : nil
                })
            else { break }
            issued.append(issue(next, now))
        }
        return issued
    }
}
