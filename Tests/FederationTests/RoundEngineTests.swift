import Federation
import Jobs
import Testing

@Suite("Round engine: transitions")
struct RoundEngineTests {
    @Test("a job from start to end, step by step")
    func wholeJob() {
        var script = EngineScript(
            EngineSnapshot(specification: EngineScript.job(), weightsDigest: "w", status: JobStatus(.queued)))
        let table: [(RoundEvent, Int64, [String])] = [
            (.ready("b"), 0, []),
            (.start, 0, ["status running"]),
            (.statusCommitted(JobStatus(.running)), 0, []),
            (.evaluator("e"), 1, []),
            (.ready("a"), 2, ["cohort 0.0 a,b until 100002"]),
            (.tick, 3, []),
            (.cohortCommitted(round: 0, attempt: 0), 3, ["offer train 0.0 a", "offer train 0.0 b"]),
            (.update("b", 0), 4, []),
            (.update("a", 0), 5, ["aggregate 0.0 a,b"]),
            (.aggregated(round: 0, attempt: 0, weightsDigest: "w1"), 6, ["round 0.0 evaluated by e"]),
            (.roundCommitted(round: 0), 6, ["offer evaluate 0.0 e", "cohort 1.0 a,b until 100006"]),
            (.cohortCommitted(round: 1, attempt: 0), 7, ["offer train 1.0 a", "offer train 1.0 b"]),
            (.update("a", 1), 8, []),
            (.report("e", 0), 9, ["evaluation 0 e"]),
            (.update("b", 1), 9, ["aggregate 1.0 a,b"]),
            (.evaluationCommitted(round: 0), 9, []),
            (.aggregated(round: 1, attempt: 0, weightsDigest: "w2"), 10, ["round 1.0 evaluated by e"]),
            (.roundCommitted(round: 1), 10, ["offer evaluate 1.0 e"]),
            (.tick, 11, []),
            (.report("e", 1), 12, ["evaluation 1 e"]),
            (.evaluationCommitted(round: 1), 12, ["status finished"]),
            (.statusCommitted(JobStatus(.finished, reason: "2 rounds completed")), 12, []),
            (.stop(reason: "late"), 13, []),
        ]
        for (row, (event, time, expected)) in table.enumerated() {
            #expect(script.send(event, at: time) == expected, "row \(row): \(event)")
        }
        #expect(script.engine.isEnded)
        #expect(script.engine.weightsDigest == "w2")
        #expect(script.engine.completedRounds == 2)
    }

    private func training(
        _ job: JobSpecification, clients: [String], policy: RoundPolicy = RoundPolicy(settleMilliseconds: 0)
    ) -> EngineScript {
        var script = EngineScript(EngineSnapshot(specification: job, weightsDigest: "w"), policy: policy)
        for client in clients { _ = script.send(.ready(client)) }
        _ = script.run(.start)
        return script
    }

    @Test("a round takes what is there at the deadline, when it is enough")
    func deadlineWithEnough() {
        var script = training(EngineScript.job(minimum: 3, updates: 2), clients: ["a", "b", "c"])
        #expect(script.engine.nextDeadline == 100_000)
        #expect(script.send(.update("c", 0), at: 5) == [])
        #expect(script.send(.update("a", 0), at: 6) == [])
        #expect(script.send(.tick, at: 99_999) == [])
        #expect(script.send(.tick, at: 100_000) == ["aggregate 0.0 a,c"])
        // What comes now is too late.
        let late = RoundTask(.train, round: 0, attempt: 0)
        #expect(script.engine.standing(of: late, client: "b") == .over)
        #expect(script.send(.update("b", 0), at: 100_001) == [])
        #expect(
            script.send(.aggregated(round: 0, attempt: 0, weightsDigest: "x"), at: 100_002)
                == ["round 0.0 without b:deadline"])
        #expect(
            script.send(.roundCommitted(round: 0), at: 100_002)
                == ["cancel train 0.0 b", "cohort 1.0 a,b,c until 200002"])
    }

    @Test("a round with a target is over when so many updates are in, and the rest of its cohort is told so")
    func target() {
        var job = EngineScript.job(minimum: 4, perRound: 4, updates: 1)
        job.clients.targetUpdates = 2
        var script = training(job, clients: ["a", "b", "c", "d"])
        #expect(script.send(.update("c", 0), at: 5) == [])
        #expect(script.send(.refuse("a", 0), at: 6) == ["refuse train 0.0 a:trainer"])
        #expect(script.send(.update("d", 0), at: 7) == ["aggregate 0.0 c,d"])
        // What comes now is not needed.
        let surplus = RoundTask(.train, round: 0, attempt: 0)
        #expect(script.engine.standing(of: surplus, client: "b") == .over)
        #expect(
            script.send(.aggregated(round: 0, attempt: 0, weightsDigest: "x"), at: 8)
                == ["round 0.0 without a:trainer,b:surplus"])
        #expect(
            script.send(.roundCommitted(round: 0), at: 8)
                == ["cancel train 0.0 b", "cohort 1.0 a,b,c,d until 100008"])
        _ = script.run(.cohortCommitted(round: 1, attempt: 0), at: 8)
        // At the deadline the minimum is enough, as without a target.
        _ = script.send(.update("a", 1), at: 9)
        #expect(script.send(.tick, at: 100_008) == ["aggregate 1.0 a"])
        // A failed aggregation is nobody's fault but, past the deadline, that of those who did not answer.
        #expect(
            script.send(.aggregationFailed(round: 1, attempt: 0, reason: "x"), at: 100_009)
                == ["failed 1.0 without b:deadline,c:deadline,d:deadline"])
    }

    @Test("results that became durable together all count, also past the target and at the deadline")
    func together() {
        var job = EngineScript.job(minimum: 4, perRound: 4, updates: 1)
        job.clients.targetUpdates = 2
        var script = training(job, clients: ["a", "b", "c", "d"])
        #expect(
            script.send(.together([.update("d", 0), .update("a", 0), .update("c", 0)]), at: 5)
                == ["aggregate 0.0 a,c,d"])
        script = training(EngineScript.job(minimum: 2, updates: 1), clients: ["a", "b"])
        #expect(
            script.send(.together([.update("b", 0), .update("a", 0)]), at: 100_000) == ["aggregate 0.0 a,b"])
    }

    @Test("an aggregation that fails with its target reached blames nobody")
    func targetAndFailure() {
        var job = EngineScript.job(minimum: 3, perRound: 3, updates: 1)
        job.clients.targetUpdates = 1
        var script = training(job, clients: ["a", "b", "c"])
        #expect(script.send(.update("b", 0), at: 5) == ["aggregate 0.0 b"])
        #expect(script.send(.aggregationFailed(round: 0, attempt: 0, reason: "x"), at: 6) == ["failed 0.0"])
    }

    @Test(
        "updates that are refused in the aggregation fail the attempt, count as offences and are left out of the next")
    func refusedInTheAggregation() {
        var job = EngineScript.job(minimum: 2, perRound: 3, updates: 2)
        job.limits.quarantineAfter = 1
        var script = training(job, clients: ["a", "b", "c"])
        _ = script.send(.together([.update("a", 0), .update("b", 0), .update("c", 0)]), at: 5)
        let refusals = [
            TaskRefusal(client: "b", code: AdmissionRules.maskedNorm, reason: "too long"),
            // Not in the sum: that says nothing.
            TaskRefusal(client: "z", code: AdmissionRules.maskedNorm, reason: "too long"),
        ]
        #expect(
            script.run(.aggregationFailed(round: 0, attempt: 0, reason: "x", refusals: refusals), at: 6) == [
                "refuse train 0.0 b:masked-norm", "failed 0.0 without b:masked-norm", "cohort 0.1 a,c until 100006",
                "offer train 0.1 a", "offer train 0.1 c",
            ])
        #expect(script.engine.isQuarantined("b") && !script.engine.isQuarantined("z"))
        let suspect = TaskRefusal(client: "a", code: AdmissionRules.maskedNormSuspect, reason: "one of two")
        _ = script.send(.together([.update("a", 0, 1), .update("c", 0, 1)]), at: 7)
        _ = script.run(.aggregationFailed(round: 0, attempt: 1, reason: "x", refusals: [suspect]), at: 8)
        #expect(!script.engine.isQuarantined("a"))
    }

    @Test("a round that misses its minimum at the deadline is tried again, then the job fails")
    func attempts() {
        var script = training(EngineScript.job(minimum: 2, attempts: 2), clients: ["a", "b"])
        _ = script.send(.update("a", 0), at: 5)
        #expect(
            script.run(.tick, at: 100_000) == [
                "failed 0.0 without b:deadline", "cancel train 0.0 b", "cohort 0.1 a,b until 200000",
                "offer train 0.1 a", "offer train 0.1 b",
            ])
        // The update of the failed attempt does not count for the next one.
        #expect(script.engine.progress?.admitted == [])
        #expect(
            script.run(.tick, at: 200_000) == [
                "failed 0.1 without a:deadline,b:deadline", "cancel train 0.1 a", "cancel train 0.1 b", "status failed",
            ])
        #expect(script.engine.isEnded)
        #expect(
            script.engine.status.reason == "round 0 failed 2 times, last: 0 of at least 2 updates at the deadline")
    }

    @Test("a round that cannot succeed any more fails at once, without blaming who still works")
    func impossible() {
        var script = training(EngineScript.job(minimum: 3), clients: ["a", "b", "c"])
        #expect(
            script.run(.refuse("b", 0), at: 5) == [
                "refuse train 0.0 b:trainer", "failed 0.0 without b:trainer", "cancel train 0.0 a",
                "cancel train 0.0 c",
                "cohort 0.1 a,b,c until 100005", "offer train 0.1 a", "offer train 0.1 b", "offer train 0.1 c",
            ])
    }

    @Test("refusals that leave enough are recorded and the round goes on")
    func refusals() {
        var script = training(EngineScript.job(minimum: 3, updates: 1), clients: ["a", "b", "c"])
        #expect(script.send(.refuse("b", 0, code: "non-finite")) == ["refuse train 0.0 b:non-finite"])
        #expect(script.send(.refuse("b", 0, code: "again")) == [])
        #expect(script.send(.update("b", 0)) == [])
        #expect(
            script.engine.standing(of: RoundTask(.train, round: 0, attempt: 0), client: "b")
                == .refused(code: "non-finite", reason: "because"))
        #expect(script.send(.update("c", 0)) == [])
        #expect(script.send(.update("c", 0, examples: 99)) == [])
        #expect(
            script.send(.refuse("a", 0, code: "operator", declined: true))
                == ["refuse train 0.0 a:operator declined", "aggregate 0.0 c"])
        #expect(
            script.send(.aggregated(round: 0, attempt: 0, weightsDigest: "x"))
                == ["round 0.0 without a:operator,b:non-finite"])
    }

    @Test("who declined is left out of the job, who failed out of the round, both only while others make a quorum")
    func exclusions() {
        var script = training(
            EngineScript.job(rounds: 9, minimum: 2, perRound: 4, updates: 2), clients: ["a", "b", "c", "d"])
        _ = script.run(.refuse("a", 0, declined: true))
        _ = script.run(.refuse("b", 0))
        let second = script.run(.refuse("c", 0))
        // a declined, b and c failed in this round: d alone is no quorum, so b and c come back in, a does not.
        #expect(second.contains("cohort 0.1 b,c,d until 100000"))
        for client in ["b", "c", "d"] { _ = script.run(.update(client, 0, 1)) }
        #expect(script.engine.progress?.cohort == ["b", "c", "d"])
        _ = script.run(.refuse("b", 1, declined: true))
        _ = script.run(.refuse("c", 1, declined: true))
        // Only d never declined: everybody is asked again.
        #expect(script.engine.progress?.attempt == 1)
        #expect(script.engine.progress?.cohort == ["a", "b", "c", "d"])
    }

    @Test("a client that is lost keeps its place and is offered its task again")
    func reconnect() {
        var script = training(EngineScript.job(), clients: ["a", "b"])
        let task = RoundTask(.train, round: 0, attempt: 0)
        #expect(script.send(.clientLost(client: "a"), at: 5) == [])
        #expect(script.send(.ready("a"), at: 6) == ["offer train 0.0 a"])
        #expect(script.send(.ready("a", holding: [task]), at: 7) == [])
        #expect(
            script.send(.ready("a", holding: [RoundTask(.train, round: 0, attempt: 3)]), at: 7)
                == ["cancel train 0.3 a", "offer train 0.0 a"])
        #expect(script.send(.update("a", 0), at: 8) == [])
        #expect(script.send(.ready("a", holding: [task]), at: 9) == [])
        #expect(script.engine.standing(of: task, client: "a") == .committed)
        #expect(script.engine.standing(of: task, client: "b") == .wanted)
        #expect(script.engine.standing(of: task, client: "z") == .notAsked)
        #expect(script.engine.standing(of: RoundTask(.train, round: 1, attempt: 0), client: "a") == .notAsked)
    }

    @Test("a quorum counts participants with training data only")
    func quorum() {
        var script = EngineScript(
            EngineSnapshot(
                specification: EngineScript.job(minimum: 2, participants: ["a", "b", "e"]), weightsDigest: "w"))
        _ = script.run(.start)
        #expect(script.send(.ready("a")) == [])
        #expect(script.send(.ready("stranger")) == [])
        #expect(script.send(.evaluator("e")) == [])
        #expect(script.send(.clientReady(client: "b", examples: [:], holding: [])) == [])
        #expect(script.engine.summary == "round 0: waits for 1 more client, 1 of 2 ready")
        #expect(script.send(.ready("b")) == ["cohort 0.0 a,b until 100000"])
    }

    @Test("who came before the start is offered what the open round and evaluations want")
    func openTasksAtTheStart() {
        let snapshot = EngineSnapshot(
            specification: EngineScript.job(rounds: 3), weightsDigest: "w1", completedRounds: 1,
            current: .init(
                cohort: CohortRecord(round: 1, attempt: 0, cohort: ["a", "b"], startedAt: 0, deadline: 100_000),
                updates: ["b": TaskStatistics(examples: 10)]),
            evaluations: [
                .init(
                    record: EvaluationRecord(
                        round: 0, attempt: 0, weightsDigest: "w1", evaluators: ["a", "e"], deadline: 50_000))
            ])
        var script = EngineScript(snapshot)
        for event in [RoundEvent.ready("a", test: true), .ready("b"), .evaluator("e")] {
            #expect(script.send(event) == [])
        }
        #expect(
            script.send(.start) == ["offer train 1.0 a", "offer evaluate 0.0 a", "offer evaluate 0.0 e"])
    }

    @Test("a draw waits for a client that was lost a moment ago, but not for long")
    func settling() {
        var script = training(
            EngineScript.job(rounds: 5, minimum: 2, perRound: 3, updates: 2), clients: ["a", "b", "c"],
            policy: RoundPolicy(settleMilliseconds: 15_000))
        for client in ["a", "b"] { _ = script.run(.update(client, 0), at: 1000) }
        _ = script.run(.clientLost(client: "b"), at: 1500)
        _ = script.run(.update("c", 0), at: 2000)
        #expect(script.engine.progress?.phase == .selecting)
        #expect(script.engine.nextDeadline == 16_500)
        #expect(script.engine.summary == "round 1: waits a moment for b to come back")
        _ = script.run(.clientLost(client: "c"), at: 2500)
        _ = script.run(.ready("c"), at: 2600)
        var patient = script
        #expect(patient.send(.ready("b"), at: 3000) == ["cohort 1.0 a,b,c until 103000"])
        #expect(script.send(.tick, at: 16_499) == [])
        #expect(script.send(.tick, at: 16_500) == ["cohort 1.0 a,c until 116500"])
    }

    @Test("the next deadline lies where all that are waited for have had their time")
    func settlingOfTwo() {
        var script = training(
            EngineScript.job(rounds: 5, minimum: 1, perRound: 4, updates: 1), clients: ["a", "b", "c"],
            policy: RoundPolicy(settleMilliseconds: 15_000))
        _ = script.run(.clientLost(client: "b"), at: 1000)
        _ = script.run(.clientLost(client: "c"), at: 90_000)
        for client in ["a", "b", "c"] { _ = script.run(.update(client, 0), at: 95_000) }
        #expect(script.engine.nextDeadline == 105_000)
        #expect(script.send(.tick, at: 105_000) == ["cohort 1.0 a until 205000"])
    }

    @Test("the first draw waits for the participants that the job names")
    func namedParticipants() {
        var script = EngineScript(
            EngineSnapshot(
                specification: EngineScript.job(minimum: 1, perRound: 3, updates: 1, participants: ["a", "b", "c"]),
                weightsDigest: "w"),
            policy: RoundPolicy(settleMilliseconds: 15_000))
        _ = script.run(.start, at: 1000)
        #expect(script.run(.ready("c"), at: 2000) == [])
        #expect(script.run(.ready("a"), at: 3000) == [])
        #expect(script.engine.nextDeadline == 16_000)
        var complete = script
        #expect(complete.send(.ready("b"), at: 4000) == ["cohort 0.0 a,b,c until 104000"])
        #expect(script.send(.tick, at: 16_000) == ["cohort 0.0 a,c until 116000"])
    }

    @Test("revocation takes the client's open tasks, not what it gave before")
    func revocation() {
        var script = training(EngineScript.job(minimum: 3, updates: 2), clients: ["a", "b", "c"])
        _ = script.send(.update("a", 0))
        #expect(script.send(.clientRevoked(client: "a")) == [])
        #expect(script.send(.clientRevoked(client: "b")) == ["refuse train 0.0 b:revoked"])
        #expect(script.send(.update("c", 0)) == ["aggregate 0.0 a,c"])
        _ = script.send(.aggregated(round: 0, attempt: 0, weightsDigest: "x"))
        #expect(script.send(.roundCommitted(round: 0)) == [])
        #expect(script.engine.summary == "round 1: waits for 2 more clients, 1 of 3 ready")
    }

    @Test("a client that is revoked before its cohort is durable gives its place up")
    func revocationDuringCommit() {
        var script = EngineScript(EngineSnapshot(specification: EngineScript.job(), weightsDigest: "w"))
        _ = script.run(.start)
        _ = script.send(.ready("a"))
        #expect(script.send(.ready("b")) == ["cohort 0.0 a,b until 100000"])
        #expect(script.send(.clientRevoked(client: "b")) == [])
        #expect(
            script.send(.cohortCommitted(round: 0, attempt: 0)) == [
                "refuse train 0.0 b:revoked", "offer train 0.0 a", "failed 0.0 without b:revoked",
            ])
    }

    @Test("a failed aggregation is a failed attempt")
    func aggregationFails() {
        var script = training(EngineScript.job(minimum: 1), clients: ["a"])
        #expect(script.send(.update("a", 0)) == ["aggregate 0.0 a"])
        #expect(
            script.run(.aggregationFailed(round: 0, attempt: 0, reason: "not finite")) == [
                "failed 0.0", "cohort 0.1 a until 100000", "offer train 0.1 a",
            ])
        #expect(script.engine.summary.contains("round 0"))
    }

    @Test("a held aggregation pauses the job and is asked for again")
    func aggregationHeld() {
        var script = training(EngineScript.job(minimum: 1), clients: ["a"])
        _ = script.send(.update("a", 0), at: 10)
        #expect(
            script.send(.aggregationHeld(round: 0, attempt: 0, reason: "disk full"), at: 20) == ["status paused"])
        #expect(script.engine.summary == "disk full")
        #expect(script.send(.tick, at: 900_000) == [])
        #expect(script.send(.resume, at: 900_001) == ["status running", "aggregate 0.0 a"])
    }

    @Test("a pause keeps what comes, starts nothing and stops the clocks")
    func pause() {
        var script = training(EngineScript.job(minimum: 2), clients: ["a", "b"])
        #expect(script.send(.pause(reason: "lunch"), at: 10_000) == ["status paused"])
        #expect(script.send(.pause(reason: "again"), at: 10_001) == [])
        #expect(script.engine.nextDeadline == nil)
        #expect(script.send(.ready("a"), at: 11_000) == [])
        #expect(script.send(.update("a", 0), at: 12_000) == [])
        #expect(script.send(.update("b", 0), at: 13_000) == [])
        #expect(script.send(.tick, at: 500_000) == [])
        #expect(
            script.send(.resume, at: 510_000)
                == ["deadline train 0.0 600000", "status running", "aggregate 0.0 a,b"])
        #expect(script.send(.resume, at: 510_001) == [])
    }

    @Test("stop ends the job at once and cancels its tasks")
    func stop() {
        var script = training(EngineScript.job(minimum: 2), clients: ["a", "b"])
        _ = script.send(.update("a", 0))
        #expect(script.send(.stop(reason: "enough")) == ["status stopped"])
        #expect(script.send(.update("b", 0)) == [])
        #expect(script.engine.standing(of: RoundTask(.train, round: 0, attempt: 0), client: "b") == .over)
        #expect(
            script.send(.statusCommitted(JobStatus(.stopped, reason: "enough"))) == ["cancel train 0.0 b"])
        #expect(script.engine.isEnded)
    }

    @Test("failing from outside ends the job with its reason")
    func failFromOutside() {
        var script = training(EngineScript.job(), clients: ["a", "b"])
        #expect(
            script.run(.fail(reason: "no blob")) == ["status failed", "cancel train 0.0 a", "cancel train 0.0 b"])
        #expect(script.engine.status == JobStatus(.failed, reason: "no blob"))
    }

    @Test("late and foreign acknowledgements change nothing")
    func strayEvents() {
        var script = training(EngineScript.job(), clients: ["a", "b"])
        let stray: [RoundEvent] = [
            .cohortCommitted(round: 0, attempt: 0), .cohortCommitted(round: 4, attempt: 0),
            .attemptFailureCommitted(round: 0, attempt: 0), .roundCommitted(round: 0), .evaluationCommitted(round: 0),
            .aggregated(round: 0, attempt: 0, weightsDigest: "x"), .update("z", 0), .update("a", 7),
            .update("a", 0, 1), .refuse("z", 0), .refuse("a", 0, kind: .evaluate), .report("a", 0),
            .clientLost(client: "z"),
            .clientRevoked(client: "z"), .start, .resume, .statusCommitted(JobStatus(.stopped)),
            .aggregationFailed(round: 0, attempt: 0, reason: "x"),
            .aggregationHeld(round: 0, attempt: 0, reason: "x"),
        ]
        for event in stray { #expect(script.send(event) == [], "\(event)") }
        #expect(script.engine.progress?.phase == .training)
    }
}
