import Federation
import Jobs
import Testing

@Suite("Round engine: what follows the rounds")
struct StudyTests {
    private static func job(_ change: (inout JobSpecification) -> Void) -> JobSpecification {
        var job = EngineScript.job(rounds: 1, minimum: 2, every: 0)
        change(&job)
        return job
    }

    /// An engine with two sites that evaluate too, after its one round; and what that gave.
    private func finished(
        _ job: JobSpecification, policy: RoundPolicy = RoundPolicy(settleMilliseconds: 0)
    ) -> (script: EngineScript, lines: [String]) {
        var script = EngineScript(EngineSnapshot(specification: job, weightsDigest: "w"), policy: policy)
        _ = script.run(.start)
        _ = script.run(.ready("a", test: true))
        _ = script.run(.ready("b", test: true))
        _ = script.run(.update("a", 0))
        let lines = script.run(.update("b", 0, examples: 20))
        return (script, lines)
    }

    private let last = "w/0(a:10,b:20)"

    @Test("each site's own model is evaluated by every site, and then the job is over")
    func crossSite() {
        var (script, lines) = finished(Self.job { $0.crossSite = .all })
        #expect(
            lines == [
                "aggregate 0.0 a,b", "round 0.0", "cohort 1.0 a,b until 100000", "offer train 1.0 a",
                "offer train 1.0 b",
            ])
        #expect(script.engine.progress == nil && script.engine.completedRounds == 1)
        #expect(script.engine.summary == "cross-site: 0 of 2 sites' own models, waits for a, b")
        #expect(script.run(.update("b", 1)) == [])
        #expect(
            script.run(.update("a", 1)) == [
                "own models 1 a,b", "make 0 \(last)", "study 1 global  by a,b until 50000", "offer evaluate 1.0 a",
                "offer evaluate 1.0 b", "make 1 \(last)/1(a:10)", "study 2 site a by a,b until 100000",
                "offer evaluate 2.0 a", "offer evaluate 2.0 b", "make 2 \(last)/1(b:10)",
                "study 3 site b by a,b until 150000", "offer evaluate 3.0 a", "offer evaluate 3.0 b",
            ])
        #expect(script.engine.standing(of: RoundTask(.train, round: 1, attempt: 0), client: "a") != .wanted)
        for round in 1...3 { _ = script.run(.report("a", round)) }
        #expect(script.engine.summary == "cross-site: 0 of 3 models evaluated, waits for b")
        #expect(script.run(.report("b", 2)) == ["evaluation 2 a,b"])
        #expect(script.engine.standing(of: RoundTask(.evaluate, round: 2, attempt: 0), client: "b") == .over)
        #expect(script.run(.report("b", 1)) == ["evaluation 1 a,b"])
        #expect(script.run(.report("b", 3)) == ["evaluation 3 a,b", "status finished"])
        #expect(script.engine.status.reason == "1 rounds completed")
    }

    @Test("a site that declines, and one that is late, have no model; who missed a deadline is not asked again")
    func withoutModels() {
        var (script, _) = finished(
            Self.job { $0.crossSite = .all }, policy: RoundPolicy(settleMilliseconds: 0, maximumOpenEvaluations: 1))
        _ = script.run(.evaluator("c"))
        _ = script.run(.refuse("a", 1, code: "cross-site", declined: true), at: 10)
        let lines = script.run(.tick, at: 100_000)
        #expect(
            lines == [
                "own models 1  without a:cross-site,b:deadline", "cancel train 1.0 b", "make 0 \(last)",
                "study 1 global  by a,b,c until 150000", "offer evaluate 1.0 a", "offer evaluate 1.0 b",
                "offer evaluate 1.0 c",
            ])
        _ = script.run(.report("a", 1), at: 100_001)
        #expect(
            script.run(.tick, at: 150_000) == [
                "evaluation 1 a without b:deadline,c:deadline", "cancel evaluate 1.0 b", "cancel evaluate 1.0 c",
                "status finished",
            ])

        (script, _) = finished(
            Self.job { $0.crossSite = .all }, policy: RoundPolicy(settleMilliseconds: 0, maximumOpenEvaluations: 1))
        _ = script.run(.update("a", 1))
        _ = script.run(.update("b", 1))
        _ = script.run(.evaluator("new"))
        _ = script.run(.report("a", 1), at: 1)
        let next = script.run(.tick, at: 50_000)
        #expect(next.contains("study 2 site a by a until 100000"), "b was late, and new came later: \(next)")
    }

    @Test("the coalitions of leave-one-out are folds of the last round; the largest and the empty one are there")
    func leaveOneOut() {
        var (script, lines) = finished(Self.job { $0.contributions = ContributionSettings(method: .loo) })
        #expect(
            lines.filter { !$0.hasPrefix("offer") } == [
                "aggregate 0.0 a,b", "round 0.0", "make 0 \(last)", "study 1 coalition a,b by a,b until 50000",
                "make 1 w",
                "study 2 coalition  by a,b until 100000", "make 2 w/0(b:20)", "study 3 coalition b by a,b until 150000",
                "make 3 w/0(a:10)", "study 4 coalition a by a,b until 200000",
            ])
        for round in 1...4 { for site in ["a", "b"] { lines = script.run(.report(site, round)) } }
        #expect(lines == ["evaluation 4 a,b", "status finished"])
    }

    @Test("a model that cannot be made has no evaluation, and a full disk holds the job")
    func trouble() {
        let (script, _) = finished(Self.job { $0.crossSite = .named(["b"]) })
        var engine = script.engine
        var actions = engine.handle(.update("b", 1), at: 0)
        #expect(actions.map { brief($0) } == ["own models 1 b"])
        actions = engine.handle(.ownModelsCommitted(round: 1), at: 0)
        #expect(actions.map { brief($0) } == ["make 0 \(last)"])
        actions = engine.handle(.modelHeld(number: 0, reason: "full"), at: 0)
        #expect(actions.map { brief($0) } == ["status paused"])
        #expect(engine.handle(.tick, at: 5).isEmpty)
        actions = engine.handle(.resume, at: 10)
        #expect(actions.map { brief($0) } == ["status running", "make 0 \(last)"])
        actions = engine.handle(.modelMade(number: 0, .made(digest: last)), at: 10)
        #expect(actions.map { brief($0) } == ["study 1 global  by b until 50010"])
        _ = engine.handle(.studyCommitted(round: 1), at: 10)
        actions = engine.handle(.modelMade(number: 1, .failed(reason: "no")), at: 10)
        #expect(actions.map { brief($0) } == ["study 2 site b by  until 10 failed: no"])
        #expect(engine.handle(.studyCommitted(round: 2), at: 10).isEmpty)
        actions = engine.handle(.report("b", 1), at: 10)
        #expect(actions.map { brief($0) } == ["evaluation 1 b"])
        actions = engine.handle(.evaluationCommitted(round: 1), at: 10)
        #expect(actions.map { brief($0) } == ["status finished"])
    }

    @Test("a restart goes on with the models that are not committed yet")
    func restart() {
        let job = Self.job { $0.crossSite = .all }
        let own = ["a", "b"].map { AdmittedUpdate(client: $0, statistics: TaskStatistics(examples: 10)) }
        var script = EngineScript(
            EngineSnapshot(
                specification: job, weightsDigest: "w", completedRounds: 1,
                known: ["a", "b"].map { .init(client: $0, examples: ["train": 10, "test": 5]) },
                study: ModelStudy(own: own, committed: 2, sites: ["a"])))
        #expect(script.run(.start) == ["make 2 w/1(b:10)", "study 3 site b by a until 50000"])
        #expect(script.run(.ready("a", test: true)) == ["offer evaluate 3.0 a"])
        #expect(script.run(.report("a", 3)) == ["evaluation 3 a", "status finished"])
    }
}
