/// A cooperative game over the clients of a round: what a coalition's fold is worth. Every coalition is evaluated once.
public struct CoalitionGame {
    /// How many clients there are; a coalition is an ascending list of their places.
    public let players: Int
    /// The most coalitions that are evaluated.
    public let budget: Int
    private let evaluate: ([[Int]]) throws -> [Double]
    private var known: [[Int]: Double] = [:]

    /// A game in which nothing is known.
    ///
    /// - Parameter evaluate: the utilities of different coalitions, in their order.
    public init(players: Int, budget: Int, evaluate: @escaping ([[Int]]) throws -> [Double]) {
        self.players = players
        self.budget = budget
        self.evaluate = evaluate
    }

    /// How many coalitions were evaluated.
    public var evaluations: Int { known.count }

    /// The coalition of all.
    public var everyone: [Int] { Array(0..<players) }

    /// The utilities of coalitions; nil, and nothing is evaluated, when the budget does not allow those that are not known.
    public mutating func values(_ coalitions: [[Int]]) throws -> [Double]? {
        var missing: [[Int]] = []
        var seen: Set<[Int]> = []
        for coalition in coalitions where known[coalition] == nil && seen.insert(coalition).inserted {
            missing.append(coalition)
        }
        guard known.count + missing.count <= budget else { return nil }
        if !missing.isEmpty {
            for (coalition, value) in zip(missing, try evaluate(missing)) { known[coalition] = value }
        }
        return coalitions.compactMap { known[$0] }
    }
}
