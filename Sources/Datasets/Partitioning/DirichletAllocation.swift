import Randomness

/// Dealing each class over clients by Dirichlet proportions, drawn anew until every client has enough rows.
///
/// For each class k: p ~ Dir(α, …, α) over the clients, and client c gets the rows between ⌊n_k Σ_{b<c} p_b⌋ and
/// ⌊n_k Σ_{b≤c} p_b⌋ of the shuffled class. When balanced, p_c is 0 for a client that already holds its even share N/C.
struct DirichletAllocation {
    /// How often the proportions are drawn before the parameters are called impossible.
    static let maximumAttempts = 1000

    var clients: Int
    var alpha: Double
    var minimum: Int
    var isBalanced: Bool

    /// The rows of each client.
    ///
    /// - Parameters:
    ///   - classes: the rows of each class.
    ///   - place: what is dealt, for the message.
    func rows(
        of classes: [[Int]], place: String, stream: inout RandomStream
    ) throws(DatasetError) -> [[Int]] {
        let total = classes.reduce(0) { $0 + $1.count }
        guard clients <= total, minimum <= total / clients else {
            throw DatasetError(
                .invalidArgument, "\(place): \(total) rows are too few for \(clients) clients of at least \(minimum)")
        }
        var shuffled = classes
        for index in shuffled.indices { stream.shuffle(&shuffled[index]) }
        for _ in 0..<Self.maximumAttempts {
            guard let counts = draw(shuffled.map(\.count), total: total, &stream) else { continue }
            var result = [[Int]](repeating: [], count: clients)
            for (rows, counts) in zip(shuffled, counts) {
                for (client, piece) in Apportionment.cut(rows, sizes: counts).enumerated() {
                    result[client] += piece
                }
            }
            return result
        }
        throw DatasetError(
            .invalidArgument,
            "\(place): none of \(Self.maximumAttempts) draws gave each of \(clients) clients at least \(minimum) rows; "
                + "expected a larger alpha, a smaller minimum or fewer clients")
    }

    /// One draw of how many rows of each class every client gets; nil when a client falls short.
    private func draw(_ counts: [Int], total: Int, _ stream: inout RandomStream) -> [[Int]]? {
        var sizes = [Int](repeating: 0, count: clients)
        var result: [[Int]] = []
        for count in counts {
            guard count > 0 else {
                result.append([Int](repeating: 0, count: clients))
                continue
            }
            var shares = stream.dirichlet(concentration: alpha, count: clients)
            if isBalanced {
                for client in shares.indices where sizes[client] * clients >= total {
                    shares[client] = 0
                }
            }
            let sum = shares.reduce(0, +)
            guard sum > 0 else { return nil }
            var cumulative = 0.0
            var start = 0
            var own: [Int] = []
            for client in shares.indices {
                cumulative += shares[client] / sum
                let end = client == clients - 1 ? count : max(start, min(count, Int(cumulative * Double(count))))
                own.append(end - start)
                sizes[client] += end - start
                start = end
            }
            result.append(own)
        }
        return sizes.allSatisfy { $0 >= minimum } ? result : nil
    }
}
