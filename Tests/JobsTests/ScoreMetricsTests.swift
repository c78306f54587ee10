import Foundation
import Jobs
import Testing

/// Figures of scores: their short form, what is refused, and the ratios.
@Suite struct ScoreMetricsTests {
    /// A generator that is good enough to vary cases.
    private struct Steps {
        var state: UInt64

        mutating func below(_ bound: Int) -> Int {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return Int((state >> 33) % UInt64(bound))
        }
    }

    @Test(arguments: 1...20) func theAreaIsTheShareOfOrderedPairs(seed: UInt64) throws {
        var steps = Steps(state: seed)
        let bins = 1 + steps.below(12)
        let positive = (0..<bins).map { _ in steps.below(4) }
        let negative = (0..<1 + steps.below(12)).map { _ in steps.below(4) }
        // Slowly: every pair of examples.
        func scores(_ counts: [Int]) -> [Int] { counts.enumerated().flatMap { Array(repeating: $0, count: $1) } }
        var (wins, ties, pairs) = (0.0, 0.0, 0.0)
        for own in scores(positive) {
            for other in scores(negative) {
                pairs += 1
                if own > other { wins += 1 } else if own == other { ties += 1 }
            }
        }
        let found = Metrics.area(positive: positive, negative: negative)
        guard pairs > 0 else {
            #expect(found == nil)
            return
        }
        let (area, bound) = try #require(found)
        #expect(abs(area - (wins + ties / 2) / pairs) < 1e-12)
        #expect(abs(bound - ties / 2 / pairs) < 1e-12)
    }

    @Test(arguments: [[], [0], [0, 0], [3], [0, 0, 0, 7, 0, 1, 0, 0], Array(repeating: 0, count: 5000) + [1]])
    func theShortFormIsTheSame(counts: [Int]) {
        let runs = CountRuns.encode(counts)
        #expect(runs.count <= counts.count)
        #expect(CountRuns.decode(runs, limit: counts.count) == counts)
        #expect(CountRuns.decode(counts, limit: counts.count) == counts, "a plain list is a short form")
        if !counts.isEmpty { #expect(CountRuns.decode(runs, limit: counts.count - 1) == nil) }
    }

    @Test(arguments: [[Int.min], [-1 << 40, 1], [Int.min, Int.min, Int.min], [-60_000, -60_000]])
    func hugeRunsTakeNoMemory(runs: [Int]) {
        #expect(CountRuns.decode(runs, limit: 1 << 16) == nil)
        #expect(TaskStatistics.counts(fromRuns: ["a": runs]) == nil)
        let json = Data(#"{"examples":1,"counts":{"a":\#(runs)}}"#.utf8)
        #expect(throws: DecodingError.self) { try JSONDecoder().decode(TaskStatistics.self, from: json) }
    }

    @Test func vectorsShareTheLimit() {
        #expect(TaskStatistics.counts(fromRuns: ["a": [-40_000], "b": [-20_000]])?["a"]?.count == 40_000)
        #expect(TaskStatistics.counts(fromRuns: ["a": [-40_000], "b": [-40_000]]) == nil)
        let many = Dictionary(uniqueKeysWithValues: (0...2048).map { ("\($0)", [Int]()) })
        #expect(TaskStatistics.counts(fromRuns: many) == nil)
    }

    @Test("statistics without counts are written as ever") func plainForm() throws {
        let plain = TaskStatistics(examples: 1, sums: ["loss": 2], confusion: [[1]])
        let encoder = JSONEncoder()
        encoder.outputFormatting = .sortedKeys
        #expect(
            String(decoding: try encoder.encode(plain), as: UTF8.self)
                == #"{"confusion":[[1]],"examples":1,"sums":{"loss":2}}"#)
        let counted = TaskStatistics(examples: 3, counts: ["h": [0, 0, 0, 2, 0, 1]])
        #expect(
            String(decoding: try encoder.encode(counted), as: UTF8.self)
                == #"{"counts":{"h":[-3,2,0,1]},"examples":3,"sums":{}}"#)
        #expect(try JSONDecoder().decode(TaskStatistics.self, from: encoder.encode(counted)) == counted)
    }

    @Test("vectors add, shorter ones are padded, huge ones saturate") func addition() {
        let one = TaskStatistics(examples: 1, counts: ["a": [1, 2, 3], "b": [.max]])
        let other = TaskStatistics(examples: 1, counts: ["a": [10], "b": [1], "c": [5]])
        #expect((one + other).counts == ["a": [11, 2, 3], "b": [.max], "c": [5]])
        #expect((other + one).counts == (one + other).counts)
    }

    @Test(
        "impossible figures are refused",
        arguments: [
            (["a": [-1]], [:]), (["a": [5]], [:]), (["": [1]], [:]),
            (["scores.1.positive": [3, 2]], [:]),
            (["scores.1.positive": [3], "scores.1.negative": [0, 2]], [:]),
            (["scores.x": [3, 3]], [:]),
            (["calibration.examples": [4, 1]], [:]),
            (["calibration.correct": [1]], [:]),
            (["calibration.examples": [2, 1], "calibration.correct": [1, 2]], [:]),
            (["calibration.examples": [2, 1], "calibration.correct": [1]], [:]),
            (["calibration.examples": [2]], ["calibration.confidence.00": 2.5]),
            (["calibration.examples": [2]], ["calibration.confidence.00": -0.5]),
            (["classes.true": [2], "classes.predicted": [1], "classes.both": [2]], [:]),
            (["classes.true": [1], "classes.predicted": [2], "classes.both": [2]], [:]),
            (["classes.both": [1]], [:]),
            ([:], ["top5": 5]), ([:], ["top5": -1]), ([:], ["correct": 4.5]),
        ] as [([String: [Int]], [String: Double])])
    func refusals(counts: [String: [Int]], sums: [String: Double]) {
        let statistics = TaskStatistics(examples: 4, sums: sums, counts: counts)
        let error = #expect(throws: JobsError.self) { try statistics.validated(maximumExamples: 100) }
        #expect(error?.code == .invalidStatistics)
    }

    @Test func possibleFiguresAreNotRefused() throws {
        var statistics = TaskStatistics(
            examples: 4, sums: ["correct": 4, "top5": 0],
            counts: ["scores.1.positive": [1, 0, 1], "scores.1.negative": [2], "mine": [4, 4, 4]])
        statistics.setCalibration(examples: [1, 3], correct: [1, 0], confidences: [1, 2.5])
        statistics.setClasses(true: [4, 4], predicted: [1, 4], both: [1, 4])
        #expect(try statistics.validated(maximumExamples: 4) == statistics)
        let metrics = Metrics.derive(from: statistics)
        #expect(metrics["AUC"] == 0.75 && metrics["AUCBound"] == 0.25)
        #expect(metrics["ECE"] == 0.625)
        // 2 · 1 / (4 + 1) and 2 · 4 / (4 + 4).
        let mean: Double = 0.5 * (0.4 + 1)
        #expect(abs((metrics["macroF1"] ?? 0) - mean) < 1e-15)
        #expect(metrics["top5"] == 0)
        #expect(metrics["calibration.confidence.00"] == nil)
        statistics.counts["calibration.correct"] = [1]
        #expect(Metrics.derive(from: statistics)["ECE"] == nil, "not checked, and no crash")
    }

    @Test func binsCoverEverything() {
        let widths: [Int] = [1, 2, 3, 6, 51, 512, 513].map { ScoreFigures.bins(histograms: $0) }
        #expect(widths == [8192, 4096, 2048, 1024, 128, 16, 0])
        let odds: [Double] = [-1e300, -8, 0, 8, 100, .infinity, -.infinity]
        let places: [Int] = odds.map { ScoreFigures.bin(logOdds: $0, of: 16) }
        #expect(places == [0, 4, 8, 12, 15, 15, 0])
        let confidences: [Double] = [0, 1e-9, 0.06, 0.07, 1]
        let bins: [Int] = confidences.map { ScoreFigures.bin(confidence: $0) }
        #expect(bins == [0, 0, 0, 1, 14])
    }

    @Test(arguments: ["AUC", "-ECE", "top5", "AUCFaithful"]) func roundsAreChosenByThem(name: String) {
        let selector = MetricSelector(name)
        let rounds = [0: [selector.metric: 0.5], 1: [selector.metric: 0.9], 2: [:]]
        #expect(selector.best(of: rounds) == (selector.lowerIsBetter ? 0 : 1))
        #expect(
            JobSpecification(name: "a", model: ["name": "m"], data: "d", rounds: 1, selectBy: selector).problems.isEmpty
        )
    }
}
