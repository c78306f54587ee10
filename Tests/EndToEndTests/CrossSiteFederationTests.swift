import Foundation
import Testing

/// Whose model does what where, and who contributed what: daemons beside a simulation of the same partition.
@Suite(.serialized)
struct CrossSiteFederationTests {
    private static func job(_ more: String, evaluation: String) -> String {
        FederationTests.job.replacingOccurrences(of: "batchSize: 8", with: "batchSize: 64")
            .replacingOccurrences(of: "evaluation: {every: 1, split: test}", with: "evaluation: \(evaluation)")
            .replacingOccurrences(of: "minimum: 2", with: "minimum: 3")
            .appending("\npartition: {scheme: subject, clients: 3}\n\(more)\n")
    }

    private static let sites = ["site-1", "site-2", "site-3"]

    private static func object(_ path: String) throws -> [String: Any] {
        let data = try Data(contentsOf: URL(fileURLWithPath: path))
        return try #require(try JSONSerialization.jsonObject(with: data) as? [String: Any])
    }

    /// Runs a job with daemons, and the same one in a simulation; returns the folders with their files.
    private func both(
        _ text: String, _ sandbox: Sandbox, environment: [String: [String: String]] = [:]
    ) async throws -> (daemons: String, simulated: String) {
        try await sandbox.makeData(sites: 3, subjects: 30, windows: 24)
        try await sandbox.startCoordinator()
        for name in Self.sites + ["evaluator"] {
            try await sandbox.startClient(name, environment: environment[name] ?? [:])
        }
        let job = try await sandbox.submit(text)
        try await sandbox.tributary("watch", job)
        try await sandbox.tributary("report", job, "--output", sandbox.path("daemons"))
        try await sandbox.succeed(
            "tributary", ["simulate", sandbox.path("job.yaml"), "--output", sandbox.path("simulated")])
        return (sandbox.path("daemons"), sandbox.path("simulated"))
    }

    @Test("The matrix is a simulation's: the global model's row bit for bit, the sites' within 1e-6")
    func matrix() async throws {
        try await Sandbox.with(clients: Self.sites + ["evaluator"]) { sandbox in
            let (daemons, simulated) = try await both(
                Self.job("crossSite: true", evaluation: "{every: 0, split: train}"), sandbox)
            let found = try Self.object(daemons + "/cross-site.json")
            let expected = try Self.object(simulated + "/cross-site.json")
            for key in ["weights", "rounds", "sites"] {
                #expect((found[key] as? NSObject) == (expected[key] as? NSObject), "\(key)")
            }
            let rows = try #require(found["models"] as? [[String: Any]])
            let wanted = try #require(expected["models"] as? [[String: Any]])
            #expect(rows.map { $0["site"] as? String } == [nil] + Self.sites)
            #expect(rows.count == wanted.count)
            #expect(rows[0]["metrics"] as? NSObject == wanted[0]["metrics"] as? NSObject)
            for (row, wanted) in zip(rows, wanted) {
                #expect(row["failure"] == nil && row["missing"] == nil)
                let cells = try #require(row["metrics"] as? [[String: Double]])
                let others = try #require(wanted["metrics"] as? [[String: Double]])
                #expect(cells.count == 3)
                for (cell, other) in zip(cells, others) {
                    #expect(!cell.isEmpty && cell.keys.sorted() == other.keys.sorted())
                    for (name, value) in cell { #expect(abs(value - (other[name] ?? .infinity)) <= 1e-6, "\(name)") }
                }
            }
            #expect(Set(rows.map { "\($0["metrics"] ?? "")" }).count == 4, "the models differ")
            let drawing = try String(contentsOfFile: daemons + "/cross-site.svg", encoding: .utf8)
            #expect(drawing.hasPrefix("<svg") && drawing.contains("model of site-3"))
        }
    }

    @Test("A site that does not show its model has no row, and the scores are a simulation's, bit for bit")
    func scores() async throws {
        try await Sandbox.with(clients: Self.sites + ["evaluator"]) { sandbox in
            let (daemons, simulated) = try await both(
                Self.job(
                    "crossSite: true\ncontributions: {method: shapley, permutations: 3}",
                    evaluation: "{every: 1, split: test}"), sandbox,
                environment: ["site-2": ["TRIBUTARY_CLIENT_ALLOW_CROSS_SITE": "false"]])
            let rows = try #require(try Self.object(daemons + "/cross-site.json")["models"] as? [[String: Any]])
            #expect(rows.map { $0["failure"] == nil } == [true, true, false, true])
            #expect((rows[2]["failure"] as? String)?.contains("does not show its own model") == true)
            // The evaluator holds the whole held-out split, as a simulation does.
            var found = try Self.object(daemons + "/contributions.json")
            var expected = try Self.object(simulated + "/contributions.json")
            #expect(found["clients"] as? NSObject == expected["clients"] as? NSObject)
            var rounds = try #require(found.removeValue(forKey: "rounds") as? [[String: Any]])
            #expect(rounds[0].removeValue(forKey: "evaluators") as? [String] == ["evaluator"])
            let wanted = try #require(expected.removeValue(forKey: "rounds") as? [[String: Any]])
            #expect(rounds as NSArray == wanted as NSArray)
            let scores = try #require(rounds[0]["clients"] as? [[String: Any]]).compactMap { $0["score"] as? Double }
            #expect(scores.count == 3 && scores.contains { $0 != 0 })
        }
    }
}
