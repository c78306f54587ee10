import Datasets
import Foundation
import TestSupport
import Testing

@Suite struct CorruptedDataTests {
    private func data(_ count: Int = 40, lengths: Bool = false) throws -> MultimodalDataset {
        try MultimodalDataset(
            name: "d", classes: ["a", "b", "c"],
            modalities: [
                Modality(name: "x", shape: [2, 3], hasLengths: lengths), Modality(name: "y", shape: [4]),
                Modality(name: "z", shape: [1]),
            ],
            values: [6, 4, 1].map { elements in (0..<count * elements).map { Float($0 + 1) } },
            labels: (0..<count).map { $0 % 3 }, subjects: (0..<count).map { $0 / 7 },
            lengths: [lengths ? (0..<count).map { $0 % 3 } : nil, nil, nil])
    }

    private func corrupt(
        _ view: DatasetView, _ description: CorruptionDescription, client: UInt32 = 1, modalities: [Int]? = nil
    ) throws -> CorruptedData {
        let outcome = try CorruptionSimulator(description, seed: 5).training(
            client: client, labels: view.labels, classes: view.dataset.classes.count,
            modalities: view.dataset.modalities.count)
        return try CorruptedData(view, outcome, modalities: modalities)
    }

    private let everything = CorruptionDescription(
        missingModality: .constant(0.5), unit: .sample, missingLabels: .constant(0.2), erroneousLabels: .constant(0.5))

    @Test(arguments: [false, true]) func aViewGivesWhatIsLeft(lengths: Bool) throws {
        let all = try data(lengths: lengths)
        // The samples of a client: some rows, in an order of their own.
        let source = DatasetView(all, indices: stride(from: 39, through: 1, by: -2).map { $0 })
        let corrupted = try corrupt(source, everything)
        let outcome = corrupted.corruption
        #expect(!corrupted.isEmpty && corrupted.positions.count < 20)
        #expect(corrupted.positions == outcome.kept())
        #expect(corrupted.view.indices == corrupted.positions.map { source.indices[$0] })
        #expect(corrupted.view.labels == corrupted.positions.map { outcome.labels[$0] })
        #expect(corrupted.view.cleanLabels == corrupted.view.indices.map { all.labels[$0] })
        #expect(corrupted.view.labels != corrupted.view.cleanLabels)
        #expect(corrupted.view.subjects == corrupted.view.indices.map { all.subjects?[$0] ?? -1 })

        // Batches in any order see the same samples.
        let order = Array(corrupted.positions.indices.reversed()) + [0]
        let batch = corrupted.view.selecting(order)
        #expect(batch.labels == order.map { corrupted.view.labels[$0] })
        for modality in 0..<3 {
            let elements = all.modalities[modality].elements
            let absent = order.map { outcome.isMissing(modality: modality, sample: corrupted.positions[$0]) }
            #expect(absent.contains(true) && absent.contains(false))
            var expected: [Float] = []
            for (row, index) in batch.indices.enumerated() {
                expected += all.values[modality][index * elements..<(index + 1) * elements].map { absent[row] ? 0 : $0 }
            }
            #expect(batch.gather(modality: modality) == expected)
            let full = batch.indices.map { all.lengths[modality]?[$0] ?? all.modalities[modality].shape[0] }
            #expect(batch.lengths(modality: modality) == zip(full, absent).map { $1 ? 0 : $0 })
        }
        let copy = try corrupted.view.materialised()
        #expect(copy.labels == corrupted.view.labels)
        #expect(copy.values[1] == corrupted.view.gather(modality: 1))
        #expect(copy.lengths[0] == corrupted.view.lengths(modality: 0))
        #expect(copy.modalities.map(\.hasLengths) == [true, true, true])

        // A site folder holds copies only.
        let folder = try TemporaryFolder()
        #expect(throws: DatasetError.self) {
            try SiteFolder.write(to: folder.file("view"), splits: ["train": corrupted.view])
        }
        let written = try SiteFolder.write(to: folder.file("copy"), splits: ["train": copy.all]).read(split: "train")
        #expect(written.lengths == copy.lengths && written.values == copy.values && written.labels == copy.labels)
    }

    @Test func rateZeroLeavesTheSourceItself() throws {
        let source = try data().all
        let corrupted = try corrupt(source, .none)
        #expect(corrupted.view.corruption == nil)
        #expect(corrupted.view.indices == source.indices && corrupted.view.labels == source.labels)
        for modality in 0..<3 {
            #expect(corrupted.view.lengths(modality: modality) == nil)
            #expect(corrupted.view.gather(modality: modality) == source.gather(modality: modality))
        }
        #expect(corrupted.summary == "40 of 40 samples are left")
    }

    @Test func onlyTheModalitiesOfTheModelCount() throws {
        let source = try data().all
        let description = CorruptionDescription(missingModality: .constant(0.5), unit: .sample)
        let one = try corrupt(source, description, modalities: [2])
        #expect(one.positions.count == 40 - one.corruption.missingCounts[2])
        #expect(try corrupt(source, description).positions.count > one.positions.count)
    }

    @Test func aClientWideAbsenceHasLengthZero() throws {
        let source = try data().all
        // Position 2 lacks the second modality at 50 %, not the first: u(2) = 0.436, u(4) = 0.967.
        let corrupted = try corrupt(
            source, CorruptionDescription(mode: .faithful, missingModality: .constant(0.5)), client: 2)
        #expect(corrupted.corruption.missingCounts[0] == 0 && corrupted.corruption.missingCounts[1] == 40)
        #expect(corrupted.view.gather(modality: 1).allSatisfy { $0 == 0 })
        #expect(corrupted.view.lengths(modality: 1) == Array(repeating: 0, count: 40))
        #expect(corrupted.view.lengths(modality: 0) == nil)
    }

    @Test func nothingLeftSaysWhatIsMissing() throws {
        let gone = try corrupt(
            data().all, CorruptionDescription(missingModality: .constant(1), missingLabels: .constant(1)))
        #expect(gone.isEmpty && gone.view.count == 0)
        #expect(
            gone.summary == "nothing is left of 40 samples: 40 lack 'x', 40 lack 'y', 40 lack 'z', 40 have no label")
    }

    @Test func whatDoesNotBelongTogetherIsRefused() throws {
        let source = try data().all
        let outcome = try corrupt(source, everything).corruption
        #expect(throws: DatasetError.self) { try CorruptedData(source.selecting(0..<39), outcome) }
        #expect(throws: DatasetError.self) { try CorruptedData(source, outcome, modalities: [3]) }
        let other = try CorruptionSimulator(everything, seed: 5).training(
            client: 1, labels: source.labels, classes: 3, modalities: 2)
        #expect(throws: DatasetError.self) { try CorruptedData(source, other) }
        let view = try corrupt(source, everything).view
        let again = try CorruptionSimulator(everything, seed: 5).training(
            client: 1, labels: view.labels, classes: 3, modalities: 3)
        #expect(throws: DatasetError.self) { try CorruptedData(view, again) }
    }

    @Test func summariesAgreeWithTheSimulator() throws {
        let clients = (0..<10).map { index in
            CorruptionSummary.Source(
                name: "client-\(index)", index: UInt32(index), labels: (0..<20).map { ($0 + index) % 3 })
        }
        let description = CorruptionDescription(
            missingModality: .constant(0.5), missingLabels: .constant(0.2), erroneousLabels: .constant(0.4))
        let summary = try CorruptionSummary.describe(
            clients, description, seed: 3, classes: 3, modalities: ["x", "y"])
        #expect(summary.clients.map(\.name) == clients.map(\.name))
        #expect(summary.examples == 200)
        #expect(summary.skippedClients > 0 && summary.skippedClients < 10)
        #expect(summary.kept == summary.clients.reduce(0) { $0 + $1.kept })
        for (client, source) in zip(summary.clients, clients) {
            let outcome = try CorruptionSimulator(description, seed: 3).training(
                client: source.index, labels: source.labels, classes: 3, modalities: 2)
            #expect(client.kept == outcome.kept().count && client.isSkipped == outcome.isSkipped)
            #expect(client.classes.reduce(0, +) == client.kept)
            #expect(client.missing == ["x": outcome.missingCounts[0], "y": outcome.missingCounts[1]])
            #expect(client.unlabelled == outcome.unlabelled.count { $0 })
            #expect(client.changedLabels == outcome.changedLabels)
        }
        let coded = try JSONDecoder().decode(CorruptionSummary.self, from: JSONEncoder().encode(summary))
        #expect(coded == summary)
    }
}
