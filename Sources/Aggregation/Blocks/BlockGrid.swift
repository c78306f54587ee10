/// Tensors cut into blocks of consecutive elements that never cross from one tensor into the next, numbered in order.
struct BlockGrid: Sendable {
    /// Some elements of one tensor.
    struct Span: Sendable, Hashable {
        /// The tensor's place in the list that the grid was made from.
        var tensor: Int
        /// The first element.
        var start: Int
        /// How many elements, at least 1.
        var count: Int
    }

    private let sizes: [Int]
    /// The number of the first block of each tensor, and at the end of all blocks.
    private let first: [Int]
    private let elements: Int

    /// How many blocks there are.
    var count: Int { first[first.count - 1] }

    /// Cuts tensors of some sizes, in elements, into blocks of at most `elements`.
    init(_ sizes: [Int], elements: Int) {
        precondition(elements > 0, "a block needs at least one element")
        self.sizes = sizes
        self.elements = elements
        var first = [0]
        for size in sizes { first.append(first[first.count - 1] + (size + elements - 1) / elements) }
        self.first = first
    }

    /// The block of a number.
    subscript(index: Int) -> Span {
        // The last tensor whose first block is not after it; empty tensors have none.
        var (low, high) = (0, sizes.count)
        while high - low > 1 {
            let middle = (low + high) / 2
            if first[middle] <= index { low = middle } else { high = middle }
        }
        let start = (index - first[low]) * elements
        return Span(tensor: low, start: start, count: min(elements, sizes[low] - start))
    }
}
