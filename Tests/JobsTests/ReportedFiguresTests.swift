import Foundation
import Jobs
import Testing

@Suite("Figures that clients withhold")
struct ReportedFiguresTests {
    private static func job(_ mechanism: String?, masked: Bool = false) -> JobSpecification {
        var job = JobSpecification(
            name: "job", model: ["name": "softmax"], data: "d", rounds: 3,
            clients: .init(minimum: 20, minimumUpdates: 14))
        if let mechanism {
            job.privacy = ["mechanism": .string(mechanism), "noiseMultiplier": 2, "delta": 1e-5]
        }
        if masked { job.secureAggregation = ["threshold": 0.7] }
        return job
    }

    @Test(
        "They are withheld where the coordinator must not learn of one client",
        arguments: [
            (nil, false, false), (nil, true, true), ("central", false, false), ("ftrl", false, false),
            ("local", false, true), ("local", true, true), ("record", false, true), ("record", true, true),
            ("distributed", true, true),
        ] as [(String?, Bool, Bool)])
    func who(mechanism: String?, masked: Bool, isWithheld: Bool) {
        var job = Self.job(mechanism, masked: masked)
        #expect(job.problems == [])
        #expect(job.hidesClients == isWithheld && job.withholdsFigures == isWithheld)
        job.reportFigures = .clear
        #expect(job.hidesClients == isWithheld && !job.withholdsFigures)
        #expect(job.problems == [])
        job.reportFigures = .withheld
        #expect(job.problems.contains { $0.hasPrefix("reportFigures: found withheld") } == !isWithheld)
    }

    @Test(
        "Sampling that needs losses is refused, unless the job asks for them",
        arguments: ["oort", "power-of-choice"], [false, true])
    func refused(name: String, masked: Bool) {
        var job = Self.job("record", masked: masked)
        job.clients.sampling = .init(["name": .string(name)])
        #expect(job.problems.count == 1)
        #expect(job.problems.first?.contains("found \(name) in a job whose clients withhold their figures") == true)
        job.reportFigures = .clear
        #expect(job.problems == [])
    }

    @Test("What is left says nothing of the data, and adds up to something that says so")
    func statistics() throws {
        let figures = TaskStatistics(
            examples: 7, sums: ["loss": 3, "privateSteps": 12, "saturated": 1], confusion: [[7]], counts: ["x": [1]])
        let hidden = figures.withheld
        #expect(hidden.isWithheld && hidden.examples == 0 && hidden.knownExamples == nil)
        #expect(hidden.sums == ["privateSteps": 1] && hidden.confusion == nil && hidden.counts.isEmpty)
        #expect(figures.knownExamples == 7)
        let plain = TaskStatistics(examples: 5, sums: ["loss": 1])
        for total in [plain + hidden, hidden + plain, TaskStatistics.total(["a": plain, "b": hidden])] {
            #expect(total.isWithheld && total.examples == 5)
        }
        #expect(!(plain + plain).isWithheld)
        let json = try JSONEncoder().encode(hidden)
        #expect(try JSONDecoder().decode(TaskStatistics.self, from: json) == hidden)
        #expect(try !String(decoding: JSONEncoder().encode(plain), as: UTF8.self).contains("withheld"))
    }

    @Test("A card says withheld where a number would be a lie")
    func card() throws {
        var round = ModelCard.Round(
            round: 0, attempt: 0, cohort: ["a", "b"],
            admitted: [.init(client: "a", examples: nil, digest: "u"), .init(client: "b", examples: 4, digest: "v")],
            refusals: [], weights: "d", startedAt: 0, completedAt: 1)
        round.figures = "withheld"
        let card = ModelCard(
            federation: "demo", job: .init(id: "j", operator: "alice", status: JobStatus(.finished), submittedAt: 0),
            specification: Self.job("local"),
            weights: .init(digest: "d", bytes: 1, schema: "s", tensors: 1, parameters: 1, round: 0),
            initialWeights: "e", lineage: [round], software: "test")
        #expect(card.clients.map(\.examples) == [nil, 4])
        let text = card.markdown()
        #expect(text.contains("| a | 1 | 1 | withheld |") && text.contains("| b | 1 | 1 | 4 |"))
        #expect(text.contains("| 0 | 0 | a, b | withheld |"))
        #expect(text.contains("withheld their training figures"))
        #expect(try ModelCard(json: card.json()) == card)
    }
}
