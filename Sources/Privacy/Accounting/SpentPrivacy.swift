/// What a job has released so far: of all clients together, and where every client spends on its own of each.
public struct SpentPrivacy: Sendable, Hashable, Codable {
    /// The releases that every client has a part in.
    public private(set) var ledger = PrivacyLedger()
    /// The releases of each client's own: of its records, or of sums that it was in.
    public private(set) var records: [String: PrivacyLedger] = [:]
    /// The clipping norm of the next round, where the last one found it.
    public var clipNorm: Double?

    /// Nothing was released.
    public init() {}

    /// Adds a round's charges.
    public mutating func add(_ charge: PrivacyCharge, records charges: [String: PrivacyCharge] = [:]) {
        ledger.add(charge)
        for (client, charge) in charges { records[client, default: PrivacyLedger()].add(charge) }
    }
}
