import Datasets
import Foundation
import Testing

@Suite struct ClientTraitsTests {
    private func dataset() throws -> MultimodalDataset {
        try MultimodalDataset(
            name: "tiny", classes: ["a", "b"],
            modalities: [Modality(name: "x", shape: [2]), Modality(name: "y", shape: [2, 1], hasLengths: true)],
            values: [(0..<1000).map(Float.init), (0..<1000).map { -Float($0) }],
            labels: (0..<500).map { $0 % 2 }, lengths: [nil, Array(repeating: 2, count: 500)])
    }

    @Test func gainAndOffsetAreApplied() throws {
        let view = DatasetView(try dataset(), indices: [3, 1])
        let heard = try ClientTraits(gain: 2, offset: 1).applied(to: view, seed: 1, client: 0)
        #expect(heard.values == [[13, 15, 5, 7], [-11, -13, -3, -5]])
        #expect(heard.labels == [1, 1])
    }

    @Test func missingModalitiesAreSilent() throws {
        let view = DatasetView(try dataset(), indices: [3, 1])
        let heard = try ClientTraits(modalities: [0], gain: 1, offset: 5).applied(to: view, seed: 1, client: 0)
        #expect(heard.values == [[11, 12, 7, 8], [0, 0, 0, 0]])
        #expect(heard.lengths == [nil, [0, 0]])
    }

    @Test func noiseHasItsDeviationAndSeed() throws {
        let data = try dataset()
        let traits = ClientTraits(noise: 0.5)
        let heard = try traits.applied(to: data.all, seed: 1, client: 2)
        let noise = zip(heard.values[0], data.values[0]).map { Double($0 - $1) }
        let deviation = (noise.reduce(0) { $0 + $1 * $1 } / 1000).squareRoot()
        #expect(abs(deviation - 0.5) < 0.06)
        #expect(abs(noise.reduce(0, +) / 1000) < 0.08)
        #expect(try traits.applied(to: data.all, seed: 1, client: 2).values == heard.values)
        #expect(try traits.applied(to: data.all, seed: 1, client: 3).values != heard.values)
        #expect(try traits.applied(to: data.all, seed: 2, client: 2).values != heard.values)
    }

    @Test func survivesJSON() throws {
        let traits = ClientTraits(modalities: [2, 0, 1], gain: 1.5, offset: -1, noise: 0.25)
        let bytes = try JSONEncoder().encode(traits)
        #expect(try JSONDecoder().decode(ClientTraits.self, from: bytes) == traits)
        #expect(String(decoding: bytes, as: UTF8.self).contains("[0,1,2]"))
    }
}
