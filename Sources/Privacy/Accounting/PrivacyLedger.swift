/// What was released so far and what that comes to.
public struct PrivacyLedger: Sendable, Hashable, Codable {
    /// The accountants.
    public enum Accountant: String, Sendable, Hashable, Codable, CaseIterable {
        /// Rényi divergences.
        case rdp
        /// Privacy loss distributions.
        case pld
    }

    /// The charges; equal ones are one with a larger count.
    public private(set) var charges: [PrivacyCharge] = []

    /// A ledger with these charges.
    public init(_ charges: [PrivacyCharge] = []) {
        for charge in charges { add(charge) }
    }

    /// Adds a charge.
    public mutating func add(_ charge: PrivacyCharge) {
        guard charge.count > 0 else { return }
        var single = charge
        single.count = 0
        for index in charges.indices {
            var other = charges[index]
            other.count = 0
            if other == single {
                charges[index].count += charge.count
                return
            }
        }
        charges.append(charge)
    }

    /// The same with one more charge.
    public func adding(_ charge: PrivacyCharge) -> PrivacyLedger {
        var next = self
        next.add(charge)
        return next
    }

    /// The ε of everything at a δ; 0 for nothing, infinity when no order or grid bounds it.
    ///
    /// - Throws: ``PrivacyError`` `invalidParameter` for a δ outside (0, 1), a charge outside its ranges, or one that the
    ///   accountant cannot take.
    public func epsilon(delta: Double, by accountant: Accountant) throws(PrivacyError) -> Double {
        guard delta > 0, delta < 1 else {
            throw PrivacyError(.invalidParameter, "delta: found \(delta), expected a number between 0 and 1")
        }
        for charge in charges { _ = try charge.validated() }
        guard !charges.isEmpty else { return 0 }
        switch accountant {
        case .rdp:
            var sum = RenyiAccountant()
            for charge in charges { sum.add(charge) }
            return sum.epsilon(delta: delta)
        case .pld:
            guard delta >= 1e-12 else {
                throw PrivacyError(
                    .invalidParameter, "delta: found \(delta), expected at least 1e-12 for pld; rdp takes smaller ones")
            }
            return try LossAccountant().epsilon(charges, delta: delta)
        }
    }
}
