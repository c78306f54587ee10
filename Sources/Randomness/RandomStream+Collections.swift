extension RandomStream {
    /// A uniformly random permutation of 0 ..< count (Fisher-Yates, from the last position down).
    public mutating func permutation(count: Int) -> [Int] {
        precondition(count >= 0, "a permutation needs a count of at least 0, got \(count)")
        var order = Array(0..<count)
        shuffle(&order)
        return order
    }

    /// Shuffles in place: for i from the last index down to 1, swaps element i with element ``below(_:)`` (i + 1).
    public mutating func shuffle<Element>(_ elements: inout [Element]) {
        var index = elements.count - 1
        while index > 0 {
            elements.swapAt(index, below(index + 1))
            index -= 1
        }
    }

    /// The elements in a uniformly random order; see ``shuffle(_:)``.
    public mutating func shuffled<Element>(_ elements: [Element]) -> [Element] {
        var copy = elements
        shuffle(&copy)
        return copy
    }

    /// `count` different numbers of 0 ..< population, every ordered choice equally likely, in the order drawn.
    ///
    /// The first `count` steps of a forward Fisher-Yates shuffle; memory and time are O(count), so a few of many
    /// millions can be drawn.
    ///
    /// - Parameters:
    ///   - count: between 0 and `population`; anything else is a programmer error.
    ///   - population: how many numbers there are to choose from.
    public mutating func sample(count: Int, from population: Int) -> [Int] {
        precondition(count >= 0 && count <= population, "cannot draw \(count) different numbers of \(population)")
        // What the array 0 ..< population would hold where it no longer holds its own index.
        var moved: [Int: Int] = [:]
        moved.reserveCapacity(count)
        var drawn: [Int] = []
        drawn.reserveCapacity(count)
        for index in 0..<count {
            let other = index + below(population - index)
            drawn.append(moved[other] ?? other)
            moved[other] = moved[index] ?? index
        }
        return drawn
    }

    /// `count` different elements, every ordered choice equally likely, in the order drawn; see
    /// ``sample(count:from:)-(Int,Int)``.
    public mutating func sample<Element>(count: Int, from elements: [Element]) -> [Element] {
        sample(count: count, from: elements.count).map { elements[$0] }
    }
}
