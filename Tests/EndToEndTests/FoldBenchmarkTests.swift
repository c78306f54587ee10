import Foundation
import Testing

@Suite("Benchmark of the fold")
struct FoldBenchmarkTests {
    private struct Figure: Decodable {
        var name: String
        var unit: String
        var low: Double
        var value: Double
        var high: Double
        var limit: Double?
        var ratio: Double?
    }

    @Test("every rule is measured beside the memory's bandwidth, and nothing is left behind")
    func everyRule() async throws {
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent("fold-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        let result = try await CommandResult.run(
            "tributary",
            [
                "benchmark", "fold", "--rule", "all", "--updates", "7", "--elements", "3000", "--json", "--disk",
                folder.path,
            ])
        #expect(result.status == 0, "\(result.errors)")
        let figures = try result.output.split(separator: "\n").map {
            try JSONDecoder().decode(Figure.self, from: Data($0.utf8))
        }
        #expect(figures.count == 2 + 14)
        for figure in figures {
            #expect(figure.unit == "GB/s" && figure.low > 0)
            #expect(figure.low <= figure.value && figure.value <= figure.high)
        }
        for figure in figures.dropFirst(2) {
            #expect(figure.name.hasPrefix("fold, ") && figure.name.contains("7 × 3000"))
            #expect(figure.limit == figures[1].value && figure.ratio != nil)
        }
        #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path).isEmpty)
    }

    @Test("what cannot be measured is refused")
    func refused() async throws {
        for arguments in [["--rule", "medain"], ["--updates", "0"], ["--repetitions", "4"]] {
            let result = try await CommandResult.run("tributary", ["benchmark", "fold"] + arguments)
            #expect(result.status == 64, "\(arguments): \(result.errors)")
        }
        let few = try await CommandResult.run(
            "tributary", ["benchmark", "fold", "--rule", "bulyan", "--updates", "3", "--elements", "10"])
        #expect(few.errors.contains("bulyan needs 7 updates, there are 3"))
    }

    @Test("a wrong word, folder or chart is named before anything is measured")
    func wrong() async throws {
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent("wrong-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        let missing = folder.appendingPathComponent("missing").path
        for (arguments, status, message) in [
            (["robustnes", "--output", "x"], 64, "unknown benchmark 'robustnes': did you mean 'robustness'?"),
            (["simulate", "--data", missing], 64, "--data: found \(missing), which is no folder"),
            (["robustness", "--data", missing, "--output", folder.path], 1, "\(missing): no such folder"),
            (["secure-aggregation", "--plot", "\(missing)/x.svg"], 64, "--plot: found \(missing)/x.svg"),
            (["growth", "--plot", "\(missing)/x.svg"], 64, "--plot: found \(missing)/x.svg"),
        ] as [([String], Int32, String)] {
            let result = try await CommandResult.run("tributary", ["benchmark"] + arguments)
            #expect(result.status == status && result.errors.contains(message), "\(result.errors)")
        }
    }

    @Test("other words go to tributary-lab, with their options")
    func others() async throws {
        let help = try await CommandResult.run("tributary", ["benchmark", "fedmultimodal", "--help"])
        #expect(help.status == 0 && help.output.contains("--fusion"), "\(help.output)\(help.errors)")
    }
}
