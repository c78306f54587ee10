/// Comparators that sort any list of a fixed length without a branch: Batcher's merge exchange, for lengths that are no
/// power of two as well, without the comparators that the wanted places do not depend on.
///
/// K. E. Batcher, "Sorting networks and their applications", 1968; D. E. Knuth, "The Art of Computer Programming",
/// volume 3, algorithm 5.2.2 M.
struct SortingNetwork: Sendable {
    /// Two places for each comparator, the lower first: afterwards the smaller value is there.
    let pairs: [UInt32]

    /// A network for lists of `count` values of which only the places `wanted` of the sorted list are needed.
    init(count: Int, wanted: Range<Int>) {
        precondition(wanted.lowerBound >= 0 && wanted.upperBound <= count, "no such places")
        var all: [(low: Int, high: Int)] = []
        var top = 1
        while top < count { top *= 2 }
        var step = top / 2
        while step > 0 {
            var (half, remainder, distance) = (top / 2, 0, step)
            while true {
                for low in 0..<max(0, count - distance) where low & step == remainder {
                    all.append((low, low + distance))
                }
                if half == step { break }
                distance = half - step
                half /= 2
                remainder = step
            }
            step /= 2
        }
        var isNeeded = [Bool](repeating: false, count: count)
        for place in wanted { isNeeded[place] = true }
        var kept: [UInt32] = []
        for (low, high) in all.reversed() where isNeeded[low] || isNeeded[high] {
            isNeeded[low] = true
            isNeeded[high] = true
            // Reversed as a whole below.
            kept.append(UInt32(high))
            kept.append(UInt32(low))
        }
        pairs = kept.reversed()
    }
}
