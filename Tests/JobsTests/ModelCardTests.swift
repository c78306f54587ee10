import Foundation
import Jobs
import Testing

@Suite("Model card")
struct ModelCardTests {
    private var card: ModelCard {
        ModelCard(
            federation: "demo",
            job: .init(
                id: "j-1", operator: "alice", status: JobStatus(.finished, reason: "2 rounds completed"),
                submittedAt: 1_700_000_000_000, endedAt: 1_700_000_060_000),
            specification: JobSpecification(
                name: "har-fedavg", model: ["name": "har"], data: "uci-har", rounds: 2,
                clients: .init(minimum: 2)),
            weights: .init(digest: "d2", bytes: 4096, schema: "s", tensors: 3, parameters: 1000, round: 1),
            initialWeights: "d0", initialTrainer: ["trainer": "lab 1"], metrics: ["macroF1": 0.8647, "loss": 0.25],
            bestRound: 1,
            lineage: [
                .init(
                    round: 0, attempt: 1, cohort: ["site-1", "site-2"],
                    admitted: [.init(client: "site-2", examples: 10, digest: "u0", trainer: ["trainer": "lab 1"])],
                    refusals: [.init(client: "site-1", code: "deadline", reason: "no | result\n<b>")], weights: "d1",
                    startedAt: 1_700_000_001_000, completedAt: 1_700_000_002_000),
                .init(
                    round: 1, attempt: 0, cohort: ["site-1", "site-2"],
                    admitted: [
                        .init(client: "site-1", examples: 7, digest: "u1"),
                        .init(client: "site-2", examples: 10, digest: "u2", trainer: ["trainer": "lab 1"]),
                    ],
                    refusals: [], weights: "d2", training: ["loss": 0.5], evaluation: ["macroF1": 0.8647],
                    evaluationExamples: 2947, startedAt: 1_700_000_003_000, completedAt: 1_700_000_004_000),
            ],
            software: "tributary-coordinator 0.1.0")
    }

    @Test("clients' counts come from the lineage")
    func clients() {
        #expect(
            card.clients == [
                .init(name: "site-1", rounds: 2, admitted: 1, examples: 7),
                .init(name: "site-2", rounds: 2, admitted: 2, examples: 20),
            ])
    }

    @Test("JSON gives the card back")
    func json() throws {
        let json = try card.json()
        #expect(try ModelCard(json: json) == card)
        #expect(json.last == 0x0A)
        for bad in [
            "", "{}", String(decoding: json, as: UTF8.self).replacingOccurrences(of: "model-card", with: "other"),
        ] {
            let error = #expect(throws: JobsError.self) { try ModelCard(json: Data(bad.utf8)) }
            #expect(error?.code == .invalidDocument)
        }
    }

    @Test("Markdown says it all and cannot be broken out of")
    func markdown() {
        let text = card.markdown()
        for line in [
            "# har-fedavg", "| submitted | 2023-11-14T22:13:20Z |", "| weights | `d2` |",
            "| best round by macroF1 | 1 |",
            "| macroF1 | 0.8647 |", "| site-2 | 2 | 2 | 20 |", "| trainer: lab 1 | initial weights, site-2 |",
            "| 0 | 1 | site-2 | 10 | 0 |  | `d1` |", "| 1 | 0 | site-1, site-2 | 17 | 0 | macroF1 0.8647 | `d2` |",
            "| 0 | site-1 | deadline | no \\| result \\<b\\> |",
        ] {
            #expect(text.split(separator: "\n").contains(Substring(line)), "\(line)\n\(text)")
        }
    }
}
