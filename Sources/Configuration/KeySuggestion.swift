/// Finds the known key that was probably meant.
enum KeySuggestion {
    /// The nearest candidate by Levenshtein distance without regard to case, `_` and `-`, when it is near enough: at most
    /// a third of the word, and at least one step is always allowed. Among equals the first in alphabetical order.
    static func nearest(to word: String, among candidates: some Sequence<String>) -> String? {
        let folded = fold(word)
        guard folded.count <= 128 else { return nil }
        let limit = max(1, (folded.count + 2) / 3)
        var best: (distance: Int, word: String)?
        for candidate in candidates.sorted() {
            let distance = distance(folded, fold(candidate))
            if distance <= limit, distance < best?.distance ?? Int.max { best = (distance, candidate) }
        }
        return best?.word
    }

    private static func fold(_ word: String) -> [Character] {
        Array(word.lowercased().filter { $0 != "_" && $0 != "-" })
    }

    static func distance(_ left: [Character], _ right: [Character]) -> Int {
        var previous = Array(0...right.count)
        for (row, a) in left.enumerated() {
            var current = [row + 1]
            for (column, b) in right.enumerated() {
                current.append(min(previous[column] + (a == b ? 0 : 1), previous[column + 1] + 1, current[column] + 1))
            }
            previous = current
        }
        return previous[right.count]
    }
}
