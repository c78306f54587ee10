/// Leaves out updates that point or lie elsewhere than the others.
struct UpdateGate: Sendable {
    /// The smallest cosine between an update and Σ Δⱼ / ‖Δⱼ‖ over the others; nil for any.
    var minimumCosine: Double?
    /// The largest distance from the geometric median, in units of the median of all distances; nil for any.
    var maximumDistance: Double?

    /// The updates that are left out, each with the reason. The directions of the others are all of length 1, so that one
    /// giant update does not decide about everybody.
    func leftOut(of evidence: UpdateEvidence) -> [AggregationReport.LeftOut] {
        var reasons: [Int: String] = [:]
        if let minimumCosine, evidence.count > 1 {
            let cosines = (0..<evidence.count).map { row in
                (0..<evidence.count).map { evidence.cosine(row, $0) }
            }
            // ‖Σ uⱼ‖² over all but one, from the sums of the rows.
            let sums = cosines.indices.map { row in
                cosines[row].indices.reduce(0) { $0 + ($1 == row ? 0 : cosines[row][$1]) }
            }
            let total = sums.reduce(0, +)
            let ones = cosines.indices.map { evidence.norm($0) > 0 ? 1.0 : 0 }
            for update in cosines.indices {
                let square = ones.reduce(0, +) - ones[update] + total - 2 * sums[update]
                let cosine = square > 0 ? sums[update] / square.squareRoot() : 0
                if cosine < minimumCosine {
                    reasons[update] =
                        "cosine \(Self.rounded(cosine)) with the others, at least \(minimumCosine) is asked"
                }
            }
        }
        if let maximumDistance, evidence.count > 2 {
            let centre = GeometricMedian.weights(evidence.products, count: evidence.count)
            let distances = evidence.products.squaredDistances(toSum: centre).prefix(evidence.count).map {
                $0.squareRoot()
            }
            let middle = distances.sorted()[distances.count / 2]
            for (update, distance) in distances.enumerated() where distance > maximumDistance * middle && middle > 0 {
                reasons[update] =
                    reasons[update]
                    ?? "\(Self.rounded(distance / middle)) times as far from the others as the median update, at most "
                    + "\(maximumDistance) is allowed"
            }
        }
        return reasons.sorted { $0.key < $1.key }.map { .init(clientID: evidence.clients[$0], reason: $1) }
    }

    private static func rounded(_ value: Double) -> Double { (value * 1e4).rounded() / 1e4 }
}
