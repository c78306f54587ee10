import Aggregation
import Federation
import Jobs
import Testing
import Weights

@Suite("Rules of a job")
struct AggregationRuleTests {
    @Test("what a job is refused for is what its rule declares", arguments: AggregationSettings.Rule.allCases)
    func declared(rule: AggregationSettings.Rule) throws {
        var maps: [Settings] = [["rule": .string(rule.rawValue)]]
        if rule == .fltrust { maps[0]["trusted"] = "site" }
        if [.krum, .multiKrum, .bulyan].contains(rule) {
            maps += [0, 3].map { ["rule": .string(rule.rawValue), "byzantine": .int($0)] }
        }
        if rule == .multiKrum { maps.append(["rule": "multi-krum", "byzantine": 2, "select": 30]) }
        if rule == .trimmedMean { maps += [0.05, 0.3, 0.49].map { ["rule": "trimmed-mean", "trim": .double($0)] } }
        for map in maps {
            let settings = try AggregationSettings(map)
            let job = JobSpecification(
                name: "job", model: ["name": "m"], data: "d", rounds: 1, aggregation: map)
            let made = try job.aggregationPipeline().rule
            #expect(made.name == rule.rawValue)
            #expect(made.minimumUpdates == settings.minimumUpdates)
            #expect(made.needsHistory == settings.needsHistory)
            #expect(made.tolerated(among: max(1, made.minimumUpdates)) < max(1, made.minimumUpdates))
        }
    }

    @Test("offences are counted, and the last one leaves the client out")
    func quarantine() throws {
        var job = EngineScript.job(rounds: 9, minimum: 2, perRound: 3, updates: 1, every: 0)
        job.limits.quarantineAfter = 2
        var script = EngineScript(EngineSnapshot(specification: job, weightsDigest: "w"))
        for client in ["a", "b", "c"] {
            _ = script.run(.clientReady(client: client, examples: ["train": 1], holding: []))
        }
        _ = script.run(.start)
        func round(_ number: Int, _ code: String) {
            _ = script.run(.refuse("c", number, code: code))
            _ = script.run(.update("a", number))
            _ = script.run(.update("b", number))
        }
        round(0, "norm")
        #expect(!script.engine.isQuarantined("c"))
        // A trainer that failed is nobody's ill will.
        round(1, "trainer")
        #expect(script.engine.offences == ["c": 1])
        let task = RoundTask(.train, round: 2, attempt: 0)
        let actions = script.engine.handle(
            .taskRefused(
                task: task, refusal: TaskRefusal(client: "c", code: "schema", reason: "odd"), isDeclined: false), at: 0)
        guard case .commitRefusal(_, let refusal, _) = try #require(actions.first) else {
            Issue.record("the refusal is not committed")
            return
        }
        #expect(refusal.reason == "odd; left out of further rounds after 2 refused updates")
        _ = script.run(.update("a", 2))
        _ = script.run(.update("b", 2))
        #expect(script.engine.progress?.cohort == ["a", "b"])
        // Not when it comes back either, nor after a restart.
        _ = script.run(.clientReady(client: "c", examples: ["train": 1], holding: []))
        _ = script.run(.update("a", 3))
        _ = script.run(.update("b", 3))
        #expect(script.engine.progress?.cohort == ["a", "b"])
        var again = EngineScript(
            EngineSnapshot(
                specification: job, weightsDigest: "w", status: JobStatus(.running), completedRounds: 4,
                offences: script.engine.offences))
        for client in ["a", "c"] { _ = again.run(.clientReady(client: client, examples: ["train": 1], holding: [])) }
        _ = again.run(.start)
        #expect(again.engine.progress?.phase == .selecting)
        #expect(again.engine.summary.contains("left out: c"))
    }

    @Test("a round's updates carry what they weigh")
    func weights() throws {
        var script = EngineScript(
            EngineSnapshot(specification: EngineScript.job(rounds: 1, every: 0), weightsDigest: "w"))
        for client in ["a", "b"] { _ = script.run(.clientReady(client: client, examples: ["train": 1], holding: [])) }
        for event in [RoundEvent.start, .cohortCommitted(round: 0, attempt: 0), .update("a", 0), .update("b", 0)] {
            _ = script.send(event)
        }
        let report = AggregationReport(
            contributions: [
                .init(clientID: "a", examples: 1, weight: 1), .init(clientID: "b", examples: 1, weight: 0),
            ],
            examples: 2, leftOut: [.init(clientID: "b", reason: "elsewhere")])
        let actions = script.engine.handle(
            .aggregated(round: 0, attempt: 0, weightsDigest: "x", report: report), at: 0)
        guard case .commitRound(let result) = try #require(actions.first) else {
            Issue.record("the round is not committed: \(actions)")
            return
        }
        #expect(result.admitted.map(\.weight) == [1, 0])
        #expect(result.admitted.map(\.leftOut) == [nil, "elsewhere"])
    }

    @Test("a job's own norm cap holds")
    func norm() throws {
        let job = JobSpecification(
            name: "rules", model: ["name": "echo"], data: "none", rounds: 1, limits: .init(maximumNorm: 5))
        let rules = AdmissionRules(job)
        try rules.check(Weights([(name: "a", shape: [2], values: [3, 4])]), examples: 1)
        let refusal = #expect(throws: AdmissionRefusal.self) {
            try rules.check(Weights([(name: "a", shape: [2], values: [3.1, 4])]), examples: 1)
        }
        #expect(refusal?.code == "norm")
    }
}
