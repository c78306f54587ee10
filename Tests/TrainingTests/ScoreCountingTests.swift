import Foundation
import Jobs
import Testing

@testable import Training

/// Metrics of scores against scikit-learn (Golden/make_scores.py), through the additive figures.
@Suite struct ScoreCountingTests {
    struct Case: Decodable, Sendable, CustomTestStringConvertible {
        var name: String
        var classes: Int
        var scores: [Float]
        var labels: [Int]?
        var targets: [Float]?
        var expected: [String: Double]

        var testDescription: String { name }

        var count: Int { scores.count / classes }

        func statistics(_ rows: Range<Int>, batch: Int = 7) -> TaskStatistics {
            var counting = ScoreCounting(classes: classes, isMultilabel: targets != nil)
            for start in stride(from: rows.lowerBound, to: rows.upperBound, by: batch) {
                let end = min(start + batch, rows.upperBound)
                let part = Array(scores[start * classes..<end * classes])
                if let labels { counting.add(part, labels: Array(labels[start..<end])) }
                if let targets { counting.add(part, targets: Array(targets[start * classes..<end * classes])) }
            }
            return counting.statistics(loss: 0)
        }
    }

    static let cases: [Case] = {
        guard let file = Bundle.module.url(forResource: "scores", withExtension: "json", subdirectory: "Golden"),
            let data = try? Data(contentsOf: file)
        else { return [] }
        return (try? JSONDecoder().decode([Case].self, from: data)) ?? []
    }()

    @Test func thereAreCases() { #expect(Self.cases.count == 6) }

    @Test(arguments: cases) func metricsAreScikitLearns(golden: Case) throws {
        let whole = golden.statistics(0..<golden.count)
        #expect(try whole.validated(maximumExamples: golden.count) == whole)
        let metrics = Metrics.derive(from: whole)
        for (name, expected) in golden.expected {
            let found = try #require(metrics[name], "\(name)")
            if name == "AUC" {
                let bound = try #require(metrics["AUCBound"])
                #expect(abs(found - expected) <= bound + 1e-12, "\(found), \(expected) ± \(bound)")
                #expect(bound < 0.01)
            } else {
                #expect(abs(found - expected) < 1e-9, "\(name): \(found), \(expected)")
            }
        }
        #expect((metrics["top5"] != nil) == (golden.classes > 5 && golden.labels != nil))
        #expect((metrics["AUCFaithful"] != nil) == (golden.classes == 2))
        #expect((metrics["ECE"] != nil) == (golden.labels != nil))
        #expect(!metrics.keys.contains { $0.hasPrefix("calibration.") })
        if golden.classes == 2 { #expect(metrics["AUCFaithful"] == metrics["UAR"]) }
    }

    @Test(arguments: cases) func sitesAddUpToTheWhole(golden: Case) throws {
        let whole = golden.statistics(0..<golden.count)
        let cuts = [0, 1, 40, 41, golden.count]
        var total = TaskStatistics()
        for (low, high) in zip(cuts, cuts.dropFirst()) {
            let part = golden.statistics(low..<high)
            // What a site sends.
            let sent = try JSONDecoder().decode(TaskStatistics.self, from: JSONEncoder().encode(part))
            #expect(sent == part)
            total += sent
        }
        #expect(total.counts == whole.counts)
        #expect(total.confusion == whole.confusion)
        #expect(total.examples == whole.examples)
        let (one, other) = (Metrics.derive(from: total), Metrics.derive(from: whole))
        #expect(one.keys == other.keys)
        for (name, value) in one { #expect(abs(value - (other[name] ?? .nan)) < 1e-12, "\(name)") }
    }

    @Test func equalScoresAnswerTheFirstClass() {
        var counting = ScoreCounting(classes: 7, isMultilabel: false)
        counting.add(Array(repeating: 0, count: 14), labels: [4, 5])
        let statistics = counting.statistics(loss: 0)
        #expect(statistics.sums["top5"] == 1)
        #expect(statistics.confusion?[4] == [1, 0, 0, 0, 0, 0, 0])
        #expect(abs((statistics.sums["calibration.confidence.02"] ?? 0) - 2.0 / 7) < 1e-15)
    }

    @Test func scoresBeyondAllBoundsAreCounted() throws {
        var counting = ScoreCounting(classes: 3, isMultilabel: false)
        let far = Float.greatestFiniteMagnitude
        counting.add([far, -far, 0, 0, far, -far, -far, -far, -far], labels: [0, 1, 2])
        let statistics = try counting.statistics(loss: 0).validated(maximumExamples: 3)
        #expect(Metrics.derive(from: statistics)["AUC"] ?? 0 > 0.6)
        var several = ScoreCounting(classes: 1, isMultilabel: true)
        several.add([far, -far, 0], targets: [1, 0, 1])
        #expect(Metrics.derive(from: several.statistics(loss: 0))["AUC"] == 1)
    }
}
