import Datasets
import Foundation
import Jobs
import TestSupport
import Testing
import Weights

@testable import Simulation

/// Every site's model on every site's data, against evaluations computed one by one.
@Suite struct CrossSiteTests {
    static let fedper: Settings = ["name": "fedper", "personal": ["bias"]]

    private func run(
        _ folder: TemporaryFolder, _ name: String, strategy: Settings = ["name": "fedavg"], workers: Int = 1,
        holdOut: Double = 0, resumes: Bool = false
    ) throws -> SimulationRun {
        try FileManager.default.createDirectory(atPath: folder.file(name), withIntermediateDirectories: true)
        let run = try SimulationRun(
            SimulationRunTests.job {
                $0.strategy = strategy
                if holdOut > 0 { ($0.evaluation.perClient, $0.evaluation.perClientHoldOut) = (1, holdOut) }
            }, data: SimulationRunTests.data(),
            options: .init(output: folder.file(name), workers: workers, resumes: resumes))
        _ = try run.run()
        return run
    }

    @Test("Each row is its model evaluated directly", arguments: ["fedavg", "fedper", "ditto", "scaffold"])
    func direct(strategy name: String) throws {
        let folder = try TemporaryFolder()
        let run = try run(
            folder, "run", strategy: name == "fedper" ? Self.fedper : ["name": .string(name)], holdOut: 0.25)
        let matrix = try #require(try run.crossSite(.all))
        #expect(matrix.models.map(\.site) == [nil, "site-1", "site-2", "site-3"])
        #expect(matrix.sites.allSatisfy { $0.isHeldOut && $0.evaluated > 0 } && matrix.rounds == 3)
        let global = try #require(run.weights[matrix.weights])
        // A worker of its own, one site at a time, the last first.
        for (column, client) in run.data.clients.enumerated().reversed() {
            let data = run.data
            let (own, states) = try run.pool.submit { worker in
                let weights = try worker.ownModel(client, of: data, round: 3, global: global)
                // The evaluation puts other weights in.
                let statistics = try worker.evaluate(client, of: data, after: 2, weights: global)
                let own = try worker.metrics(of: weights, on: [client], in: data)[0]
                return (own, statistics.metrics)
            }.value()
            #expect(matrix.models[column + 1].metrics[column] == own)
            // For strategies without anything personal the global row is the evaluation client by client.
            if name == "fedavg" || name == "scaffold" { #expect(matrix.models[0].metrics[column] == states) }
        }
        #expect(Set(matrix.models.map(\.metrics)).count > 2, "models differ")
        #expect(matrix.summary.own != nil && matrix.summary.others != nil && matrix.summary.global != nil)
    }

    @Test(arguments: ["fedavg", "fedper"]) func workersAndResumptionDoNotMatter(name: String) throws {
        let folder = try TemporaryFolder()
        let strategy: Settings = name == "fedper" ? Self.fedper : ["name": "fedavg"]
        let one = try run(folder, "one", strategy: strategy).crossSite(.all)
        let two = try run(folder, "two", strategy: strategy, workers: 2).crossSite(.all)
        #expect(one != nil && one == two)
        let again = try run(folder, "two", strategy: strategy, workers: 2, resumes: true).crossSite(.all)
        #expect(again == one)
        let part = try run(folder, "two", strategy: strategy, resumes: true).crossSite(.named(["site-3", "site-1"]))
        #expect(part?.sites.map(\.name) == ["site-1", "site-3"])
        #expect(part?.models[1].metrics[1] == one?.models[1].metrics[2])
    }

    @Test func tooManySitesAreRefusedWithAWayOut() throws {
        let clients = (0..<51).map { VirtualClient(name: "c\($0)", rows: [$0]) }
        let error = try #require(throws: SimulationError.self) { try CrossSiteSelection.all.sites(of: clients) }
        #expect(error.code == .job && error.message.contains("51") && error.message.contains("--cross-site-clients"))
        #expect(try CrossSiteSelection("51").sites(of: clients).count == 51)
        #expect(try CrossSiteSelection("c7, c3").sites(of: clients).map(\.name) == ["c3", "c7"])
        for text in ["0", "-1", "c99", ""] {
            #expect(throws: SimulationError.self) { try CrossSiteSelection(text).sites(of: clients) }
        }
    }

    @Test func aStudyWritesTheMatrixAndTheScores() throws {
        let folder = try TemporaryFolder()
        var study = SimulationStudy(
            job: SimulationRunTests.job {
                $0.evaluation.perClient = 1
                $0.evaluation.personalise = true
            }, seeds: [8, 9], output: folder.file("study"), workers: 2, resumes: false, isGenerated: true)
        study.crossSite = .all
        study.contributions = ContributionSettings(method: .shapley, every: 2, permutations: 4)
        let data = try SimulationRunTests.data()
        let report = try #require(try study.run(data: { _ in data }, stop: { false }, progress: { _, _ in }))
        let csv = String(decoding: try folder.read("study/seed-9/cross-site.csv"), as: UTF8.self).split(separator: "\n")
        #expect(csv.count == 1 + 4 * 3 && csv[1].hasPrefix("(global),site-1,"))
        let matrix = try JSONDecoder().decode(
            CrossSiteMatrix.self, from: Data(folder.read("study/seed-8/cross-site.json")))
        #expect(matrix.summary == report.runs[0].crossSite)
        let page = String(decoding: try folder.read("study/report.html"), as: UTF8.self)
        for text in [
            "seed-9/cross-site.csv", "seed-8/contributions.json", "Shapley values", "model of site-2",
            "of the global model and of the clients' own",
        ] { #expect(page.contains(text), "\(text)") }
        let scores = String(decoding: try folder.read("study/seed-8/contributions.csv"), as: UTF8.self)
        #expect(scores.split(separator: "\n").count == 1 + 2 * 2, "rounds 1 and 2, two clients each")
        #expect(report.runs[0].contributions?.isEmpty == false)
        let figures = try #require(report.runs[0].personalisation)
        #expect(figures.change["accuracy"]?.clients == 3)
    }
}
