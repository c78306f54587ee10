import Datasets
import Testing

/// Marks of data: the same for the same, others for others.
@Suite struct DataFingerprintTests {
    private func data(_ change: (inout [Float]) -> Void = { _ in }, labels: [Int] = [0, 1, 0, 1]) throws
        -> MultimodalDataset
    {
        var values = (0..<4 * 600).map { Float($0) }
        change(&values)
        return try MultimodalDataset(
            name: "marked", classes: ["a", "b"], modalities: [Modality(name: "x", shape: [200, 3])], values: [values],
            labels: labels)
    }

    private func mark(_ data: MultimodalDataset, rows: [[Int]] = [[0, 1], [2, 3]], place: Int? = nil) throws
        -> DataFingerprint
    {
        let clients = rows.enumerated().map { Partition.Client(id: "c\($0.offset)", rows: $0.element, place: place) }
        return DataFingerprint(
            train: data, heldOut: ["test": try self.data()], partition: try Partition(clients: clients, rowCount: 4))
    }

    @Test func dependsOnValuesLabelsAndRows() throws {
        let first = try mark(data())
        #expect(first.data.count == 16 && first.partition.count == 16)
        #expect(try mark(data()) == first)
        for change in [0, 599, 1200, 2399] {
            let other = try mark(data { $0[change] = -1 })
            #expect(other.data != first.data && other.partition == first.partition)
        }
        #expect(try mark(data(labels: [0, 1, 1, 0])).data != first.data)
        for rows in [[[1, 0], [2, 3]], [[0], [1, 2, 3]]] {
            let other = try mark(data(), rows: rows)
            #expect(other.data == first.data && other.partition != first.partition)
        }
        #expect(try mark(data(), place: 7).partition != first.partition)
    }
}
