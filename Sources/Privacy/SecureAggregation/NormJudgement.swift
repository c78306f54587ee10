/// The judgement on the random sums of the masked updates of one round.
///
/// Of every update there are its sums free of its own mask and of those towards clients that dropped out, p_u; of the mask between
/// two clients its sums q as either end gave them. With signs as the masks have, t_u = p_u − Σ ± q is what the sums of the update itself
/// would be.
///
/// *What holds when nothing is found.* Take any set of n clients that lie, together with those that did not answer. Masks within the set
/// cancel in Σ t_u whatever is said of them, and masks out of it are told by an honest end too, which must agree. So Σ t_u are the sums of the
/// set's joint contribution, which was fixed before the coefficients were drawn, and since every t_u was admitted, so is
/// Σ t_u as that of n updates: liars can move length among each other, and together contribute no more than n of them may.
struct NormJudgement {
    /// How long updates may be.
    let bound: NormBound
    /// p_u of everybody whose update is in the sum.
    let measured: [String: [UInt32]]
    /// By client, then by neighbour: the sums of their mask. Nothing of a client that did not answer.
    let answers: [String: [String: [UInt32]]]
    /// The neighbours whose updates are in the sum.
    let neighbours: [String: [String]]

    /// Whom the next attempt leaves out and why, in order of name; nobody when the sum may be used.
    func findings() -> [NormFinding] {
        var found: [String: NormFinding] = [:]
        func find(_ client: String, _ kind: NormFinding.Kind, _ reason: String) {
            if found[client] == nil { found[client] = NormFinding(client: client, kind: kind, reason: reason) }
        }
        let names = Self.sorted(measured.keys)
        // An honest client's own answers are right, so whose own answers convict it is not honest.
        for client in names where answers[client] != nil {
            let sums = total(of: [client])
            if !bound.admits(sums) { find(client, .length, tooLong(sums, "")) }
        }
        let contradicted = Dictionary(uniqueKeysWithValues: names.map { ($0, contradictions(of: $0)) })
        for client in names {
            let (against, all) = (contradicted[client]?.count ?? 0, answered(by: client).count)
            if against >= 2, against * 2 > all {
                find(
                    client, .contradiction,
                    "its answers about masks contradict those of \(against) of its \(all) neighbours")
            }
        }
        // A maximal matching of what is left: at least one of every pair is wrong, so of those left out at least half are.
        for client in names where found[client] == nil {
            guard let other = contradicted[client]?.first(where: { found[$0] == nil }) else { continue }
            find(client, .suspicion, "it and \(other) contradict each other about their mask: one of the two is wrong")
            find(other, .suspicion, "it and \(client) contradict each other about their mask: one of the two is wrong")
        }
        for group in silentGroups(names) {
            let sums = total(of: group)
            guard !bound.admits(sums, updates: group.count) else { continue }
            let whose = group.count == 1 ? "" : ", of \(group.count) updates together,"
            for client in group { find(client, .silence, tooLong(sums, whose) + ", and it did not answer for itself") }
        }
        return names.compactMap { found[$0] }
    }

    /// t of some clients together; of a mask towards a client that did not answer the neighbour's word is taken.
    func total(of group: [String]) -> [UInt32] {
        var total = [UInt32](repeating: 0, count: bound.projections)
        for client in group {
            for (index, sum) in (measured[client] ?? []).enumerated() { total[index] &+= sum }
            for other in neighbours[client] ?? [] where !group.contains(other) {
                guard let mask = answers[client]?[other] ?? answers[other]?[client] else { continue }
                let isAdded = client.utf8.lexicographicallyPrecedes(other.utf8)
                for (index, sum) in mask.enumerated() {
                    total[index] = isAdded ? total[index] &- sum : total[index] &+ sum
                }
            }
        }
        return total
    }

    /// The neighbours whose word stands against the client's own.
    private func answered(by client: String) -> [String] {
        guard answers[client] != nil else { return [] }
        return (neighbours[client] ?? []).filter { answers[$0] != nil }
    }

    private func contradictions(of client: String) -> [String] {
        answered(by: client).filter { answers[client]?[$0] != answers[$0]?[client] }
    }

    /// Those who did not answer; neighbours among them together, since nobody tells the sums of their masks.
    private func silentGroups(_ names: [String]) -> [[String]] {
        var left = Set(names.filter { answers[$0] == nil })
        var groups: [[String]] = []
        for name in names where left.contains(name) {
            var group: [String] = []
            var next = [name]
            while let client = next.popLast() {
                guard left.remove(client) != nil else { continue }
                group.append(client)
                next += (neighbours[client] ?? []).filter(left.contains)
            }
            groups.append(Self.sorted(group))
        }
        return groups
    }

    private func tooLong(_ sums: [UInt32], _ whose: String) -> String {
        let ratio = Double(Int(bound.ratio(sums) * 100)) / 100
        let allowed = Double(Int((bound.limit.squareRoot() / bound.length) * 100)) / 100
        return
            "the norm of its masked update\(whose) is about \(ratio) times the clipping norm, up to \(allowed) is taken"
    }

    private static func sorted(_ names: some Sequence<String>) -> [String] {
        names.sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
    }
}
