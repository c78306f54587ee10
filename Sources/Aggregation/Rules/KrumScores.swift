/// The scores behind `krum`, `multi-krum` and `bulyan`: of each update the sum of its squared distances to the
/// m − f − 2 nearest others. Distances are sorted once, also where updates are taken away one after the other.
struct KrumScores {
    private let byzantine: Int
    private var alive: [Bool]
    /// Of each update the others, the nearest first.
    private let neighbours: [[(distance: Double, other: Int)]]

    /// The scores of all updates.
    init(_ updates: UpdateEvidence, byzantine: Int) {
        self.byzantine = byzantine
        alive = [Bool](repeating: true, count: updates.count)
        neighbours = (0..<updates.count).map { member in
            (0..<updates.count).filter { $0 != member }
                .map { (distance: updates.products.squaredDistance(member, $0), other: $0) }
                .sorted { ($0.distance, $0.other) < ($1.distance, $1.other) }
        }
    }

    /// Takes an update away.
    mutating func remove(_ member: Int) { alive[member] = false }

    /// Those that are left by their scores among themselves, the best first. Two that are each other's only neighbour have
    /// one score: then the sum of all distances decides, so that the result does not depend on who sent which update.
    func ranking() -> [Int] {
        let members = alive.indices.filter { alive[$0] }
        let counted = max(1, members.count - byzantine - 2)
        let scored = members.map { member in
            var (score, total, seen) = (0.0, 0.0, 0)
            for (distance, other) in neighbours[member] where alive[other] {
                if seen < counted { score += distance }
                total += distance
                seen += 1
            }
            return (member: member, score: score, total: total)
        }
        return scored.sorted { ($0.score, $0.total, $0.member) < ($1.score, $1.total, $1.member) }.map(\.member)
    }
}
