/// Names of clients: their order and their index.
public enum Participants {
    /// The order of clients everywhere it matters for bits: ascending by the names' UTF-8 bytes.
    ///
    /// Swift compares strings by Unicode canonical order, other languages by code points or bytes; this one is the same
    /// everywhere.
    public static func precedes(_ left: String, _ right: String) -> Bool {
        // Fleets of hundreds of thousands are sorted every round: where the bytes lie in one piece they are compared
        // there, several times as fast as through the views.
        let answer = left.utf8.withContiguousStorageIfAvailable { left -> Bool? in
            right.utf8.withContiguousStorageIfAvailable { right -> Bool in
                for index in 0..<min(left.count, right.count) where left[index] != right[index] {
                    return left[index] < right[index]
                }
                return left.count < right.count
            }
        }
        return (answer ?? nil) ?? left.utf8.lexicographicallyPrecedes(right.utf8)
    }

    /// Whether names that are sorted in that order hold one, in O(log n).
    public static func contains(_ name: String, in sorted: [String]) -> Bool {
        var (low, high) = (0, sorted.count)
        while low < high {
            let middle = (low + high) / 2
            if precedes(sorted[middle], name) { low = middle + 1 } else { high = middle }
        }
        return low < sorted.count && !precedes(name, sorted[low])
    }

    /// The names in that order.
    public static func sorted(_ names: some Sequence<String>) -> [String] {
        names.sorted(by: precedes)
    }
}

/// The number that stands for a client in seeded draws: FNV-1a, 32 bits, over the UTF-8 bytes of its name
/// (Fowler, Noll, Vo; offset basis 0x811C9DC5, prime 0x01000193).
public func clientIndex(_ name: String) -> UInt32 {
    name.utf8.reduce(0x811C_9DC5) { ($0 ^ UInt32($1)) &* 0x0100_0193 }
}
