import Datasets
import Foundation
import Jobs
import Layers
import ModelZoo
import Tensors
import Testing

@testable import Training

/// The model on real windows against PyTorch (Golden/make_real_windows.py). Skipped without the data.
struct RealWindowsTests {
    static let data = ProcessInfo.processInfo.environment["TRIBUTARY_DATA"].map { $0 + "/uci-har" }

    @Test(
        "Logits on real windows are PyTorch's to 1e-5",
        .enabled(if: data != nil, "TRIBUTARY_DATA names no folder with uci-har/"),
        arguments: ["attention", "concat"])
    func logits(fusion: String) throws {
        let file = try #require(
            Bundle.module.url(forResource: "real-windows", withExtension: "json", subdirectory: "Golden"))
        let golden = try JSONDecoder().decode([String: [[Float]]].self, from: Data(contentsOf: file))
        let expected = try #require(golden[fusion]).flatMap { $0 }
        let test = try UCIHARReader(path: try #require(Self.data)).read(.test)
        let entry = try ModelRegistry.make(
            ["name": "har", "fusion": .string(fusion)], manifest: nil, Initializer(seed: 8))
        let batch = try ModelBatch(DatasetView(test, indices: Array(0..<8)))
        let found = try entry.model.logits(batch, .evaluation()).floats()
        #expect(found.count == expected.count)
        let scale = expected.map(abs).max() ?? 0
        for (a, b) in zip(found, expected) { #expect(abs(a - b) <= 1e-5 * scale) }
    }
}
