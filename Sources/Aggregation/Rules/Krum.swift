/// The one update that is nearest to its neighbours: the smallest score, a score being the sum of the squared distances to
/// the m − f − 2 nearest others.
///
/// P. Blanchard, E. M. El Mhamdi, R. Guerraoui, J. Stainer, "Machine learning with adversaries: Byzantine tolerant
/// gradient descent", NeurIPS 2017. It withstands f hostile updates among m ≥ 2 f + 3.
public struct Krum: UpdateRule {
    /// How many hostile updates f are reckoned with, at least 0.
    public var byzantine: Int

    /// `krum`.
    public let name = "krum"
    /// Distances.
    public let evidence = Evidence.products

    /// The rule with its number.
    public init(byzantine: Int) {
        precondition(byzantine >= 0, "no fewer than none are hostile")
        self.byzantine = byzantine
    }

    /// 2 f + 3.
    public var minimumUpdates: Int { 2 * byzantine + 3 }

    /// f.
    public func tolerated(among updates: Int) -> Int { updates >= minimumUpdates ? byzantine : 0 }

    /// One update.
    public func combination(of updates: UpdateEvidence) -> Combination {
        let best = Self.ranking(Array(0..<updates.count), updates.products, byzantine: byzantine)[0]
        return .linear((0..<updates.count).map { $0 == best ? 1 : 0 })
    }

    /// Some updates by their scores among themselves, the best first. Two that are each other's only neighbour have one
    /// score: then the sum of all distances decides, so that the result does not depend on who sent which update.
    static func ranking(_ members: [Int], _ products: ProductMatrix, byzantine: Int) -> [Int] {
        let neighbours = max(1, members.count - byzantine - 2)
        let scored = members.map { member in
            let distances = members.filter { $0 != member }.map { products.squaredDistance(member, $0) }
                .sorted()
            let score = distances.prefix(neighbours).reduce(0, +)
            return (member: member, score: score, total: distances.reduce(0, +))
        }
        return scored.sorted { ($0.score, $0.total, $0.member) < ($1.score, $1.total, $1.member) }.map(\.member)
    }
}
