import Randomness

/// The rules by which the FedMultimodal benchmark (Feng et al., KDD 2023, and its code) parts rows and people.
public enum BenchmarkRules {
    /// How many folds the benchmark makes over people.
    public static let folds = 5

    /// Positions shuffled with NumPy's legacy generator; the first fifth, rounded down, is `dev`, the rest `train`.
    ///
    /// The rows must be in the order of their keys as text. Both parts are in shuffled order, as the benchmark keeps
    /// them.
    public static func trainDev(count: Int, seed: UInt32 = 8) -> (train: [Int], dev: [Int]) {
        var generator = LegacyRandomState(seed: seed)
        let shuffled = generator.permutation(count)
        let held = count / 5
        return (Array(shuffled[held...]), Array(shuffled[..<held]))
    }

    /// The positions that fold `fold` of `folds` tests on: consecutive runs, the first `count % folds` of them one longer
    /// (scikit-learn's `KFold` without shuffling).
    ///
    /// - Throws: `DatasetError` with code `invalidArgument` for a fold outside of 1...`folds` or fewer than `folds`
    ///   positions.
    public static func testPositions(fold: Int, folds: Int = folds, count: Int) throws(DatasetError) -> Range<Int> {
        guard folds >= 2, (1...folds).contains(fold), count >= folds else {
            throw DatasetError(
                .invalidArgument,
                "fold \(fold) of \(folds) over \(count) people, expected 1...\(folds) and as many people")
        }
        let (size, longer) = count.quotientAndRemainder(dividingBy: folds)
        let start = (fold - 1) * size + min(fold - 1, longer)
        return start..<start + size + (fold <= longer ? 1 : 0)
    }

    /// Whether `first` comes before `second` in Python's order of strings: by code points, which is that of UTF-8 bytes.
    public static func precedes(_ first: String, _ second: String) -> Bool {
        first.utf8.lexicographicallyPrecedes(second.utf8)
    }
}
