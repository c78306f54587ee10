internal import Foundation

/// Who masks with whom and holds shares of whom: the complete graph, or for many clients one in which each has `degree`
/// neighbours.
///
/// J. Bell, K. Bonawitz, A. Gascón, T. Lepoint, M. Raykova, "Secure single-server aggregation with (poly)logarithmic
/// overhead", CCS 2020. The graph is a ring in an order that a seed known to all gives, each client joined with the
/// `degree` / 2 next on both sides. The seed must not be known before the clients have committed to their keys.
public struct MaskGraph: Sendable, Hashable {
    /// The clients in the order of their names' bytes.
    public let members: [String]
    /// How many neighbours each has: even, or all the others.
    public let degree: Int
    private let ring: [Int]
    private let places: [String: Int]

    /// The graph of some clients.
    ///
    /// - Parameters:
    ///   - members: the clients, each once.
    ///   - degree: how many neighbours are wanted; rounded up to an even number, and to all the others where those are no
    ///     more.
    ///   - seed: 32 bytes known to all.
    public init(members: [String], degree: Int, seed: [UInt8]) {
        let sorted = members.sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
        self.members = sorted
        let others = max(0, sorted.count - 1)
        let even = max(0, degree + degree % 2)
        self.degree = even >= others ? others : even
        var order = Array(sorted.indices)
        if self.degree < others {
            var words = NoiseWords(ChaCha20(key: seed), tensor: 0, element: 0)
            order.shuffle(using: &words)
        }
        ring = order
        places = Dictionary(uniqueKeysWithValues: order.enumerated().map { (sorted[$1], $0) })
    }

    /// The neighbours of a client in the order of their names' bytes; empty for a stranger.
    public func neighbours(of client: String) -> [String] {
        guard let place = places[client] else { return [] }
        guard degree < members.count - 1 else { return members.filter { $0 != client } }
        let count = ring.count
        return (1...max(1, degree / 2)).flatMap { [(place + $0) % count, (place + count - $0) % count] }
            .map { ring[$0] }.sorted().map { members[$0] }
    }

    /// The smallest degree and threshold for which, with probability at least 1 − 2^−`statistical` in all, no client has
    /// `threshold` corrupt neighbours, and with probability at least 1 − 2^−`correctness` every client has `threshold`
    /// neighbours that stay.
    ///
    /// The numbers of corrupt and of staying neighbours are hypergeometric (Bell et al., section 4.2); the union bound over
    /// the clients is taken.
    ///
    /// - Parameters:
    ///   - clients: how many take part.
    ///   - corrupt: the share of clients that may work together with the coordinator.
    ///   - dropouts: the share of clients that may drop out.
    /// - Returns: nil when even the complete graph does not do.
    public static func parameters(
        clients: Int, corrupt: Double, dropouts: Double, statistical: Double = 40, correctness: Double = 20
    ) -> (degree: Int, threshold: Int)? {
        guard clients >= 2 else { return nil }
        let others = clients - 1
        let bad = min(others, Int((corrupt * Double(clients)).rounded(.up)))
        let staying = others - min(others, Int((dropouts * Double(clients)).rounded(.up)))
        var degrees = Array(stride(from: 2, to: others, by: 2))
        degrees.append(others)
        for degree in degrees where degree <= SecretSharing.maximumShares {
            // The smallest threshold that is safe is the one most easily reached.
            guard
                let threshold = (1...degree).first(where: {
                    logTail(atLeast: $0, drawn: degree, marked: bad, of: others) + log2(Double(clients)) <= -statistical
                })
            else { continue }
            let failing = logTail(
                atLeast: degree - threshold + 1, drawn: degree, marked: others - staying, of: others)
            if failing + log2(Double(clients)) <= -correctness { return (degree, threshold) }
        }
        return nil
    }

    /// log₂ of the probability of at least `count` marked among `drawn` of `total` with `marked` marked.
    static func logTail(atLeast count: Int, drawn: Int, marked: Int, of total: Int) -> Double {
        let last = min(drawn, marked)
        guard count <= last else { return -.infinity }
        if count <= 0 { return 0 }
        let all = logChoose(total, drawn)
        let terms = (count...last).map { logChoose(marked, $0) + logChoose(total - marked, drawn - $0) - all }
        guard let largest = terms.max(), largest > -.infinity else { return -.infinity }
        return (largest + log(terms.reduce(0) { $0 + exp($1 - largest) })) / log(2)
    }

    private static func logChoose(_ n: Int, _ k: Int) -> Double {
        guard k >= 0, k <= n else { return -.infinity }
        return lgamma(Double(n + 1)) - lgamma(Double(k + 1)) - lgamma(Double(n - k + 1))
    }
}
