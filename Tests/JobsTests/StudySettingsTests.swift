import Foundation
import Jobs
import Testing

/// `crossSite` and `contributions` of a job.
@Suite struct StudySettingsTests {
    private static func job(_ change: (inout JobSpecification) -> Void) -> JobSpecification {
        var job = JobSpecification(
            name: "job", model: ["name": "m"], data: "d", rounds: 3, clients: .init(minimum: 3),
            crossSite: .all, contributions: ContributionSettings(method: .loo))
        change(&job)
        return job
    }

    private func read(_ keys: String) throws -> JobSpecification {
        let text = #"{"name": "a", "model": {"name": "m"}, "data": "d", "rounds": 1, \#(keys)}"#
        return try JobSpecification(json: Data(text.utf8))
    }

    @Test func theForms() throws {
        #expect(try read(#""crossSite": true"#).crossSite == .all)
        #expect(try read(#""crossSite": 7"#).crossSite == .first(7))
        #expect(try read(#""crossSite": ["b", "a"]"#).crossSite == .named(["b", "a"]))
        #expect(try read(#""contributions": "loo""#).contributions == ContributionSettings(method: .loo))
        #expect(
            try read(#""contributions": {"method": "shapley", "permutations": 7}"#).contributions
                == ContributionSettings(method: .shapley, permutations: 7))
        for selection in [CrossSiteSelection.all, .named(["a"]), .first(2)] {
            let job = Self.job { $0.crossSite = selection }
            #expect(try JobSpecification(json: job.canonicalJSON()) == job)
        }
        let plain = Self.job { ($0.crossSite, $0.contributions) = (nil, nil) }
        #expect(!String(decoding: try plain.canonicalJSON(), as: UTF8.self).contains("crossSite"))
    }

    @Test(
        "What is wrong is refused with its key",
        arguments: [
            (#""crossSite": false"#, "crossSite"), (#""crossSite": 0"#, "crossSite: found 0"),
            (#""crossSite": ["a", "a"]"#, "crossSite: found 2 names, 1"),
            (#""crossSite": []"#, "crossSite: found 0 names"),
            (#""contributions": "loop""#, "expected loo or shapley"),
            (#""contributions": {"method": "loo", "budget": 2}"#, "contributions.budget: found 2"),
            (#""contributions": {"method": "shapley", "permutations": 0}"#, "contributions.permutations: found 0"),
        ])
    func wrong(keys: String, message: String) throws {
        let error = try #require(throws: JobsError.self) { try read(keys) }
        #expect(error.message.contains(message), "\(error.message)")
    }

    @Test("What daemons do not do is refused with the reason; a simulation may")
    func federation() throws {
        #expect(Self.job { _ in }.federationProblems == [])
        let cases: [((inout JobSpecification) -> Void, [String])] = [
            (
                { $0.secureAggregation = ["range": 1] },
                ["crossSite: found a job with secureAggregation", "contributions: found a job with secureAggregation"]
            ),
            (
                { $0.asynchronous = ["buffer": 2, "concurrency": 3] },
                ["crossSite: found an asynchronous job", "contributions: found an asynchronous job"]
            ),
            ({ $0.strategy = ["name": "fedper", "personal": ["x"]] }, ["crossSite: found the strategy fedper"]),
            ({ $0.strategy = ["name": "ditto"] }, ["crossSite: found the strategy ditto"]),
            ({ $0.crossSite = .first(201) }, ["crossSite: found 201 sites, expected at most 200"]),
            ({ $0.contributions?.every = 2 }, ["contributions.every: found 2"]),
            ({ $0.contributions?.tolerance = 0.1 }, ["contributions.tolerance: found 0.1"]),
            (
                { $0.contributions?.budget = 4 },
                ["contributions.budget: found 4, expected at least clients.perRound + 2 (5)"]
            ),
        ]
        for (change, messages) in cases {
            let found = Self.job(change).federationProblems
            #expect(found.count == messages.count, "\(found)")
            for (text, message) in zip(found, messages) { #expect(text.hasPrefix(message), "\(text)") }
        }
        for mechanism in ["central", "ftrl", "local", "record", "distributed"] {
            let found = Self.job { $0.privacy = ["mechanism": .string(mechanism)] }.federationProblems
            #expect(found.count == 2 && found.allSatisfy { $0.contains("a job with privacy (\(mechanism))") })
        }
    }

    @Test func coalitionsAreThoseThatTheScoresAskFor() throws {
        #expect(
            ContributionSettings(method: .loo).coalitions(players: 3, seed: 1, round: 0)
                == [[0, 1, 2], [], [1, 2], [0, 2], [0, 1]])
        #expect(ContributionSettings(method: .loo, budget: 4).coalitions(players: 3, seed: 1, round: 0) == [])
        let settings = ContributionSettings(method: .shapley, permutations: 3)
        let asked = settings.coalitions(players: 4, seed: 1, round: 2)
        #expect(Set(asked).count == asked.count && asked.prefix(2) == [[0, 1, 2, 3], []])
        var game = CoalitionGame(players: 4, budget: 100) { coalitions in
            coalitions.map { coalition in
                #expect(asked.contains(coalition))
                return Double(coalition.reduce(0) { $0 + $1 * $1 })
            }
        }
        _ = try settings.scores(of: &game, seed: 1, round: 2)
        #expect(game.evaluations == asked.count)
    }

    @Test func theCardShowsWhyAPlaceIsEmpty() throws {
        let matrix = CrossSiteMatrix(
            rounds: 3, weights: "w",
            sites: ["a", "b"].map { .init(name: $0, trained: 5, evaluated: 4, isHeldOut: true) },
            models: [
                .init(site: nil, metrics: [["macroF1": 0.5, "loss": 1], ["macroF1": 0.25]]),
                .init(site: "a", metrics: [["macroF1": 0.75], [:]], missing: ["b": "it | left"]),
                .init(site: "b", failure: "it declined", metrics: [[:], [:]]),
            ], metric: "macroF1")
        #expect(matrix.summary.own == 0.75 && matrix.summary.others == nil && matrix.summary.global == 0.375)
        #expect(matrix.condensed.models[0].metrics == [["macroF1": 0.5], ["macroF1": 0.25]])
        var card = ModelCard(
            federation: "f", job: .init(id: "j", operator: "o", status: JobStatus(.finished), submittedAt: 0),
            specification: Self.job { _ in },
            weights: .init(digest: "w", bytes: 1, schema: "s", tensors: 1, parameters: 1, round: 2),
            initialWeights: "i", lineage: [], software: "s")
        #expect(!String(decoding: try card.json(), as: UTF8.self).contains("\"crossSite\" : {"))
        card.crossSite = matrix
        #expect(try ModelCard(json: card.json()) == card)
        let text = card.markdown()
        #expect(text.contains("| a | 0.75 |  | b: it \\| left |"))
        #expect(text.contains("| b |  |  | it declined |"))
    }
}
