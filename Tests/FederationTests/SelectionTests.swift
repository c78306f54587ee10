import Jobs
import Testing

@testable import Federation

/// Draws that are not uniform: how often each client is in a cohort, and on what that depends.
@Suite("Client selection")
struct SelectionTests {
    private let names = (0..<20).map { "c\($0 + 10)" }

    private func settings(_ name: SamplingSettings.Name, _ change: (inout SamplingSettings) -> Void = { _ in })
        -> SamplingSettings
    {
        var settings = SamplingSettings(name: name)
        change(&settings)
        return settings
    }

    private func draw(
        _ sampling: SamplingSettings, round: Int = 0, count: Int = 5, seed: UInt64 = 8, attempt: Int = 0,
        examples: (String) -> Int = { _ in 10 }, history: SelectionHistory = SelectionHistory(),
        candidates: [String]? = nil
    ) -> [String] {
        CohortSelection.draw(
            seed: seed, round: round, attempt: attempt, candidates: candidates ?? names, count: count,
            sampling: sampling, examples: examples, history: history)
    }

    private func known(_ entries: [String: (loss: Double, seconds: Double)]) -> SelectionHistory {
        var history = SelectionHistory()
        for (name, entry) in entries {
            history.entries[name, default: .init()].take(
                TaskStatistics(examples: 10, sums: ["loss": 10 * entry.loss]), round: 0,
                milliseconds: Int64(entry.seconds * 1000))
        }
        return history
    }

    @Test(
        "every method depends on seed, round and attempt, and not on the order of the candidates",
        arguments: SamplingSettings.Name.allCases)
    func keys(name: SamplingSettings.Name) {
        let sampling = settings(name)
        let first = draw(sampling)
        #expect(first == draw(sampling, candidates: names.reversed()))
        #expect(first == first.sorted())
        #expect(Set(first).isSubset(of: names))
        if name != .poisson { #expect(first.count == 5) }
        let others = [draw(sampling, round: 1), draw(sampling, attempt: 1), draw(sampling, seed: 9)]
        #expect(Set(others + [first]).count == (name == .fedmultimodal ? 3 : 4))
    }

    @Test(
        "all are taken when there are no more than wanted, but by Poisson sampling",
        arguments: SamplingSettings.Name.allCases)
    func few(name: SamplingSettings.Name) {
        let all = ["a", "b", "c"]
        var sampling = settings(name)
        #expect(draw(sampling, count: 3, candidates: all) == all)
        #expect(draw(sampling, count: 4, candidates: all) == all)
        #expect(draw(sampling, candidates: []) == [])
        sampling.population = 1_000_000
        #expect(draw(sampling, count: 3, candidates: all) == (name == .poisson ? [] : all))
    }

    @Test("by weight, one in two is drawn as often as the weights say")
    func weighted() {
        // Of the first two draws of weights 1, 2, 5: the last is missing with probability 1/8 · 2/7 + 2/8 · 1/6.
        let weights = ["a": 1, "b": 2, "c": 5]
        var missing = 0
        for round in 0..<8000 {
            let cohort = draw(
                settings(.weighted), round: round, count: 2, examples: { weights[$0] ?? 1 },
                candidates: ["a", "b", "c"])
            if !cohort.contains("c") { missing += 1 }
        }
        let expected = 1.0 / 8 * 2 / 7 + 2.0 / 8 * 1 / 6
        // 8000 draws: a standard deviation of 0.0029; four of them.
        #expect(abs(Double(missing) / 8000 - expected) < 0.0117)
    }

    @Test("by Poisson sampling, everybody by himself with one probability")
    func poisson() {
        var sizes: [Int] = []
        var both = 0
        for round in 0..<4000 {
            let cohort = draw(settings(.poisson) { $0.population = 40 }, round: round, count: 10)
            sizes.append(cohort.count)
            if cohort.contains("c10"), cohort.contains("c11") { both += 1 }
        }
        // 20 of the population of 40 are there, each with 1/4: mean 5, variance 20 · 1/4 · 3/4.
        let mean = Double(sizes.reduce(0, +)) / 4000
        let variance = sizes.reduce(0) { $0 + (Double($1) - mean) * (Double($1) - mean) } / 4000
        #expect(abs(mean - 5) < 0.13)
        #expect(abs(variance - 3.75) < 0.4)
        // Independent: 1/16 of 4000, standard deviation 15.
        #expect(abs(both - 250) < 62)
    }

    @Test("power of choice takes those never heard of, then the highest losses among the candidates")
    func powerOfChoice() {
        var losses: [String: (loss: Double, seconds: Double)] = [:]
        for (index, name) in names.enumerated() { losses[name] = (Double(index), 1) }
        let all = known(losses)
        let sampling = settings(.powerOfChoice) { $0.candidates = 20 }
        #expect(draw(sampling, history: all) == Array(names.suffix(5)))
        losses["c10"] = nil
        losses["c11"] = (.nan, 1)
        #expect(draw(sampling, history: known(losses)) == ["c10"] + names.suffix(4))
        // Of d candidates the highest: with d = 5 there is no choice.
        let narrow = settings(.powerOfChoice) { $0.candidates = 5 }
        #expect(draw(narrow, history: all) == draw(settings(.weighted), history: all))
        #expect(draw(settings(.powerOfChoice) { $0.candidates = 3 }, history: all).count == 5)
    }

    @Test("Oort explores less from round to round, and prefers loss and speed")
    func oort() {
        var entries: [String: (loss: Double, seconds: Double)] = [:]
        for name in names.prefix(10) { entries[name] = (1, 10) }
        func explored(_ round: Int) -> Int {
            draw(settings(.oort), round: round, count: 10, history: known(entries)).count { entries[$0] == nil }
        }
        #expect(explored(0) == 9)
        #expect(explored(200) == 2)
        // Half of the known are slow; of equal losses they are punished.
        for name in names { entries[name] = (1, 10) }
        for name in names.prefix(10) { entries[name] = (1, 40) }
        let greedy = settings(.oort) { ($0.exploration, $0.explorationMinimum) = (0, 0) }
        for round in 0..<20 {
            #expect(Set(draw(greedy, round: round, history: known(entries))).isSubset(of: names.suffix(10)))
        }
        for name in names.prefix(5) { entries[name] = (100, 10) }
        #expect(draw(greedy, history: known(entries)) == Array(names.prefix(5)))
    }

    @Test("Oort's utility by hand")
    func oortUtility() {
        let rule = OortSampling(settings: settings(.oort) { $0.preferredSeconds = 10 })
        let history = known(["a": (2, 5), "b": (1, 20)])
        // 20 and 10; the 95 % quantile of two is the larger. In the first round ln 1 = 0; 20 s are twice what is preferred.
        #expect(rule.utilities([history["a"], history["b"]], round: 0) == [20, 2.5])
        #expect(OortSampling.quantile([3, 1, 2], 0.5) == 2)
        #expect(OortSampling.quantile([], 0.5) == 0)
        let later = rule.utilities([history["a"]], round: 9)[0]
        #expect(abs(later - (20 + 20 * (0.1 * 2.302585092994046).squareRoot())) < 1e-9)
    }

    @Test("who was rarely there is drawn more often")
    func availability() {
        var history = SelectionHistory()
        for _ in 0..<9 { history.notePresent(["b"]) }
        var count = 0
        for round in 0..<4000 {
            if draw(settings(.availability), round: round, count: 1, history: history, candidates: ["a", "b"]) == ["a"]
            {
                count += 1
            }
        }
        // Weights 1 and 1/10: 10/11 of 4000 = 3636, standard deviation 18.
        #expect(abs(count - 3636) < 80)
    }

    @Test("every band of sizes gets its part of the places")
    func stratified() {
        let sizes = Dictionary(uniqueKeysWithValues: names.enumerated().map { ($1, 1 + $0 * $0) })
        for round in 0..<50 {
            let cohort = draw(settings(.stratified), round: round, count: 8, examples: { sizes[$0] ?? 0 })
            for band in 0..<4 {
                #expect(cohort.count { names[band * 5..<band * 5 + 5].contains($0) } == 2)
            }
        }
        #expect(StratifiedSampling.cut(Array(0..<7), into: 3) == [[0, 1, 2], [3, 4], [5, 6]])
        #expect(StratifiedSampling.seats([3, 2, 2], count: 4) == [2, 1, 1])
        #expect(StratifiedSampling.seats([3, 3, 1], count: 6) == [3, 2, 1])
        #expect(StratifiedSampling.seats([1, 1], count: 0) == [0, 0])
    }

    // MARK: In the engine

    private func job(_ sampling: Settings, perRound: Int = 2, minimumUpdates: Int = 1) -> JobSpecification {
        var job = EngineScript.job(rounds: 9, minimum: 2, perRound: perRound, updates: minimumUpdates, every: 0)
        job.clients.sampling = .init(sampling)
        return job
    }

    @Test(
        "an engine made from what is committed draws what the one before it would have",
        arguments: ["power-of-choice", "oort", "availability"])
    func restart(name: String) {
        var store = MemoryStore(specification: job(["name": .string(name)]))
        var engine = RoundEngine(resuming: store.snapshot, policy: RoundPolicy(settleMilliseconds: 0))
        let clients = ["a", "b", "c", "d", "e"]
        var cohorts: Set<[String]> = []
        func send(_ event: RoundEvent, at time: Int64) {
            var events = [event]
            while !events.isEmpty {
                for action in engine.handle(events.removeFirst(), at: time) {
                    if case .commitCohort(let record) = action {
                        // Another engine that knows nothing but what is committed before this draw.
                        var other = EngineScript(store.snapshot)
                        for client in clients { _ = other.send(.ready(client), at: time) }
                        let line = "cohort \(record.round).0 \(record.cohort.joined(separator: ","))"
                        #expect(other.send(.start, at: time).contains { $0.hasPrefix(line) }, "\(line)")
                        cohorts.insert(record.cohort)
                    }
                    store.perform(action, at: time)
                    if let answer = acknowledgement(action) { events.append(answer) }
                }
            }
        }
        for client in clients { send(.ready(client), at: 0) }
        send(.start, at: 0)
        for round in 0..<8 {
            for (index, client) in (store.cohort?.cohort ?? []).enumerated() {
                let time = Int64(round * 1000 + index * 100 + 50)
                let statistics = TaskStatistics(examples: 10, sums: ["loss": Double(client.utf8.first ?? 0)])
                store.updates[client] = statistics
                store.arrivals[client] = time
                send(.updateCommitted(client: client, round: round, attempt: 0, statistics: statistics), at: time)
            }
            #expect(store.history == engine.history)
        }
        #expect(store.results.count == 8)
        #expect(cohorts.count > 1)
    }

    @Test("a Poisson draw that is too small fails before a task is sent, and the next one is its own")
    func smallDraw() {
        // One of a million: practically nobody is drawn.
        var script = EngineScript(
            EngineSnapshot(
                specification: job(["name": "poisson", "population": 1_000_000_000]), weightsDigest: "w",
                status: JobStatus(.running)))
        _ = script.send(.ready("a"))
        _ = script.send(.ready("b"))
        let lines = script.run(.start)
        #expect(
            lines == [
                "cohort 0.0  until 100000", "failed 0.0", "cohort 0.1  until 100000", "failed 0.1",
                "cohort 0.2  until 100000", "failed 0.2", "status failed",
            ])
        #expect(
            script.engine.status.reason
                == "round 0 failed 3 times, last: the draw gave 0 clients, at least 1 are needed")
    }
}
