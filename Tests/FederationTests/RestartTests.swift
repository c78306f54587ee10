import Federation
import Jobs
import Testing

@Suite("Round engine: restarts")
struct RestartTests {
    /// The first line that differs, as it is and as it should be; empty when nothing does.
    static func difference(_ world: World, _ calm: World) -> [String] {
        let (found, expected) = (world.outcome, calm.outcome)
        guard found != expected else { return [] }
        let index = zip(found, expected).enumerated().first { $1.0 != $1.1 }?.offset ?? min(found.count, expected.count)
        return [found, expected].map { $0.indices.contains(index) ? $0[index] : "nothing" }
    }

    @Test(
        "a crash at any single step changes neither cohorts nor updates nor weights", arguments: 0..<24 as Range<UInt64>
    )
    func anySingleStep(seed: UInt64) {
        var calm = World(seed: seed)
        calm.run()
        #expect(calm.store.status.state.isFinal || calm.store.cohort == nil, "\(calm.log.suffix(5))")
        for step in 1...calm.steps {
            var world = World(seed: seed, crashes: [step])
            world.run()
            let changed = Self.difference(world, calm)
            #expect(changed == [], "seed \(seed), crash at step \(step)")
            guard changed.isEmpty else { return }
        }
    }

    @Test("nor do many crashes in a row", arguments: 0..<24 as Range<UInt64>)
    func manySteps(seed: UInt64) {
        var calm = World(seed: seed)
        calm.run()
        for stride in [2, 3, 7, 19] {
            // After a restart at least two clients must get a word in before the next crash, or nothing ever moves.
            var world = World(seed: seed, crashes: Set(Swift.stride(from: stride, to: 4000, by: stride + 40)))
            world.run()
            #expect(Self.difference(world, calm) == [], "seed \(seed), stride \(stride)")
        }
    }

    @Test("the worlds above see every kind of end and of trouble")
    func coverage() {
        var states: Set<JobState> = []
        var codes: Set<String> = []
        var retries = 0
        var studied: Set<StudiedModel.Kind> = []
        for seed in 0..<24 as Range<UInt64> {
            var world = World(seed: seed)
            world.run()
            states.insert(world.store.status.state)
            codes.formUnion(world.store.results.flatMap(\.refusals).map(\.code))
            codes.formUnion(world.store.failures.flatMap(\.refusals).map(\.code))
            retries += world.store.failures.count
            studied.formUnion(world.store.studied.map(\.model.kind))
        }
        #expect(states.contains(.finished))
        #expect(codes.isSuperset(of: ["trainer", "deadline", "surplus", "no"]))
        #expect(retries > 0)
        #expect(studied == [.global, .site, .coalition])
    }

    private func snapshot(_ change: (inout EngineSnapshot) -> Void) -> EngineScript {
        var snapshot = EngineSnapshot(
            specification: EngineScript.job(attempts: 2), weightsDigest: "w",
            current: .init(
                cohort: CohortRecord(round: 0, attempt: 0, cohort: ["a", "b"], startedAt: 0, deadline: 100_000)))
        change(&snapshot)
        return EngineScript(snapshot)
    }

    @Test("downtime extends the deadline, and the extension is committed")
    func downtime() {
        var script = snapshot { $0.lastAlive = 40_000 }
        #expect(script.send(.start, at: 240_000) == ["deadline train 0.0 300000"])
        #expect(script.send(.ready("b"), at: 240_001) == ["offer train 0.0 b"])
        #expect(script.engine.nextDeadline == 300_000)
    }

    @Test("a cohort whose updates are all in is aggregated without any client")
    func complete() {
        var script = snapshot {
            $0.current?.updates = ["a": TaskStatistics(examples: 1), "b": TaskStatistics(examples: 2)]
            $0.known = [.init(client: "e", examples: ["test": 3])]
        }
        #expect(
            script.run(.start, at: 5) == [
                "aggregate 0.0 a,b", "round 0.0 evaluated by e",
            ])
        // The evaluator is known from before and gets its task when it is back.
        #expect(script.run(.evaluator("e"), at: 6) == ["offer evaluate 0.0 e"])
    }

    @Test("a round whose target was reached before the restart is aggregated without the rest of its cohort")
    func targetReached() {
        var script = snapshot {
            $0.specification.clients = .init(minimum: 2, perRound: 2, minimumUpdates: 1, targetUpdates: 1)
            $0.current?.updates = ["b": TaskStatistics(examples: 2)]
        }
        #expect(script.run(.start, at: 5) == ["aggregate 0.0 b", "round 0.0 without a:surplus"])
    }

    @Test("an open evaluation goes on with its reports")
    func evaluation() {
        var script = snapshot {
            $0.completedRounds = 2
            $0.current = nil
            $0.lastAlive = 30_000
            $0.evaluations = [
                .init(
                    record: EvaluationRecord(
                        round: 1, attempt: 0, weightsDigest: "w", evaluators: ["a", "e", "f"], deadline: 50_000),
                    reports: ["a": TaskStatistics(examples: 1)],
                    refused: [TaskRefusal(client: "f", code: "x", reason: "x")])
            ]
        }
        #expect(script.run(.start, at: 130_000) == ["deadline evaluate 1.0 150000"])
        #expect(script.run(.evaluator("e"), at: 130_000) == ["offer evaluate 1.0 e"])
        #expect(script.run(.report("e", 1), at: 131_000) == ["evaluation 1 a,e without f:x", "status finished"])
    }

    @Test("a paused job stays paused; its clock started standing still when it was paused")
    func paused() {
        var script = snapshot {
            $0.status = JobStatus(.paused, reason: "lunch")
            $0.pausedAt = 60_000
            $0.lastAlive = 90_000
        }
        #expect(script.send(.start, at: 500_000) == [])
        #expect(script.send(.ready("a"), at: 500_001) == [])
        #expect(
            script.send(.resume, at: 560_000) == ["deadline train 0.0 600000", "status running", "offer train 0.0 a"])
    }

    @Test("a job whose attempts are used up fails at once")
    func attemptsUsedUp() {
        var script = snapshot {
            $0.current = nil
            $0.failedAttempts = 2
            $0.lastFailure = "0 of at least 2 updates"
        }
        #expect(script.run(.start) == ["status failed"])
        #expect(script.engine.status.reason == "round 0 failed 2 times, last: 0 of at least 2 updates")
    }

    @Test("an ended job does nothing", arguments: [JobState.finished, .failed, .stopped])
    func ended(state: JobState) {
        var script = snapshot { $0.status = JobStatus(state) }
        #expect(script.run(.start) == [])
        #expect(script.run(.ready("a")) == [])
        #expect(script.engine.isEnded)
    }
}
