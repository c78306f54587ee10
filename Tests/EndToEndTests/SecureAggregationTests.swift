import Durability
import Foundation
import Testing
import Weights

/// Secure aggregation between the shipped daemons: killed at every step, and searched for what the coordinator must not know.
@Suite(.serialized)
struct SecureAggregationTests {
    static let sites = ["site-1", "site-2", "site-3", "site-4"]

    static func job(clients: Int = 4, attempts: Int = 1, deadline: Int = 240) -> String {
        """
        name: secure
        model: {name: softmax, features: 768, classes: 6}
        data: synthetic-har
        rounds: 1
        seed: 8
        clients: {minimum: \(clients), minimumUpdates: 3}
        deadline: \(deadline)
        attempts: \(attempts)
        secureAggregation: {threshold: 0.55, range: 0.5, bits: 16, minimum: 3, stepDeadline: 120}
        training: {epochs: 1, batchSize: 8, learningRate: 0.02}
        evaluation: {every: 1, split: test}
        """
    }

    static func with<Result: Sendable>(_ body: (Sandbox) async throws -> Result) async throws -> Result {
        try await Sandbox.with(clients: sites + ["evaluator"]) { sandbox in
            try await sandbox.makeData(sites: 4, subjects: 10)
            return try await body(sandbox)
        }
    }

    /// The weights of a round in which all of these are in the sum.
    static func undisturbed(_ names: [String]) async throws -> Data {
        try await with { sandbox in
            try await sandbox.startCoordinator()
            for name in names + ["evaluator"] { try await sandbox.startClient(name) }
            let job = try await sandbox.submit(job(clients: names.count))
            try await sandbox.tributary("watch", job)
            return try await sandbox.export(job)
        }
    }

    static let all = Task { try await undisturbed(sites) }
    static let withoutFirst = Task { try await undisturbed(Array(sites.dropFirst())) }

    @Test(
        "A client dies at a step: the round ends with the others, and with its update if that had arrived",
        arguments: [
            (CrashPoint.beforeSharing, false), (.afterUpdateWritten, true), (.afterAcknowledgement, true),
            (.beforeSigning, true), (.beforeUnmasking, true),
        ])
    func client(point: CrashPoint, isInTheSum: Bool) async throws {
        let weights = try await Self.with { sandbox in
            try await sandbox.startCoordinator()
            let dying = try await sandbox.startClient("site-1", crashPoint: point.rawValue)
            for name in Self.sites.dropFirst() + ["evaluator"] { try await sandbox.startClient(name) }
            let job = try await sandbox.submit(Self.job())
            #expect(await dying.ended() == -SIGKILL)
            // It comes back without its keys, and holds nobody up.
            try await sandbox.startClient("site-1")
            try await sandbox.tributary("watch", job)
            return try await sandbox.export(job)
        }
        #expect(try await weights == (isInTheSum ? Self.all : Self.withoutFirst).value)
    }

    @Test("A client whose certificate was renewed while its session is open takes part with the session's certificate")
    func renewed() async throws {
        let weights = try await Self.with { sandbox in
            try await sandbox.startCoordinator()
            let renewed = try await sandbox.startClient("site-1")
            for name in Self.sites.dropFirst() + ["evaluator"] { try await sandbox.startClient(name) }
            _ = try await renewed.line(containing: "session open")
            try await sandbox.succeed(
                "tributary",
                [
                    "provision", sandbox.path("federation.yaml"), "--output", sandbox.path("identities"), "--renew",
                    "site-1",
                ])
            let job = try await sandbox.submit(Self.job())
            try await sandbox.tributary("watch", job)
            return try await sandbox.export(job)
        }
        #expect(try await weights == Self.all.value)
    }

    @Test("A check of norms changes no bit, also when a client dies before it answers", arguments: [false, true])
    func checkedNorms(dies: Bool) async throws {
        let weights = try await Self.with { sandbox in
            try await sandbox.startCoordinator()
            let first = try await sandbox.startClient("site-1", crashPoint: dies ? "beforeUnmasking" : nil)
            for name in Self.sites.dropFirst() + ["evaluator"] { try await sandbox.startClient(name) }
            let job = try await sandbox.submit(
                Self.job().replacingOccurrences(of: "minimum: 3,", with: "minimum: 3, clipNorm: 100, projections: 64,"))
            if dies { #expect(await first.ended() == -SIGKILL) }
            try await sandbox.tributary("watch", job)
            return try await sandbox.export(job)
        }
        #expect(try await weights == Self.all.value)
    }

    @Test("A client that dies while it trains and stays away is missed at the deadline, its masks are taken off")
    func training() async throws {
        let weights = try await Self.with { sandbox in
            try await sandbox.startCoordinator()
            let dying = try await sandbox.startClient("site-1", crashPoint: "inTraining")
            for name in Self.sites.dropFirst() + ["evaluator"] { try await sandbox.startClient(name) }
            let job = try await sandbox.submit(Self.job(deadline: 30))
            #expect(await dying.ended() == -SIGKILL)
            try await sandbox.tributary("watch", job)
            return try await sandbox.export(job)
        }
        #expect(try await weights == Self.withoutFirst.value)
    }

    @Test("With too few left the attempt ends with its reason, and the next one has all of them again")
    func tooFew() async throws {
        let weights = try await Self.with { sandbox in
            let coordinator = try await sandbox.startCoordinator()
            let dying = [
                try await sandbox.startClient("site-1", crashPoint: "beforeSharing"),
                try await sandbox.startClient("site-2", crashPoint: "beforeSharing"),
            ]
            for name in Self.sites.dropFirst(2) + ["evaluator"] { try await sandbox.startClient(name) }
            // Two updates would do for a round, but not for taking the masks off.
            let text = Self.job(attempts: 2).replacingOccurrences(of: "minimumUpdates: 3", with: "minimumUpdates: 2")
                .replacingOccurrences(of: "minimum: 3,", with: "minimum: 2,")
            let job = try await sandbox.submit(text)
            for process in dying { #expect(await process.ended() == -SIGKILL) }
            for name in ["site-1", "site-2"] { try await sandbox.startClient(name) }
            _ = try await coordinator.line(containing: "round failed", "2 clients shared their secrets, at least 3")
            try await sandbox.tributary("watch", job)
            return try await sandbox.export(job)
        }
        #expect(try await weights == Self.all.value)
    }

    @Test(
        "The coordinator dies in a round: the attempt begins anew with fresh keys, and the job ends with the same weights",
        arguments: [CrashPoint.afterTaskSent, .afterRowCommit, .halfFold, .afterBlobRename, .afterRoundCommit])
    func coordinator(point: CrashPoint) async throws {
        let weights = try await Self.with { sandbox in
            let coordinator = try await sandbox.startCoordinator(crashPoint: point.rawValue)
            for name in Self.sites + ["evaluator"] { try await sandbox.startClient(name) }
            let job = try await sandbox.submit(Self.job(attempts: 2))
            #expect(await coordinator.ended() == -SIGKILL)
            try await sandbox.startCoordinator()
            try await sandbox.tributary("watch", job)
            return try await sandbox.export(job)
        }
        #expect(try await weights == Self.all.value)
    }

    @Test("Nothing of any update is in the coordinator's state folder or log, in the middle of the fold and at the end")
    func inspected() async throws {
        // The same training without secure aggregation, of which the coordinator keeps the updates.
        let plain =
            Self.job().split(separator: "\n").filter { !$0.hasPrefix("secureAggregation") }
            .joined(separator: "\n") + "\nkeepUpdates: true\n"
        let updates = try await Self.with { sandbox in
            try await sandbox.startCoordinator()
            for name in Self.sites + ["evaluator"] { try await sandbox.startClient(name) }
            let job = try await sandbox.submit(plain)
            try await sandbox.tributary("watch", job)
            return try Self.files(in: sandbox.path("state/coordinator/spool"))
        }.map { try Safetensors.decode(Array($0.value)) }
        #expect(updates.count == 4)
        try await Self.with { sandbox in
            let coordinator = try await sandbox.startCoordinator(crashPoint: "halfFold")
            for name in Self.sites + ["evaluator"] { try await sandbox.startClient(name) }
            let job = try await sandbox.submit(Self.job(attempts: 2))
            #expect(await coordinator.ended() == -SIGKILL)
            var found = try Self.files(in: sandbox.path("state/coordinator"))
            #expect(found.keys.count { $0.contains("spool/") } == 4, "\(found.keys.sorted())")
            let second = try await sandbox.startCoordinator()
            try await sandbox.tributary("watch", job)
            for (name, data) in try Self.files(in: sandbox.path("state/coordinator")) { found["end/" + name] = data }
            found["log"] = Data((coordinator.log + second.log).joined(separator: "\n").utf8)
            for update in updates {
                for spec in update.schema.tensors {
                    let values = try update.floats(spec.name)
                    // Pieces of eight elements that are not all alike, as floats and as whole numbers of the lattice.
                    for start in stride(from: 0, to: values.count - 8, by: max(8, values.count / 20)) {
                        let piece = Array(values[start..<start + 8])
                        guard Set(piece).count == 8 else { continue }
                        let words = piece.map { Int32((Double($0) * 32_767 / 0.5).rounded(.toNearestOrEven)) }
                        let places = found.filter { file in
                            file.value.range(of: piece.withUnsafeBytes { Data($0) }) != nil
                                || file.value.range(of: words.withUnsafeBytes { Data($0) }) != nil
                        }.map(\.key)
                        #expect(places == [], "\(spec.name) from \(start)")
                    }
                }
            }
        }
    }

    @Test("A site that asks for larger sums declines, and the others withhold their figures; watch and the card say so")
    func demandsAndFigures() async throws {
        try await Self.with { sandbox in
            try await sandbox.startCoordinator()
            let demanding = try await sandbox.startClient(
                "site-1", environment: ["TRIBUTARY_CLIENT_ALLOW_SECURE_AGGREGATION_MINIMUM": "4"])
            for name in Self.sites.dropFirst() + ["evaluator"] { try await sandbox.startClient(name) }
            let job = try await sandbox.submit(Self.job())
            let shown = try await sandbox.tributary("watch", job).output
            #expect(shown.contains("site-1: secure-aggregation: "))
            #expect(shown.contains("as few as 3 updates, this site asks for secureAggregation.minimum from 4"))
            #expect(shown.contains("  withheld      -  │"), "\(shown)")
            _ = try await demanding.line(containing: "task declined", "secure-aggregation")
            let changes = try await sandbox.tributary("watch", job, "--json").objects()
            let rounds = changes.flatMap { $0["rounds"] as? [[String: Any]] ?? [] }
            let round = try #require(rounds.last)
            #expect(round["admitted"] as? [String] == ["site-2", "site-3", "site-4"])
            #expect(round["figures"] as? String == "withheld")
            #expect(round["trainingExamples"] == nil && (round["training"] as? [String: Double])?.isEmpty == true)
            // The evaluator trains nothing: what it counts is no secret.
            #expect(((round["evaluation"] as? [String: Double])?["accuracy"] ?? 0) > 0)
            try await sandbox.tributary("export", job, "--output", sandbox.path("exported"))
            let names = try FileManager.default.contentsOfDirectory(atPath: sandbox.path("exported"))
            let card = try #require(names.first { $0.hasSuffix(".md") })
            let text = try String(contentsOfFile: sandbox.path("exported/\(card)"), encoding: .utf8)
            #expect(text.contains("| site-2 | 1 | 1 | withheld |"), "\(text)")
        }
    }

    private static func files(in folder: String) throws -> [String: Data] {
        var files: [String: Data] = [:]
        for case let name as String in try #require(FileManager.default.enumerator(atPath: folder)) {
            if let data = FileManager.default.contents(atPath: "\(folder)/\(name)"), !data.isEmpty {
                files[name] = data
            }
        }
        return files
    }
}
