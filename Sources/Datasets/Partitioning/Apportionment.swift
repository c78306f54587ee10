/// Whole numbers in proportion to weights: how many rows each of several clients gets.
enum Apportionment {
    /// Sizes that add up to `total`, in proportion to `weights` as near as whole numbers allow (largest remainders),
    /// except that no size is below `minimum`: weights too small for that get the minimum, and the others share the
    /// rest.
    ///
    /// - Parameters:
    ///   - weights: finite, at least 0, not all 0.
    ///   - total: at least `minimum` times the number of weights.
    static func sizes(weights: [Double], total: Int, minimum: Int) -> [Int] {
        var sizes = [Int](repeating: minimum, count: weights.count)
        let order = weights.indices.sorted { (weights[$0], $0) < (weights[$1], $1) }
        var rest = total
        var weight = weights.reduce(0, +)
        var first = 0
        // From the smallest weight up: whoever would fall below the minimum gets it and leaves.
        while first < order.count - 1, Double(rest) * weights[order[first]] < Double(minimum) * weight {
            rest -= minimum
            weight -= weights[order[first]]
            first += 1
        }
        let sharing = Array(order[first...])
        let sum = sharing.reduce(0) { $0 + weights[$1] }
        let shares = sharing.map { Double(rest) * weights[$0] / sum }
        var left = rest
        for (position, index) in sharing.enumerated() {
            sizes[index] = max(minimum, Int(shares[position]))
            left -= sizes[index]
        }
        let byRemainder = sharing.indices.sorted { first, second in
            let remainders = (
                shares[first] - shares[first].rounded(.down), shares[second] - shares[second].rounded(.down)
            )
            return remainders.0 == remainders.1 ? first > second : remainders.0 > remainders.1
        }
        // Rounding can leave a few to give or, by an ulp, one to take back.
        var position = 0
        while left != 0 {
            let index = sharing[byRemainder[position % byRemainder.count]]
            if left > 0 {
                sizes[index] += 1
                left -= 1
            } else if sizes[index] > minimum {
                sizes[index] -= 1
                left += 1
            }
            position += 1
        }
        return sizes
    }

    /// `count` sizes that differ by at most 1, the larger ones first.
    static func equal(total: Int, count: Int) -> [Int] {
        (0..<count).map { total / count + ($0 < total % count ? 1 : 0) }
    }

    /// Consecutive pieces of `elements` of the given sizes.
    static func cut(_ elements: [Int], sizes: [Int]) -> [[Int]] {
        var start = 0
        return sizes.map { size in
            defer { start += size }
            return Array(elements[start..<start + size])
        }
    }
}
