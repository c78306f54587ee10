import Federation
import Jobs
import Testing

@Suite("Cohorts and queues")
struct CohortSelectionTests {
    private let names = (0..<20).map { "client-\($0)" }

    @Test("a cohort depends on who may be chosen, not on their order")
    func order() {
        let first = CohortSelection.draw(seed: 8, round: 3, attempt: 0, candidates: names, count: 6)
        #expect(first == CohortSelection.draw(seed: 8, round: 3, attempt: 0, candidates: names.reversed(), count: 6))
        #expect(Set(first).count == 6)
        #expect(first == first.sorted())
    }

    @Test("seed, round and attempt each change it")
    func keys() {
        func draw(_ seed: UInt64, _ round: Int, _ attempt: Int) -> [String] {
            CohortSelection.draw(seed: seed, round: round, attempt: attempt, candidates: names, count: 6)
        }
        #expect(Set([draw(8, 3, 0), draw(9, 3, 0), draw(8, 4, 0), draw(8, 3, 1)]).count == 4)
    }

    @Test("everybody is chosen when there are too few")
    func few() {
        #expect(CohortSelection.draw(seed: 1, round: 0, attempt: 0, candidates: ["b", "a"], count: 5) == ["a", "b"])
        #expect(CohortSelection.draw(seed: 1, round: 0, attempt: 0, candidates: ["b", "a"], count: 0) == [])
        #expect(CohortSelection.draw(seed: 1, round: 0, attempt: 0, candidates: [String](), count: 2) == [])
    }

    @Test("every client has the same chance")
    func uniform() {
        var counts: [String: Int] = [:]
        for round in 0..<4000 {
            for name in CohortSelection.draw(seed: 5, round: round, attempt: 0, candidates: names, count: 5) {
                counts[name, default: 0] += 1
            }
        }
        // 4000 draws of 5 in 20: mean 1000, standard deviation 27; five of them.
        for name in names { #expect(abs(counts[name, default: 0] - 1000) < 137, "\(name)") }
    }

    @Test("the queue runs jobs in order of submission, as many as allowed")
    func scheduler() {
        var scheduler = JobScheduler(maximumRunning: 2)
        for (sequence, job) in ["a", "b", "c", "d"].enumerated() { scheduler.enqueue(job, sequence: sequence) }
        #expect(scheduler.startNext() == ["a", "b"])
        #expect(scheduler.startNext() == [])
        #expect(scheduler.waitsFor("a") == nil)
        #expect(scheduler.waitsFor("c") == "waits for one of 2 running jobs to end or pause, next in the queue")
        #expect(
            scheduler.waitsFor("d") == "waits for one of 2 running jobs to end or pause, 1 ahead of it in the queue")
        scheduler.hold("a", sequence: 0)
        #expect(scheduler.startNext() == ["c"])
        scheduler.enqueue("a", sequence: 0)
        #expect(scheduler.queue == ["a", "d"])
        scheduler.remove("b")
        #expect(scheduler.startNext() == ["a"])
        scheduler.enqueue("a", sequence: 0)
        #expect(scheduler.isRunning("a"))
        #expect(scheduler.queue == ["d"])
    }

    @Test("jobs that ran before a restart run on, even when fewer are allowed now")
    func adoption() {
        var scheduler = JobScheduler(maximumRunning: 1)
        scheduler.adopt("a", sequence: 0)
        scheduler.adopt("b", sequence: 1)
        scheduler.enqueue("c", sequence: 2)
        #expect(scheduler.runningCount == 2)
        #expect(scheduler.startNext() == [])
        scheduler.remove("a")
        #expect(scheduler.startNext() == [])
        scheduler.remove("b")
        #expect(scheduler.startNext() == ["c"])
    }

    @Test("the benchmark's cohorts of 105 clients")
    func fedmultimodal() {
        // Names whose order is that of their numbers.
        let names = (0..<105).map { "c\($0 + 100)" }
        func cohort(_ round: Int) -> Set<Int> {
            Set(
                CohortSelection.draw(
                    seed: 8, round: round, attempt: 0, candidates: names, count: 10, sampling: .fedmultimodal
                ).compactMap { Int($0.dropFirst()).map { $0 - 100 } })
        }
        #expect(cohort(0) == [26, 61, 2, 62, 85, 48, 16, 100, 56, 45])
        #expect(cohort(1) == [65, 35, 42, 93, 38, 39, 54, 86, 31, 77])
        #expect(cohort(199) == [80, 92, 29, 31, 52, 44, 38, 25, 21, 99])
    }
}
