/// Finding what somebody may have meant by a word that nobody knows.
public enum Suggestion {
    /// The longest word, in characters, that a candidate is looked for: the work grows with the product of the lengths.
    private static let longest = 128

    /// The nearest candidate without regard to case, `_` and `-`, when it is near enough: at most a third of the word's
    /// characters away, rounded up, and at least one. Among equals the first in alphabetical order.
    ///
    /// - Complexity: O(word × candidate) for each candidate. Words of more than 128 characters have no nearest one.
    public static func nearest(to word: String, among candidates: some Sequence<String>) -> String? {
        let folded = fold(word)
        guard (1...longest).contains(folded.count) else { return nil }
        let limit = (folded.count + 2) / 3
        var best: (distance: Int, word: String)?
        for candidate in candidates.sorted() {
            let other = fold(candidate)
            guard abs(other.count - folded.count) <= limit else { continue }
            let distance = distance(folded, other)
            if distance <= limit, distance < best?.distance ?? Int.max { best = (distance, candidate) }
        }
        return best?.word
    }

    /// How a message about an unknown word goes on: `: did you mean 'x'?` where a candidate is near, else
    /// `, expected one of` all of them.
    public static func text(for word: String, among candidates: some Collection<String>) -> String {
        if let nearest = nearest(to: word, among: candidates) { return ": did you mean '\(nearest)'?" }
        return ", expected one of \(candidates.sorted().joined(separator: ", "))"
    }

    private static func fold(_ word: String) -> [Character] {
        Array(word.lowercased().filter { $0 != "_" && $0 != "-" })
    }

    /// The number of insertions, deletions, replacements and swaps of neighbours that turn one word into the other, no
    /// character being changed twice (optimal string alignment; L. Boytsov, "Indexing methods for approximate dictionary
    /// searching", ACM JEA 16, 2011).
    private static func distance(_ left: [Character], _ right: [Character]) -> Int {
        var beforeLast: [Int] = []
        var last = Array(0...right.count)
        for row in left.indices {
            var current = [row + 1]
            for column in right.indices {
                var steps = min(
                    last[column] + (left[row] == right[column] ? 0 : 1), last[column + 1] + 1, current[column] + 1)
                if row > 0, column > 0, left[row] == right[column - 1], left[row - 1] == right[column] {
                    steps = min(steps, beforeLast[column - 1] + 1)
                }
                current.append(steps)
            }
            (beforeLast, last) = (last, current)
        }
        return last[right.count]
    }
}
