import Foundation
import Jobs
import Testing

@Suite("Statistics and metrics")
struct TaskStatisticsTests {
    @Test func aTotalKeepsTheLimitsOfATask() throws {
        let honest = TaskStatistics(examples: 4, counts: ["scores.0.positive": [1, 3]])
        let total = TaskStatistics.total([
            "a": TaskStatistics(examples: 0, counts: ["x": Array(repeating: 0, count: TaskStatistics.maximumCounts)]),
            "b": honest, "c": honest,
        ])
        #expect(total.counts == ["scores.0.positive": [2, 6]])
        let decoded = try JSONDecoder().decode(TaskStatistics.self, from: JSONEncoder().encode(total))
        #expect(decoded == total)
    }

    @Test("sums add, smaller matrices are padded")
    func addition() {
        let small = TaskStatistics(examples: 3, sums: ["loss": 1.5, "x": 1], confusion: [[3]])
        let large = TaskStatistics(examples: 4, sums: ["loss": 2], confusion: [[1, 2], [0, 1]])
        let expected = TaskStatistics(examples: 7, sums: ["loss": 3.5, "x": 1], confusion: [[4, 2], [0, 1]])
        #expect(small + large == expected)
        #expect(large + small == expected)
        #expect(TaskStatistics() + large == large)
        #expect(large + TaskStatistics() == large)
        var sum = small
        sum += large
        #expect(sum == expected)
    }

    @Test("the total does not depend on the order of arrival")
    func total() {
        let values = [0.1, 1e16, -1e16, 0.3, 7e-9]
        var parts: [String: TaskStatistics] = [:]
        for (index, value) in values.enumerated() {
            parts["c\(index)"] = TaskStatistics(examples: 1, sums: ["loss": value])
        }
        #expect(TaskStatistics.total(parts).sums["loss"] == values.reduce(0, +))
        #expect(TaskStatistics.total([:]) == TaskStatistics())
    }

    @Test("huge counts saturate instead of trapping")
    func saturation() {
        let huge = TaskStatistics(examples: .max, confusion: [[.max]])
        #expect((huge + huge).examples == .max)
        #expect((huge + huge).confusion == [[.max]])
    }

    @Test(
        "impossible statistics are refused with the reason",
        arguments: [
            (TaskStatistics(examples: -1), "statistics, examples: found -1, expected 0 to 100"),
            (
                TaskStatistics(examples: 1_000_000_000_000_000_000),
                "statistics, examples: found 1000000000000000000, expected 0 to 100"
            ),
            (
                TaskStatistics(examples: 1, sums: ["loss": .nan]),
                "statistics, sums.loss: found nan, expected a finite number"
            ),
            (
                TaskStatistics(examples: 1, sums: ["loss": .infinity]),
                "statistics, sums.loss: found inf, expected a finite number"
            ),
            (
                TaskStatistics(examples: 1, sums: ["": 1]),
                "statistics, sums: found a name of 0 bytes, expected 1 to 128"
            ),
            (
                TaskStatistics(examples: 1, confusion: [[1, 0]]),
                "statistics, confusion[0]: found 2 columns, expected 1"
            ),
            (
                TaskStatistics(examples: 2, confusion: [[3]]),
                "statistics, confusion[0]: found the count 3, expected 0 to 2"
            ),
            (
                TaskStatistics(examples: 2, confusion: [[-1]]),
                "statistics, confusion[0]: found the count -1, expected 0 to 2"
            ),
            (
                TaskStatistics(examples: 2, confusion: [[1, 1], [1, 0]]),
                "statistics, confusion: the counts add up to more than the 2 examples"
            ),
            (
                TaskStatistics(examples: 2, confusion: [[0, 0, 0, 0, 0], [], [], [], []]),
                "statistics, confusion: found 5 classes, expected at most 4"
            ),
        ])
    func refusals(statistics: TaskStatistics, expected: String) {
        let error = #expect(throws: JobsError.self) {
            try statistics.validated(maximumExamples: 100, maximumClasses: 4)
        }
        #expect(error?.code == .invalidStatistics)
        #expect(error?.message == expected)
    }

    @Test("too many sums are refused, possible statistics are not")
    func possible() throws {
        let many = Dictionary(uniqueKeysWithValues: (0...256).map { ("s\($0)", 1.0) })
        #expect(throws: JobsError.self) { try TaskStatistics(examples: 1, sums: many).validated(maximumExamples: 1) }
        let good = TaskStatistics(examples: 5, sums: ["loss": -2], confusion: [[1, 1], [1, 1]])
        #expect(try good.validated(maximumExamples: 5) == good)
        #expect(try TaskStatistics().validated(maximumExamples: 5) == TaskStatistics())
    }

    @Test("metrics of a confusion matrix are scikit-learn's", arguments: metricsGolden)
    func golden(golden: MetricsGolden) throws {
        let metrics = Metrics.derive(from: golden.confusion)
        #expect(abs(try #require(metrics["accuracy"]) - golden.accuracy) < 1e-14)
        #expect(abs(try #require(metrics["macroF1"]) - golden.macroF1) < 1e-14)
        #expect(abs(try #require(metrics["UAR"]) - golden.unweightedRecall) < 1e-14)
        #expect(abs(try #require(metrics["weightedF1"]) - golden.weightedF1) < 1e-14)
    }

    @Test("ratios of sums")
    func ratios() {
        #expect(
            Metrics.derive(from: TaskStatistics(examples: 4, sums: ["loss": 2, "correct": 3]))
                == ["loss": 0.5, "accuracy": 0.75])
        #expect(Metrics.derive(from: TaskStatistics(examples: 0, sums: ["loss": 2])) == [:])
        #expect(Metrics.derive(from: TaskStatistics(examples: 2, confusion: [[0, 0], [0, 0]])) == [:])
        #expect(
            Metrics.derive(from: TaskStatistics(examples: 2, sums: ["correct": 0], confusion: [[2]]))["accuracy"] == 1)
    }

    @Test("the best round by a metric, the first among equals")
    func selector() {
        let rounds: [Int: [String: Double]] = [
            0: ["f": 0.5, "loss": 2], 1: ["f": 0.9, "loss": 1], 2: ["f": 0.9, "loss": 3], 3: ["f": .nan], 4: [:],
        ]
        #expect(MetricSelector("f").best(of: rounds) == 1)
        #expect(MetricSelector("-loss").best(of: rounds) == 1)
        #expect(MetricSelector("loss").best(of: rounds) == 2)
        #expect(MetricSelector("none").best(of: rounds) == nil)
        #expect(MetricSelector("-loss").description == "-loss")
        #expect(!MetricSelector("f").isBetter(.nan, than: nil))
    }

    @Test(
        "a client's index is FNV-1a, 32 bits",
        arguments: [("", 0x811C_9DC5), ("a", 0xE40C_292C), ("foobar", 0xBF9C_F968)] as [(String, UInt32)])
    func index(name: String, expected: UInt32) {
        #expect(clientIndex(name) == expected)
    }

    @Test("clients are ordered by the bytes of their names")
    func order() {
        #expect(
            Participants.sorted(["site-10", "site-2", "Site", "é", "e\u{301}", "z"]) == [
                "Site", "e\u{301}", "site-10", "site-2", "z", "é",
            ])
    }

    @Test("the order is that of the UTF-8 bytes, and what is sorted by it can be searched")
    func orderOfBytes() {
        let names =
            [
                "", "a", "ab", "b", "é", "e\u{301}", "\u{1F600}", "\u{FFFD}", "client-000123456789",
                "client-000123456790",
            ]
            + (0..<40).map { "client-\($0 * 37 % 101)" }
        for left in names {
            for right in names {
                #expect(
                    Participants.precedes(left, right) == Array(left.utf8).lexicographicallyPrecedes(Array(right.utf8)))
            }
        }
        let sorted = Participants.sorted(names.enumerated().filter { $0.offset % 2 == 0 }.map(\.element))
        for name in names {
            // Equal bytes, not equal in Unicode.
            #expect(Participants.contains(name, in: sorted) == sorted.contains { $0.utf8.elementsEqual(name.utf8) })
        }
        #expect(!Participants.contains("a", in: []))
    }
}
