import Randomness

/// `stratified`: from each band of clients as many as its part of all clients, uniformly.
///
/// The clients in order of their declared training examples (equal ones by name) are cut into bands of equal numbers, sizes
/// that do not divide going to the first bands. A band of n of N clients gets ⌊count · n / N⌋ places; those that are left
/// go to the bands with the largest remainders, equal ones to the band of smaller clients. Every cohort so has small
/// and large clients in their proportions, and every client about the same chance.
struct StratifiedSampling: CohortRule {
    /// How many bands; at most one a client is made.
    let bands: Int

    func draw(_ pool: CandidatePool, count: Int, _ stream: inout RandomStream) -> [Int] {
        let order = pool.names.indices.sorted { (pool.examples[$0], $0) < (pool.examples[$1], $1) }
        let strata = Self.cut(order, into: bands)
        let seats = Self.seats(strata.map(\.count), count: count)
        return zip(strata, seats).flatMap { stratum, seats in stream.sample(count: seats, from: stratum) }
    }

    static func cut(_ order: [Int], into bands: Int) -> [[Int]] {
        let number = max(1, min(bands, order.count))
        let (size, rest) = order.count.quotientAndRemainder(dividingBy: number)
        var start = 0
        return (0..<number).map { band in
            let end = start + size + (band < rest ? 1 : 0)
            defer { start = end }
            return Array(order[start..<end])
        }
    }

    /// Largest remainders; `count` is at most the sum of the sizes.
    static func seats(_ sizes: [Int], count: Int) -> [Int] {
        let total = max(1, sizes.reduce(0, +))
        var seats = sizes.map { count * $0 / total }
        let remainders = sizes.indices.sorted {
            (count * sizes[$1] % total, $0) < (count * sizes[$0] % total, $1)
        }
        for band in remainders.prefix(max(0, count - seats.reduce(0, +))) { seats[band] += 1 }
        return seats
    }
}
