import Federation
import Jobs
import Testing

/// Attempts that end for a reason from outside, such as an exchange of secure aggregation.
@Suite struct AbortedAttemptTests {
    private func training(_ job: JobSpecification) -> EngineScript {
        var script = EngineScript(EngineSnapshot(specification: job, weightsDigest: "initial"))
        _ = script.run(.start)
        for client in ["a", "b", "c"] { _ = script.run(.ready(client)) }
        return script
    }

    @Test("an aborted attempt fails with its reason and blames only who was refused")
    func aborted() {
        var script = training(EngineScript.job(minimum: 3, updates: 1, attempts: 2))
        _ = script.send(.update("a", 0), at: 3)
        #expect(
            script.run(.together([.refuse("b", 0), .attemptAborted(round: 0, attempt: 0, reason: "too few")]), at: 5)
                == [
                    "refuse train 0.0 b:trainer", "failed 0.0 without b:trainer", "cancel train 0.0 c",
                    "cohort 0.1 a,b,c until 100005", "offer train 0.1 a", "offer train 0.1 b", "offer train 0.1 c",
                ])
        // What is said of an attempt that is over, or is yet to come, means nothing.
        for event in [
            RoundEvent.attemptAborted(round: 0, attempt: 0, reason: "x"),
            .attemptAborted(round: 0, attempt: 2, reason: "x"), .attemptAborted(round: 1, attempt: 0, reason: "x"),
        ] { #expect(script.send(event, at: 6) == []) }
        #expect(
            script.run(.attemptAborted(round: 0, attempt: 1, reason: "too few again"), at: 7).last == "status failed")
        #expect(script.engine.status.reason == "round 0 failed 2 times, last: too few again")
    }

    @Test("with the start of a restarted engine no task of the aborted attempt is offered")
    func restarted() {
        let job = EngineScript.job(minimum: 3, updates: 1)
        let cohort = CohortRecord(round: 0, attempt: 0, cohort: ["a", "b", "c"], startedAt: 0, deadline: 100_000)
        // Everybody's update is in: without the exchange it is worth nothing.
        let updates = Dictionary(uniqueKeysWithValues: ["a", "b", "c"].map { ($0, TaskStatistics(examples: 10)) })
        var script = EngineScript(
            EngineSnapshot(
                specification: job, weightsDigest: "initial", current: .init(cohort: cohort, updates: updates)))
        for client in ["a", "b", "c"] { _ = script.send(.ready(client)) }
        #expect(
            script.run(.together([.attemptAborted(round: 0, attempt: 0, reason: "restarted"), .start]), at: 5) == [
                "failed 0.0", "cohort 0.1 a,b,c until 100005", "offer train 0.1 a", "offer train 0.1 b",
                "offer train 0.1 c",
            ])
    }
}
