import Federation
import Jobs
import Testing

@Suite("Round engine: evaluation")
struct RoundEvaluationTests {
    private func started(_ job: JobSpecification, policy: RoundPolicy = RoundPolicy(settleMilliseconds: 0))
        -> EngineScript
    {
        var script = EngineScript(EngineSnapshot(specification: job, weightsDigest: "w"), policy: policy)
        _ = script.run(.start)
        _ = script.run(.evaluator("e"))
        _ = script.run(.ready("a", test: true))
        return script
    }

    @Test("runs after every n-th round and after the last")
    func cadence() {
        var script = started(EngineScript.job(rounds: 5, minimum: 1, every: 2))
        var evaluated: [String] = []
        for round in 0..<5 {
            evaluated += script.run(.update("a", round)).filter { $0.hasPrefix("offer evaluate") }
        }
        #expect(
            evaluated == ["1.0 a", "1.0 e", "3.0 a", "3.0 e", "4.0 a", "4.0 e"].map { "offer evaluate \($0)" })
    }

    @Test("is for those who do not train where figures are withheld, and for everybody where the job asks for them")
    func withheld() {
        for (figures, evaluators) in [(nil, ["e"]), (.clear, ["a", "e"])] as [(ReportedFigures?, [String])] {
            var job = EngineScript.job(rounds: 1, minimum: 1)
            job.secureAggregation = ["bits": 16]
            job.reportFigures = figures
            var script = started(job)
            let offers = script.run(.update("a", 0)).filter { $0.hasPrefix("offer evaluate") }
            #expect(offers == evaluators.map { "offer evaluate 0.0 \($0)" })
        }
    }

    @Test("never runs when a job wants none")
    func none() {
        var script = started(EngineScript.job(rounds: 1, minimum: 1, every: 0))
        #expect(script.run(.update("a", 0)) == ["aggregate 0.0 a", "round 0.0", "status finished"])
    }

    @Test("its deadline closes it with what is there")
    func deadline() {
        var script = started(EngineScript.job(rounds: 1, minimum: 1))
        _ = script.run(.update("a", 0), at: 1000)
        #expect(script.engine.nextDeadline == 51_000)
        #expect(script.engine.openEvaluations == [0])
        #expect(script.engine.summary == "waits for the last evaluation by a, e")
        #expect(script.run(.report("a", 0), at: 2000) == [])
        #expect(
            script.engine.standing(of: RoundTask(.evaluate, round: 0, attempt: 0), client: "a") == .committed)
        #expect(
            script.run(.tick, at: 51_000)
                == ["evaluation 0 a without e:deadline", "cancel evaluate 0.0 e", "status finished"])
    }

    @Test("refusals resolve it, and the metrics come from the sums")
    func refusals() {
        var script = started(EngineScript.job(rounds: 1, minimum: 1))
        _ = script.run(.update("a", 0))
        #expect(script.send(.refuse("e", 0, kind: .evaluate)) == ["refuse evaluate 0.0 e:trainer"])
        let actions = script.engine.handle(.report("a", 0), at: 3)
        guard case .commitEvaluation(let result) = actions.first else {
            Issue.record("expected an evaluation, found \(actions)")
            return
        }
        #expect(result.totals == TaskStatistics(examples: 5, sums: ["loss": 2.5], confusion: [[3, 0], [1, 1]]))
        #expect(result.metrics["loss"] == 0.5)
        #expect(result.metrics["accuracy"] == 0.8)
        #expect(result.refusals.map(\.client) == ["e"])
    }

    @Test("asks a client that was lost for less than the evaluation's deadline, and offers when it is back")
    func lostEvaluator() {
        var script = started(EngineScript.job(rounds: 3, minimum: 1))
        _ = script.run(.clientLost(client: "e"), at: 1000)
        #expect(
            script.run(.update("a", 0), at: 50_999) == [
                "aggregate 0.0 a", "round 0.0 evaluated by a,e", "offer evaluate 0.0 a",
                "cohort 1.0 a until 150999", "offer train 1.0 a",
            ])
        #expect(script.run(.evaluator("e"), at: 60_000) == ["offer evaluate 0.0 e"])
        _ = script.run(.clientLost(client: "e"), at: 61_000)
        #expect(script.run(.update("a", 1), at: 111_000).contains("round 1.0 evaluated by a"))
    }

    @Test("rounds wait when too many evaluations are open")
    func backlog() {
        var script = started(
            EngineScript.job(rounds: 9, minimum: 1),
            policy: RoundPolicy(settleMilliseconds: 0, maximumOpenEvaluations: 2))
        _ = script.run(.update("a", 0), at: 10)
        _ = script.run(.update("a", 1), at: 20)
        #expect(script.engine.openEvaluations == [0, 1])
        #expect(script.engine.summary == "round 2: waits for the evaluation of round 0")
        #expect(script.engine.nextDeadline == 50_010)
        _ = script.run(.report("a", 0), at: 30)
        #expect(
            script.run(.report("e", 0), at: 30) == [
                "evaluation 0 a,e", "cohort 2.0 a until 100030", "offer train 2.0 a",
            ])
    }

    @Test("a pause stops its clock")
    func pause() {
        var script = started(EngineScript.job(rounds: 1, minimum: 1))
        _ = script.run(.update("a", 0), at: 1000)
        _ = script.run(.pause(reason: "p"), at: 2000)
        #expect(script.run(.tick, at: 90_000) == [])
        #expect(
            script.run(.resume, at: 102_000) == [
                "deadline evaluate 0.0 151000", "status running", "offer evaluate 0.0 a", "offer evaluate 0.0 e",
            ])
    }

    @Test("revoking the last evaluator closes it")
    func revocation() {
        var script = started(EngineScript.job(rounds: 1, minimum: 1))
        _ = script.run(.update("a", 0))
        _ = script.run(.report("a", 0))
        #expect(
            script.run(.clientRevoked(client: "e"))
                == ["refuse evaluate 0.0 e:revoked", "evaluation 0 a without e:revoked", "status finished"])
    }
}
