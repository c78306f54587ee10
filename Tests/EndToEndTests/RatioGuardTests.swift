import Foundation
import TestSupport
import Testing

/// The nightly guard over benchmark ratios, with a program that prints what it is told.
@Suite struct RatioGuardTests {
    private func run(
        _ folder: TemporaryFolder, _ figures: [[String: Any]], _ arguments: [String]
    ) async throws -> CommandResult {
        let lines = try figures.map {
            String(decoding: try JSONSerialization.data(withJSONObject: $0), as: UTF8.self)
        }
        let program =
            "#!/bin/sh\n[ \"$1 $3\" = 'benchmark --json' ] || exit 9\ncat <<'END'\n"
            + lines.joined(separator: "\n") + "\nEND\n"
        try folder.write(Array(program.utf8), to: "tributary")
        try FileManager.default.setAttributes([.posixPermissions: 0o755], ofItemAtPath: folder.file("tributary"))
        return try await CommandResult.run(
            Executables.repository.appendingPathComponent("Deploy/guard-ratios").path, arguments,
            environment: ["TRIBUTARY_BIN": folder.path, "TRIBUTARY_RATIOS": folder.file("ratios.json")])
    }

    private func figure(_ name: String, _ unit: String, _ ratio: Double?) -> [String: Any] {
        var figure: [String: Any] = ["name": name, "unit": unit, "value": 1, "low": 1, "high": 1]
        if let ratio {
            figure["ratio"] = ratio
            figure["limit"] = 1
        }
        return figure
    }

    @Test func aRatioThatFallsIsFound() async throws {
        let folder = try TemporaryFolder()
        let steady = [figure("step", "ms", 1.5), figure("peak", "GFLOP/s", nil)]
        let none = try await run(folder, steady, ["train"])
        #expect(none.status == 1 && none.errors.contains("no ratios for train"))

        let recorded = try await run(folder, steady + [figure("rate", "GB/s", 0.6)], ["--record", "train"])
        #expect(recorded.status == 0, "\(recorded.errors)")
        for (step, rate, isFine) in [
            (1.5, 0.6, true), (0.1, 3, true),
            // A tenth worse, just within a fifth, and just beyond.
            (1.65, 0.54, true), (1.79, 0.485, true), (1.81, 0.6, false), (1.5, 0.475, false),
        ] {
            let result = try await run(folder, [figure("step", "ms", step), figure("rate", "GB/s", rate)], [])
            #expect(result.status == (isFine ? 0 : 1), "\(step) \(rate): \(result.output)\(result.errors)")
            #expect(result.output.contains("WORSE") == !isFine)
        }
        // What cannot be measured here and what is new is named.
        let other = try await run(folder, [figure("step", "ms", 1.5), figure("new", "s", 2)], ["train"])
        #expect(other.status == 0)
        #expect(
            other.errors.contains("'rate' was not measured") && other.errors.contains("'new' has no recorded ratio"))
    }

    @Test func whatIsNoFigureIsRefused() async throws {
        let folder = try TemporaryFolder()
        #expect(try await run(folder, [figure("step", "ms", 1)], ["--record", "train"]).status == 0)
        let wrong = try await run(folder, [["title": "step", "ratio": 1]], ["train"])
        #expect(wrong.status == 1 && wrong.errors.contains("no figure"))
        let other = try await run(folder, [figure("another", "ms", 1)], ["train"])
        #expect(other.status == 1 && other.errors.contains("none of the recorded ratios"))
        #expect(try await run(folder, [], ["cook"]).status == 2)
    }
}
