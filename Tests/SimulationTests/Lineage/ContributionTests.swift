import Datasets
import Foundation
import Jobs
import Randomness
import Synchronization
import TestSupport
import Testing
import Weights

@testable import Simulation

/// Leave-one-out and Shapley values: known games, and small federations.
@Suite struct ContributionTests {
    /// Three players: the first alone is worth 6, the others only together 3, and all 12.
    private func game(budget: Int = 100) -> CoalitionGame {
        CoalitionGame(players: 3, budget: budget) { coalitions in
            coalitions.map { coalition in
                let members = Set(coalition)
                if members.count == 3 { return 12 }
                return (members.contains(0) ? 6 : 0) + (members.isSuperset(of: [1, 2]) ? 3 : 0)
            }
        }
    }

    @Test func leaveOneOutOfAKnownGame() throws {
        var game = game()
        let scores = try #require(try ContributionScores.leaveOneOut(&game))
        #expect(scores.values == [9, 6, 6])
        #expect(scores.everyone == 12 && scores.nobody == 0 && game.evaluations == 5)
        var poor = self.game(budget: 4)
        #expect(try ContributionScores.leaveOneOut(&poor) == nil && poor.evaluations == 0)
    }

    /// By hand over all six orders: the first has (6 · 4 + 9 · 2) / 6 = 7, the others share the remaining 5.
    @Test func shapleyValuesOfAKnownGame() throws {
        var game = game()
        let stream = RandomStream(seed: 8, purpose: "contributions")
        let scores = try #require(
            try ContributionScores.shapley(&game, permutations: 20_000, tolerance: 0, stream: stream))
        #expect(game.evaluations == 8, "every coalition once")
        let errors = try #require(scores.standardErrors)
        for (value, (expected, error)) in zip(scores.values, zip([7, 2.5, 2.5], errors)) {
            #expect(error > 0 && error < 0.05)
            #expect(abs(value - expected) < 4 * error)
        }
        #expect(abs(scores.values.reduce(0, +) - 12) < 1e-9)
    }

    @Test func truncationSparesEvaluationsAndTheBudgetEndsAtAWholeOrder() throws {
        let stream = RandomStream(seed: 8, purpose: "contributions")
        var counted = 0
        /// Worth 1 as soon as anybody is there.
        func flat(budget: Int) -> CoalitionGame {
            CoalitionGame(players: 10, budget: budget) { coalitions in
                counted += coalitions.count
                return coalitions.map { $0.isEmpty ? 0 : 1 }
            }
        }
        var game = flat(budget: 1000)
        let scores = try #require(
            try ContributionScores.shapley(&game, permutations: 30, tolerance: 0.01, stream: stream))
        #expect(scores.permutations == 30 && game.evaluations <= 12 && counted == game.evaluations)
        #expect(abs(scores.values.reduce(0, +) - 1) < 1e-12)
        var poor = flat(budget: 20)
        let few = try #require(try ContributionScores.shapley(&poor, permutations: 30, tolerance: 0, stream: stream))
        #expect((1...2).contains(few.permutations ?? 0) && poor.evaluations <= 20)
        #expect((few.standardErrors == nil) == (few.permutations == 1))
        var none = flat(budget: 5)
        #expect(try ContributionScores.shapley(&none, permutations: 30, tolerance: 0, stream: stream) == nil)
    }

    private func run(
        _ folder: TemporaryFolder, _ name: String, _ settings: ContributionSettings, data: SimulationData? = nil,
        workers: Int = 1, resumes: Bool = false, change: (inout JobSpecification) -> Void = { _ in },
        stop: @escaping @Sendable () -> Bool = { false }
    ) throws -> (run: SimulationRun, outcome: SimulationRun.Outcome) {
        try FileManager.default.createDirectory(atPath: folder.file(name), withIntermediateDirectories: true)
        let job = SimulationRunTests.job {
            $0.clients = .init(minimum: 3)
            change(&$0)
        }
        let run = try SimulationRun(
            job, data: data ?? SimulationRunTests.data(),
            options: .init(
                output: folder.file(name), workers: workers, resumes: resumes, checkpointSeconds: 0,
                contributions: settings),
            stop: stop)
        return (run, try run.run())
    }

    @Test("Values sum to the utility of all minus that of none, which are those of the rounds", arguments: [1, 2])
    func efficiency(workers: Int) throws {
        let folder = try TemporaryFolder()
        let settings = ContributionSettings(method: .shapley, every: 1, permutations: 5)
        let (run, _) = try run(folder, "run", settings, workers: workers)
        let rounds = try run.contributions()
        #expect(rounds.map(\.round) == [0, 1, 2])
        let lines = try SimulationStudy.lines(of: folder.file("run/metrics.jsonl")).filter { $0.split == "test" }
        for round in rounds {
            #expect(round.clients.map(\.name) == ["site-1", "site-2", "site-3"] && round.permutations == 5)
            #expect(abs(round.clients.reduce(0) { $0 + $1.score } - (round.everyone - round.nobody)) < 1e-12)
            #expect(round.everyone == lines[round.round].metrics["macroF1"])
            if round.round > 0 { #expect(round.nobody == rounds[round.round - 1].everyone) }
            #expect(round.clients.allSatisfy { ($0.weight ?? 0) > 0 && $0.standardError != nil })
        }
    }

    /// The same bits for one and two workers, after an interruption in the middle of a round's scores, and without scores.
    @Test(arguments: [ContributionSettings.Method.loo, .shapley])
    func workersAndInterruptionsDoNotMatter(method: ContributionSettings.Method) throws {
        let folder = try TemporaryFolder()
        let settings = ContributionSettings(method: method, permutations: 3)
        let one = try run(folder, "one", settings)
        let two = try run(folder, "two", settings, workers: 2)
        #expect(try one.run.contributions() == two.run.contributions())
        #expect(one.outcome.digest == two.outcome.digest)
        // How often it is asked whether to stop: near the end for every coalition of the last round.
        let all = Mutex(0)
        _ = try run(
            folder, "counted", settings,
            stop: {
                all.withLock { $0 += 1 }
                return false
            })
        let last = all.withLock { $0 } - 4
        let asked = Mutex(0)
        // A run holds its folder as long as it lives.
        let isComplete = try run(
            folder, "parts", settings,
            stop: {
                asked.withLock {
                    $0 += 1
                    return $0 > last
                }
            }
        ).outcome.isComplete
        #expect(!isComplete)
        func rest() throws -> (digest: String, scores: [RoundContributions]) {
            let (run, outcome) = try run(folder, "parts", settings, workers: 2, resumes: true)
            return (outcome.digest, try run.contributions())
        }
        let resumed = try rest()
        #expect(resumed.digest == one.outcome.digest)
        #expect(try resumed.scores == one.run.contributions())
        let other = ContributionSettings(method: method, permutations: 4)
        let late = try run(folder, "parts", other, resumes: true).run
        let error = try #require(throws: SimulationError.self) { try late.contributions() }
        #expect(error.code == .checkpoint && error.message.contains("round-2.json"))
    }

    /// Two clients with the same rows whose batches are whole epochs send the same update: both are spared as easily.
    @Test func aDuplicateIsSparedAsEasilyAsItsTwin() throws {
        let folder = try TemporaryFolder()
        var data = try SimulationRunTests.data()
        data.clients = [
            VirtualClient(name: "a", rows: data.clients[0].rows), VirtualClient(name: "b", rows: data.clients[1].rows),
            VirtualClient(name: "twin", rows: data.clients[0].rows),
        ]
        func scores(_ name: String, _ clients: [VirtualClient]) throws -> [String: Double] {
            var own = data
            own.clients = clients
            let (run, _) = try run(folder, name, .init(method: .loo), data: own) {
                $0.clients = .init(minimum: clients.count)
                $0.training = ["epochs": 3, "batchSize": 1000, "learningRate": 0.5]
            }
            return Dictionary(
                uniqueKeysWithValues: try #require(try run.contributions().last).clients.map { ($0.name, $0.score) })
        }
        let three = try scores("three", data.clients)
        #expect(abs(try #require(three["a"]) - (try #require(three["twin"]))) < 1e-9)
        // Where all are copies of one, nobody is missed.
        let copies = ["x", "y", "z"].map { VirtualClient(name: $0, rows: data.clients[0].rows) }
        #expect(try scores("copies", copies).values.allSatisfy { abs($0) < 1e-9 })
    }

    /// Krum refuses small cohorts: these coalitions change nothing, and the run goes on.
    @Test func coalitionsThatTheRuleRefusesAreWorthNothing() throws {
        let folder = try TemporaryFolder()
        let (run, _) = try run(folder, "run", .init(method: .loo)) {
            $0.aggregation = ["rule": "krum", "byzantine": 0]
        }
        let round = try #require(try run.contributions().last)
        #expect(round.refused == 3, "Krum needs three updates")
        #expect(round.clients.allSatisfy { $0.score == round.everyone - round.nobody })
    }

    @Test func whatCannotBeScoredIsRefused() throws {
        let folder = try TemporaryFolder()
        let loo = ContributionSettings(method: .loo)
        #expect(throws: SimulationError.self) {
            try run(folder, "a", loo) {
                $0.privacy = [
                    "mechanism": "local", "clipNorm": 1, "noiseMultiplier": 4, "delta": 1e-3, "accountant": "rdp",
                ]
            }
        }
        #expect(throws: SimulationError.self) { try run(folder, "b", .init(method: .shapley, permutations: 0)) }
        let error = try #require(throws: SimulationError.self) {
            try run(folder, "c", .init(method: .loo, budget: 3))
        }
        #expect(error.message.contains("expected at least 5"))
    }
}
