import Foundation
import Jobs
import TestSupport
import Testing
import Weights
import WireMessages

@testable import Coordinator

/// What each client's update contributed to the last round of a federation.
@Suite(.timeLimit(.minutes(1))) struct ContributionTests {
    private let folder: TemporaryFolder

    init() throws {
        folder = try TemporaryFolder()
    }

    private static func specification(_ settings: ContributionSettings) -> JobSpecification {
        StudyFixtures.specification { $0.contributions = settings }
    }

    /// The negative loss over all sites of what the last round would have given.
    private func utility(_ clients: [String], on judges: [String] = StudyFixtures.sites) throws -> Double {
        let before = try Fixtures.weights(after: 1, clients: StudyFixtures.sites)
        let model = try StudyFixtures.fold(before, round: 1, clients)
        let losses = try judges.map { try StudyFixtures.loss(of: model, on: $0) }
        return -losses.reduce(0, +) / Double(losses.count)
    }

    private func totals(
        _ settings: ContributionSettings, sites: [ScriptedSite] = StudyFixtures.sites.map { StudyFixtures.site($0) }
    ) async throws -> ContributionTotals? {
        try await TestServer.run(folder: folder.path) { server in
            let job = try await server.submit(Self.specification(settings)).job
            let summary = try await server.withSites(sites) { try await server.finished(job) }
            #expect(summary.state == "finished")
            #expect(try await server.coordinator.core.store.spooledUpdates().isEmpty)
            #expect(try await server.coordinator.core.store.blobDigests().count == 3)
            return try await server.card(job).contributions
        }
    }

    @Test func leaveOneOutIsWhatTheFoldLacksWithoutTheClient() async throws {
        let totals = try #require(try await totals(ContributionSettings(method: .loo)))
        let round = try #require(totals.rounds.first)
        #expect(round.round == 1 && round.utility == "-loss" && round.evaluations == 5 && round.refused == 0)
        #expect(round.evaluators == StudyFixtures.sites)
        let all = try utility(StudyFixtures.sites)
        #expect(abs(round.everyone - all) < 1e-12)
        #expect(abs(round.nobody - (try utility([]))) < 1e-12)
        #expect(round.clients.map(\.name) == StudyFixtures.sites)
        for client in round.clients {
            let without = try utility(StudyFixtures.sites.filter { $0 != client.name })
            #expect(abs(client.score - (all - without)) < 1e-12)
            #expect(client.examples == Fixtures.examples(client: client.name) && client.weight != nil)
        }
        #expect(Set(round.clients.map(\.score)).count == 3)
    }

    @Test func shapleyValuesAreThoseOfTheEstimatorWithTheSameOrders() async throws {
        let settings = ContributionSettings(method: .shapley, permutations: 4, budget: 100)
        let totals = try #require(try await totals(settings))
        let round = try #require(totals.rounds.first)
        var game = CoalitionGame(players: 3, budget: 100) { coalitions in
            try coalitions.map { places in try utility(places.map { StudyFixtures.sites[$0] }) }
        }
        let scores = try #require(try settings.scores(of: &game, seed: 8, round: 1))
        #expect(round.permutations == 4 && round.evaluations == game.evaluations)
        for (client, score) in zip(round.clients, scores.values) { #expect(abs(client.score - score) < 1e-12) }
        #expect(abs(round.clients.reduce(0) { $0 + $1.score } - (round.everyone - round.nobody)) < 1e-12)
        #expect(round.clients.allSatisfy { $0.standardError != nil })
    }

    @Test func onlySitesThatEvaluatedEveryCoalitionCount() async throws {
        let sites = [
            StudyFixtures.site("site-1"), StudyFixtures.site("site-2"),
            StudyFixtures.site(
                "site-3",
                change: { report in
                    if report.identity.round == 4 { report.statistics.examples = 1 << 50 }
                }),
        ]
        let totals = try #require(try await totals(ContributionSettings(method: .loo), sites: sites))
        let round = try #require(totals.rounds.first)
        #expect(round.evaluators == ["site-1", "site-2"])
        #expect(abs(round.everyone - (try utility(StudyFixtures.sites, on: ["site-1", "site-2"]))) < 1e-12)
    }

    @Test func aRestartInTheMiddleChangesNothing() async throws {
        let settings = ContributionSettings(method: .loo)
        let job = try await TestServer.run(folder: folder.path) { server in
            let silent = StudyFixtures.site("site-2") { task in
                task.identity.kind == .evaluate && task.identity.round == 4 ? .silence : .update
            }
            let job = try await server.submit(Self.specification(settings)).job
            return try await server.withSites([StudyFixtures.site("site-1"), silent, StudyFixtures.site("site-3")]) {
                await silent.wait { $0.task.identity.kind == .evaluate && $0.task.identity.round == 4 }
                return job
            }
        }
        try await TestServer.run(folder: folder.path) { server in
            #expect(try await server.card(job).contributions == nil, "not every coalition is evaluated")
            let sites = StudyFixtures.sites.map { StudyFixtures.site($0) }
            #expect(try await server.withSites(sites) { try await server.finished(job) }.state == "finished")
            let round = try #require(try await server.card(job).contributions?.rounds.first)
            let all = try utility(StudyFixtures.sites)
            for client in round.clients {
                let without = try utility(StudyFixtures.sites.filter { $0 != client.name })
                #expect(abs(client.score - (all - without)) < 1e-12)
            }
        }
    }

    /// Krum takes no round of one or two updates here.
    @Test func aCoalitionThatTheRuleRefusesIsWorthNothing() async throws {
        let job = Self.specification(ContributionSettings(method: .loo))
        var specification = job
        specification.aggregation = ["rule": "krum", "byzantine": 0]
        let sent = specification
        let totals = try await TestServer.run(folder: folder.path) { server in
            let job = try await server.submit(sent).job
            _ = try await server.withSites(StudyFixtures.sites.map { StudyFixtures.site($0) }) {
                try await server.finished(job)
            }
            return try await server.card(job).contributions
        }
        let round = try #require(totals?.rounds.first)
        #expect(round.refused == 3)
        #expect(round.clients.allSatisfy { abs($0.score - (round.everyone - round.nobody)) < 1e-12 })
    }
}
