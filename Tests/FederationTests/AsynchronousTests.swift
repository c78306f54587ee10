import Federation
import Jobs
import Testing

@Suite("Asynchronous jobs")
struct AsynchronousTests {
    /// One change of a job.
    struct Change: Sendable {
        let apply: @Sendable (inout JobSpecification) -> Void

        init(_ apply: @escaping @Sendable (inout JobSpecification) -> Void) { self.apply = apply }
    }

    static func job(
        rounds: Int = 3, minimum: Int = 3, attempts: Int = 3, every: Int = 0,
        _ settings: Settings = ["buffer": 2, "concurrency": 3]
    ) -> JobSpecification {
        var job = EngineScript.job(rounds: rounds, minimum: minimum, attempts: attempts, every: every)
        job.asynchronous = settings
        return job
    }

    /// After the first draw.
    private func begun(_ job: JobSpecification, clients: [String] = ["a", "b", "c"]) -> EngineScript {
        var script = EngineScript(EngineSnapshot(specification: job, weightsDigest: "w"))
        for client in clients { _ = script.send(.ready(client)) }
        _ = script.run(.start)
        return script
    }

    @Test("versions are made of the updates that come first, and whoever is done starts from the newest")
    func versions() {
        var script = EngineScript(EngineSnapshot(specification: Self.job(), weightsDigest: "w"))
        for client in ["c", "a"] { _ = script.send(.ready(client)) }
        #expect(script.run(.start) == [])
        #expect(
            script.run(.ready("b"), at: 5) == [
                "cohort 0.0 a,b,c until 100005", "offer train 0.0 a", "offer train 0.0 b", "offer train 0.0 c",
            ])
        #expect(script.run(.update("b", 0), at: 10) == [])
        #expect(script.engine.standing(of: .init(.train, round: 0, attempt: 0), client: "b") == .committed)
        #expect(script.engine.summary == "version 1: 1 of 2 updates, 2 clients train")
        #expect(
            script.run(.update("a", 0), at: 20) == [
                "aggregate 0.0 a,b", "round 0.0", "cohort 1.0 a,b until 100020", "offer train 1.0 a",
                "offer train 1.0 b",
            ])
        // The slowest is one version behind, and still welcome.
        #expect(script.engine.standing(of: .init(.train, round: 0, attempt: 0), client: "c") == .wanted)
        #expect(script.run(.update("b", 1), at: 30) == [])
        let actions = script.engine.handle(.update("c", 0), at: 31)
        guard case .aggregate(let order)? = actions.first else {
            Issue.record("\(actions)")
            return
        }
        #expect(order.updates.map(\.client) == ["b", "c"])
        #expect(order.updates.map(\.startedFrom) == [1, 0])
        #expect(order.updates.map { script.engine.discount(of: $0, in: 1) } == [1, 0.5.squareRoot()])
        #expect(order.weightsDigest == script.engine.weightsDigest)
        // What comes while the version is made is of the next.
        #expect(script.send(.update("a", 1), at: 32) == [])
        _ = script.run(.aggregated(round: 1, attempt: 0, weightsDigest: "x"), at: 33)
        #expect(script.engine.completedRounds == 2)
        #expect(script.engine.buffer?.updates.keys.sorted() == ["a"])
        #expect(script.engine.buffer?.asked.keys.sorted() == ["b", "c"])
        #expect(
            script.run(.update("c", 2), at: 40) == [
                "aggregate 2.0 a,c", "round 2.0", "cancel train 2.0 b", "status finished",
            ])
    }

    @Test("whoever is done or lost for the version is replaced at once")
    func replaced() throws {
        var script = begun(Self.job(minimum: 2), clients: ["a", "b", "c", "d", "e"])
        let asked = try #require(script.engine.buffer?.inOrder.map(\.client))
        let idle = ["a", "b", "c", "d", "e"].filter { !asked.contains($0) }
        #expect((asked.count, idle.count) == (3, 2))
        let second = script.run(.update(asked[0], 0), at: 10)
        let drawn = try #require(script.engine.buffer?.inOrder.first { $0.attempt == 1 })
        #expect(idle.contains(drawn.client) && drawn.startedAt == 10 && drawn.weightsDigest == "w")
        #expect(second == ["cohort 0.1 \(drawn.client) until 100010", "offer train 0.1 \(drawn.client)"])
        let last = try #require(idle.first { $0 != drawn.client })
        #expect(
            script.run(.refuse(asked[1], 0), at: 11) == [
                "refuse train 0.0 \(asked[1]):trainer", "cohort 0.2 \(last) until 100011", "offer train 0.2 \(last)",
            ])
        #expect(
            script.engine.standing(of: .init(.train, round: 0, attempt: 0), client: asked[1])
                == .refused(code: "trainer", reason: "because"))
        // A revoked client is nobody's place; the one that was refused does not come in again while others are at work.
        #expect(script.run(.clientRevoked(client: last), at: 12) == ["refuse train 0.2 \(last):revoked"])
    }

    @Test("a task has a deadline of its own; too many that come to nothing end the job")
    func deadlines() {
        var script = begun(Self.job(attempts: 1, ["buffer": 2, "concurrency": 3]))
        _ = script.run(.update("b", 0), at: 10)
        #expect(script.engine.nextDeadline == 100_000)
        #expect(
            script.run(.tick, at: 100_000) == [
                "refuse train 0.0 a:deadline", "cancel train 0.0 a", "refuse train 0.0 c:deadline",
                "cancel train 0.0 c",
                "cohort 0.1 a,c until 200000", "offer train 0.1 a", "offer train 0.1 c",
            ])
        #expect(
            script.run(.refuse("a", 0, 1), at: 100_001) == [
                "refuse train 0.1 a:trainer", "status failed", "cancel train 0.1 c",
            ])
        #expect(
            script.engine.status.reason.hasPrefix("version 1: 3 tasks without an update, 1 of 2 updates, a: because"))
    }

    @Test("what would be older than the limit is refused with the reason")
    func stale() {
        var script = begun(Self.job(["buffer": 2, "concurrency": 3, "maximumStaleness": 0]))
        _ = script.run(.update("a", 0), at: 10)
        #expect(
            script.run(.update("b", 0), at: 20) == [
                "aggregate 0.0 a,b", "round 0.0", "refuse train 0.0 c:stale", "cancel train 0.0 c",
                "cohort 1.0 a,b until 100020", "offer train 1.0 a", "offer train 1.0 b",
                // Its place is free again, and it starts from the newest weights.
                "cohort 1.1 c until 100020", "offer train 1.1 c",
            ])
        #expect(script.engine.standing(of: .init(.train, round: 0, attempt: 0), client: "c") == .over)
    }

    @Test("an engine made from what is durable goes on with the same tasks and updates")
    func restart() throws {
        let job = Self.job(every: 3)
        var script = begun(job)
        _ = script.run(.update("a", 0), at: 10)
        _ = script.run(.update("b", 0), at: 20)
        _ = script.run(.update("b", 1), at: 30)
        var again = EngineScript(
            EngineSnapshot(
                specification: job, weightsDigest: script.engine.weightsDigest, completedRounds: 1,
                buffer: script.engine.buffer))
        for client in ["c", "b", "a"] { _ = again.send(.ready(client)) }
        #expect(again.run(.start, at: 31) == ["offer train 1.0 a", "offer train 0.0 c"])
        #expect(again.run(.update("c", 0), at: 40) == script.run(.update("c", 0), at: 40))
        #expect(again.engine.buffer == script.engine.buffer)
        #expect(again.engine.weightsDigest == script.engine.weightsDigest)
        // A pause moves the deadlines of all tasks.
        _ = again.run(.pause(reason: "x"), at: 50)
        #expect(again.run(.resume, at: 60).filter { $0.hasPrefix("deadline") }.count == 3)
    }

    @Test("the discount is the published one")
    func discounts() throws {
        let polynomial = try AsynchronousSettings(["buffer": 1, "concurrency": 1])
        #expect([0, 1, 3, 8].map(polynomial.discount) == [1, 0.5.squareRoot(), 0.5, 1 / 3.0])
        let constant = try AsynchronousSettings(["buffer": 1, "concurrency": 1, "staleness": "constant"])
        #expect(constant.discount(staleness: 7) == 1)
        let steep = try AsynchronousSettings(["buffer": 1, "concurrency": 1, "exponent": 2])
        #expect(steep.discount(staleness: 1) == 0.25)
    }

    @Test(
        "what does not go together is refused with the reason",
        arguments: [
            ("asynchronous.buffer: found 4, expected at most", Change { $0.asynchronous?["buffer"] = 4 }),
            ("asynchronous.concurrency: found nothing", Change { $0.asynchronous?["concurrency"] = nil }),
            ("asynchronous.staleness: found \"linear\"", Change { $0.asynchronous?["staleness"] = "linear" }),
            ("asynchronous: found the unknown key \"bufer\"", Change { $0.asynchronous?["bufer"] = 2 }),
            ("strategy: found scaffold, expected fedavg", Change { $0.strategy = ["name": "scaffold", "clients": 9] }),
            ("aggregation: found median, expected mean or", Change { $0.aggregation = ["rule": "median"] }),
            ("attack: found one, expected none", Change { $0.attack = ["kind": "sign-flip", "share": 0.2] }),
            ("encoding: found f16, expected f32", Change { $0.encoding = ["name": "f16"] }),
            ("latest: found 1 tensors", Change { $0.latest = ["x"] }),
            ("clients.sampling: found oort", Change { $0.clients.sampling = .init(["name": "oort"]) }),
            ("clients: found perRound, minimumUpdates or targetUpdates", Change { $0.clients.targetUpdates = 3 }),
            ("adaptiveDeadline: found one, expected none", Change { $0.adaptiveDeadline = [:] }),
            (
                "privacy: found a mechanism, expected none",
                Change {
                    $0.privacy = ["mechanism": "record", "clipNorm": 1, "noiseMultiplier": 1, "delta": 1e-5]
                }
            ),
        ] as [(String, Change)])
    func refused(expected: String, change: Change) {
        var job = Self.job()
        #expect(job.problems == [])
        change.apply(&job)
        #expect(job.problems.contains { $0.hasPrefix(expected) }, "\(job.problems)")
    }
}
