import Configuration
import Testing

@Suite("What somebody may have meant")
struct SuggestionTests {
    @Test(
        "the nearest candidate, when it is near",
        arguments: [
            ("hra", ["ser", "har", "ecg"], "har"),
            ("adma", ["sgd", "adagrad", "adam"], "adam"),
            ("Batch_Size", ["batchSize", "epochs"], "batchSize"),
            // Two steps are too many for a word of three letters, not for one of four.
            ("abc", ["ade"], nil),
            ("abcd", ["abef"], "abef"),
            // Among equals the first of the alphabet.
            ("rat", ["rbt", "cat"], "cat"),
            ("x", ["y"], "y"),
            ("", ["y"], nil),
            ("x", [], nil),
            (String(repeating: "x", count: 129), [String(repeating: "x", count: 129)], nil),
        ] as [(String, [String], String?)])
    func nearest(word: String, candidates: [String], expected: String?) {
        #expect(Suggestion.nearest(to: word, among: candidates) == expected)
    }

    @Test("a message goes on with the candidate, or with all")
    func texts() {
        #expect(Suggestion.text(for: "epoch", among: ["epochs", "seed"]) == ": did you mean 'epochs'?")
        #expect(Suggestion.text(for: "colour", among: ["seed", "epochs"]) == ", expected one of epochs, seed")
    }
}
