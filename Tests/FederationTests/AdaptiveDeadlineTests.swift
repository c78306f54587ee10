import Federation
import Jobs
import Testing

@Suite("Deadlines that are learnt")
struct AdaptiveDeadlineTests {
    @Test(
        "the quantile of the known times, with slack, within its bounds",
        arguments: [
            (0.5, 2.0, 1.0, [4000, 8000, 6000], 12_000), (0.9, 1.0, 1.0, [1000, 2000, 3000, 4000], 4000),
            (0.75, 1.0, 1.0, [4000, 3000, 2000, 1000], 3000), (0.0, 1.0, 1.0, [3000, 2000], 2000),
            (1.0, 1.5, 1.0, [3000, 2001], 4500), (0.0, 1.5, 1.0, [3000, 2001], 3002),
            (0.5, 1.0, 5.0, [10, 20, 30], 5000), (0.5, 3.0, 1.0, [90_000], 100_000), (0.5, 2.0, 1.0, [], 100_000),
        ] as [(Double, Double, Double, [Int64], Int64)])
    func quantiles(quantile: Double, slack: Double, minimum: Double, times: [Int64], expected: Int64) throws {
        let deadline = try AdaptiveDeadline([
            "quantile": .double(quantile), "slack": .double(slack), "minimum": .double(minimum),
        ])
        #expect(deadline.milliseconds(after: times, most: 100_000) == expected)
    }

    @Test(
        "wrong maps are refused",
        arguments: [
            (["quantile": 2], "adaptiveDeadline.quantile: found 2, expected a number from 0.0 to 1.0"),
            (["slack": 0.5], "adaptiveDeadline.slack: found 0.5, expected a number from 1.0 to 100.0"),
            (["minimum": 101], "adaptiveDeadline.minimum: found 101.0, expected at most the deadline (100.0)"),
            (["quantil": 1], "adaptiveDeadline: found the unknown key \"quantil\", expected quantile, slack, minimum"),
        ] as [(Settings, String)])
    func refused(settings: Settings, expected: String) {
        var job = EngineScript.job()
        job.adaptiveDeadline = settings
        #expect(job.problems.count == 1)
        #expect(job.problems.first?.hasPrefix(expected) == true, "\(job.problems)")
        job.adaptiveDeadline = [:]
        #expect(job.problems == [])
        job.privacy = ["mechanism": "central", "clipNorm": 1, "noiseMultiplier": 1, "delta": 1e-5]
        #expect(
            job.problems.contains { $0.hasPrefix("adaptiveDeadline: found one, expected none in a job with privacy") })
    }

    @Test(
        "the second round's deadline follows from the first's times, also after a restart; one tried again has the whole"
    )
    func rounds() {
        var job = EngineScript.job(minimum: 3, updates: 2, every: 0)
        job.adaptiveDeadline = ["quantile": 0.5, "slack": 2]
        var script = EngineScript(EngineSnapshot(specification: job, weightsDigest: "w"))
        for client in ["a", "b", "c"] { _ = script.send(.ready(client)) }
        #expect(script.run(.start, at: 1000).first { $0.hasPrefix("cohort") } == "cohort 0.0 a,b,c until 101000")
        _ = script.run(.update("a", 0), at: 5000)
        _ = script.run(.update("b", 0), at: 7000)
        let next = script.run(.update("c", 0), at: 9000)
        // 4, 6 and 8 seconds; twice the middle one.
        #expect(next.contains("cohort 1.0 a,b,c until 21000"), "\(next)")
        var again = EngineScript(
            EngineSnapshot(
                specification: job, weightsDigest: script.engine.weightsDigest, completedRounds: 1,
                history: script.engine.history))
        for client in ["c", "b", "a"] { _ = again.send(.ready(client)) }
        #expect(again.run(.start, at: 9000).contains("cohort 1.0 a,b,c until 21000"))
        #expect(script.run(.tick, at: 21_000).contains("cohort 1.1 a,b,c until 121000"))
    }
}
