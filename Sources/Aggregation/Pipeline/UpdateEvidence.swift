/// What is known of the updates of a round before they are combined: reports, norms and inner products, in the order of
/// the clients' ids.
public struct UpdateEvidence: Sendable, Hashable {
    /// The clients.
    public let clients: [String]
    /// How many examples each trained on.
    public let examples: [Int]
    /// The mean loss that each reported; nil where it reported none.
    public let losses: [Double?]
    /// The inner products of the updates, and with history in the last row of it; empty where the rule does not need
    /// them. With norms alone only the diagonal is set.
    public let products: ProductMatrix

    /// How many updates there are.
    public var count: Int { clients.count }

    /// Gathers evidence.
    public init(clients: [String], examples: [Int], losses: [Double?], products: ProductMatrix) {
        self.clients = clients
        self.examples = examples
        self.losses = losses
        self.products = products
    }

    /// ‖Δ‖ of an update.
    public func norm(_ update: Int) -> Double { max(0, products[update, update]).squareRoot() }

    /// nₖ / Σn of each update.
    public var shares: [Double] {
        let total = Double(examples.reduce(0, +))
        return examples.map { Double($0) / total }
    }

    /// 1/m for each update.
    public var evenShares: [Double] { Array(repeating: 1 / Double(count), count: count) }

    /// The cosine of two updates; 0 where one is zero.
    public func cosine(_ left: Int, _ right: Int) -> Double {
        let scale = norm(left) * norm(right)
        return scale > 0 ? min(1, max(-1, products[left, right] / scale)) : 0
    }

    /// The evidence of some of the updates, each multiplied by a number; a last row of history stays.
    func selecting(_ members: [Int], scales: [Double]) -> UpdateEvidence {
        var products = ProductMatrix(count: 0)
        if self.products.count > 0 {
            let rows = members + Array(count..<self.products.count)
            let factors = members.map { scales[$0] } + Array(repeating: 1, count: rows.count - members.count)
            products = ProductMatrix(count: rows.count)
            for row in rows.indices {
                for column in 0...row {
                    products[row, column] =
                        factors[row] * factors[column] * self.products[rows[row], rows[column]]
                }
            }
        }
        return UpdateEvidence(
            clients: members.map { clients[$0] }, examples: members.map { examples[$0] },
            losses: members.map { losses[$0] }, products: products)
    }
}

/// A symmetric matrix of inner products, its lower half.
public struct ProductMatrix: Sendable, Hashable {
    /// How many rows there are.
    public let count: Int
    /// Row by row up to the diagonal.
    var values: [Double]

    /// Zeros.
    public init(count: Int) {
        self.count = count
        values = [Double](repeating: 0, count: count * (count + 1) / 2)
    }

    /// The entry of two rows, in either order.
    public subscript(row: Int, column: Int) -> Double {
        get { values[Self.place(row, column)] }
        set { values[Self.place(row, column)] = newValue }
    }

    private static func place(_ row: Int, _ column: Int) -> Int {
        let (low, high) = row < column ? (row, column) : (column, row)
        return high * (high + 1) / 2 + low
    }

    /// ‖xᵢ − xⱼ‖², never below 0.
    public func squaredDistance(_ row: Int, _ column: Int) -> Double {
        max(0, self[row, row] + self[column, column] - 2 * self[row, column])
    }

    /// ‖xₖ − Σ weightⱼ xⱼ‖² of every row, never below 0.
    public func squaredDistances(toSum weights: [Double]) -> [Double] {
        var inner = [Double](repeating: 0, count: count)
        for row in 0..<count {
            for column in 0..<count where weights[column] != 0 { inner[row] += weights[column] * self[row, column] }
        }
        var square = 0.0
        for row in 0..<count { square += weights[row] * inner[row] }
        return (0..<count).map { max(0, self[$0, $0] - 2 * inner[$0] + square) }
    }
}
