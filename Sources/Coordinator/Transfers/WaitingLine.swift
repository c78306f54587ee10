/// The requests for transfers that wait, first come first served: asking, looking up and leaving do not depend on how
/// many wait.
struct WaitingLine: Sendable {
    /// One request.
    struct Entry: Sendable {
        var client: String
        var request: UInt64
        var purpose: TransferPurpose
        /// What it takes of the slots.
        var shares = GrantMachine.slotShares
    }

    private struct Key: Sendable, Hashable {
        var client: String
        var purpose: TransferPurpose
    }

    private var entries: [UInt64: Entry] = [:]
    private var tickets: [Key: UInt64] = [:]
    private var ticketsOfClient: [String: Set<UInt64>] = [:]
    /// Tickets in order, from ``head`` on; those without an entry have left.
    private var order: [UInt64] = []
    private var head = 0
    private var lastTicket: UInt64 = 0

    /// How many wait.
    var count: Int { entries.count }

    /// Whether nobody waits.
    var isEmpty: Bool { entries.isEmpty }

    /// How many requests of a client wait.
    func count(of client: String) -> Int { ticketsOfClient[client]?.count ?? 0 }

    /// Gives a waiting request another number. Returns false when there is none.
    mutating func renumber(client: String, purpose: TransferPurpose, request: UInt64) -> Bool {
        guard let ticket = tickets[Key(client: client, purpose: purpose)] else { return false }
        entries[ticket]?.request = request
        return true
    }

    /// Adds a request at the end.
    mutating func append(_ entry: Entry) {
        lastTicket += 1
        entries[lastTicket] = entry
        tickets[Key(client: entry.client, purpose: entry.purpose)] = lastTicket
        ticketsOfClient[entry.client, default: []].insert(lastTicket)
        order.append(lastTicket)
    }

    /// Takes the first request that may go out of the line.
    ///
    /// - Parameter mayGo: nil when neither the request nor any behind it may.
    mutating func takeFirst(where mayGo: (Entry) -> Bool?) -> Entry? {
        while head < order.count, entries[order[head]] == nil { head += 1 }
        if head > 64, head * 2 > order.count {
            order.removeFirst(head)
            head = 0
        }
        for ticket in order[head...] {
            guard let entry = entries[ticket] else { continue }
            guard let goes = mayGo(entry) else { return nil }
            guard goes else { continue }
            remove(ticket)
            return entry
        }
        return nil
    }

    /// Forgets what a client asked for.
    mutating func removeAll(of client: String) {
        for ticket in ticketsOfClient[client] ?? [] { remove(ticket) }
    }

    private mutating func remove(_ ticket: UInt64) {
        guard let entry = entries.removeValue(forKey: ticket) else { return }
        tickets[Key(client: entry.client, purpose: entry.purpose)] = nil
        ticketsOfClient[entry.client]?.remove(ticket)
        if ticketsOfClient[entry.client]?.isEmpty == true { ticketsOfClient[entry.client] = nil }
    }
}
