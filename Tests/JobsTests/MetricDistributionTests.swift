import Foundation
import Jobs
import Testing

/// How metrics are spread over clients, and the keys that ask for it.
@Suite struct MetricDistributionTests {
    /// NumPy: `np.percentile(x, [25, 50, 75])`, `np.var(x)`.
    @Test(
        arguments: [
            ([0.5], [0.5, 0.5, 0.5, 0], 0.5, 0.5), ([1, 0], [0.25, 0.5, 0.75, 0.25], 0, 1),
            ([9, 1, 8, 2, 7, 3, 6, 4, 5, 0], [2.25, 4.5, 6.75, 8.25], 0, 9),
            ([3, 1, 4, 1, 5, 9, 2, 6, 5, 3, 5], [2.5, 4, 5, 56.0 / 11], 1, 7.5),
        ] as [([Double], [Double], Double, Double)])
    func figures(values: [Double], expected: [Double], lowest: Double, highest: Double) throws {
        let found = try #require(MetricDistribution(values))
        for (a, b) in zip([found.lowerQuartile, found.median, found.upperQuartile, found.variance], expected) {
            #expect(abs(a - b) < 1e-12)
        }
        #expect(found.clients == values.count)
        #expect(found.minimum == values.min() && found.maximum == values.max())
        #expect(abs(found.mean - values.reduce(0, +) / Double(values.count)) < 1e-12)
        #expect(found.worstTenth == lowest)
        #expect(MetricDistribution(values, lowerIsBetter: true)?.worstTenth == highest)
        #expect(MetricDistribution(values.reversed()) == found, "the order of the clients does not matter")
    }

    @Test func whatClientsLackDoesNotCount() {
        #expect(MetricDistribution([]) == nil)
        #expect(MetricDistribution([.nan, .infinity]) == nil)
        #expect(MetricDistribution([.nan, 2])?.clients == 1)
        let all = MetricDistribution.over([["loss": 1, "accuracy": 0], ["loss": 3], [:]])
        #expect(all["loss"]?.clients == 2 && all["accuracy"]?.clients == 1)
        #expect(all["loss"]?.worstTenth == 3, "of the loss the highest is the worst")
    }

    private func job(_ change: (inout JobSpecification) -> Void) -> JobSpecification {
        var job = JobSpecification(name: "a", model: ["name": "m"], data: "d", rounds: 5)
        change(&job)
        return job
    }

    @Test func theKeysAreTheJobs() throws {
        let plain = String(decoding: try job { _ in }.canonicalJSON(), as: UTF8.self)
        #expect(!plain.contains("perClient"), "jobs that do not use them are written as ever")
        let asked = job {
            $0.evaluation.perClient = 2
            $0.evaluation.perClientHoldOut = 0.2
        }
        let read = try JobSpecification(json: asked.canonicalJSON())
        #expect(read == asked)
        #expect(read.evaluation.settings.isEmpty, "the trainer does not see them")
        #expect((0..<5).filter(read.isEvaluatedPerClient) == [1, 3, 4])
        #expect(!(0..<5).contains(where: job { _ in }.isEvaluatedPerClient))
    }

    @Test(arguments: [-1, 1_000_001]) func roundsOutOfRange(every: Int) {
        #expect(job { $0.evaluation.perClient = every }.problems.count == 1)
    }

    @Test(arguments: [-0.1, 1, .nan, .infinity]) func sharesOutOfRange(share: Double) {
        #expect(
            job {
                $0.evaluation.perClient = 1
                $0.evaluation.perClientHoldOut = share
            }.problems.count == 1)
    }
}
