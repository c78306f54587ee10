import Datasets
import Testing

@Suite struct MultimodalDatasetTests {
    private func make(
        classes: [String] = ["a", "b"], modality: Modality = Modality(name: "x", shape: [2, 2]), values: Int = 12,
        labels: [Int] = [0, 1, 1], subjects: [Int]? = nil, lengths: [[Int]?]? = nil
    ) throws -> MultimodalDataset {
        try MultimodalDataset(
            name: "d", classes: classes, modalities: [modality], values: [Array(repeating: 0, count: values)],
            labels: labels,
            subjects: subjects, lengths: lengths)
    }

    @Test func partsMustFit() throws {
        #expect(try make().count == 3)
        #expect(throws: DatasetError.self) { try make(values: 11) }
        #expect(throws: DatasetError.self) { try make(labels: [0, 1, 2]) }
        #expect(throws: DatasetError.self) { try make(labels: [0, 1, -1]) }
        #expect(throws: DatasetError.self) { try make(subjects: [1]) }
        #expect(throws: DatasetError.self) { try make(lengths: [[1, 1, 1]]) }
        let sequence = Modality(name: "x", shape: [2, 2], hasLengths: true)
        #expect(throws: DatasetError.self) { try make(modality: sequence) }
        #expect(throws: DatasetError.self) { try make(modality: sequence, lengths: [[1, 2, 3]]) }
        #expect(
            try make(modality: sequence, lengths: [[1, 2, 0]]).all.selecting([2, 0]).lengths(modality: 0) == [0, 1])
    }

    @Test(arguments: [
        Modality(name: "", shape: [1]), Modality(name: "1x", shape: [1]), Modality(name: "a.b", shape: [1]),
        Modality(name: "labels", shape: [1]), Modality(name: "subjects", shape: [1]), Modality(name: "x", shape: []),
        Modality(name: "x", shape: [0]), Modality(name: "x", shape: [-1]),
        Modality(name: "x", shape: [1, 1, 1, 1, 1, 1, 1]),
        Modality(name: "x", shape: [1 << 20, 1 << 20]), Modality(name: "x", shape: [Int.max, 2]),
    ])
    func brokenModalitiesAreRefused(modality: Modality) {
        #expect(throws: DatasetError.self) { try modality.validate(in: "test") }
    }

    @Test func normalisationOfAConstantAxisIsZero() {
        var window: [Float] = [5, 1, 5, 3]
        WindowNormalisation.apply(to: &window, steps: 2, axes: 2)
        #expect(window[0] == 0 && window[2] == 0)
        #expect(abs(window[1] + 1) < 2e-5 && abs(window[3] - 1) < 2e-5)
    }
}
