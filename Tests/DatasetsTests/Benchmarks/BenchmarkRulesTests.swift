import Datasets
import Testing

@Suite struct BenchmarkRulesTests {
    /// NumPy: `numpy.random.seed(8); numpy.random.shuffle(numpy.arange(10))` gives 8 6 9 0 2 5 7 1 4 3.
    @Test func aFifthIsHeldOutInNumPysOrder() {
        let (train, dev) = BenchmarkRules.trainDev(count: 10)
        #expect(dev == [8, 6])
        #expect(train == [9, 0, 2, 5, 7, 1, 4, 3])
        #expect(BenchmarkRules.trainDev(count: 4).dev.isEmpty)
        #expect(BenchmarkRules.trainDev(count: 0).train.isEmpty)
    }

    @Test(arguments: [5, 7, 91, 89])
    func foldsAreRunsThatCoverEverybodyOnce(count: Int) throws {
        let folds = try (1...5).map { try BenchmarkRules.testPositions(fold: $0, count: count) }
        #expect(folds.flatMap { Array($0) } == Array(0..<count))
        #expect(folds.map(\.count) == (0..<5).map { count / 5 + ($0 < count % 5 ? 1 : 0) })
        #expect(throws: DatasetError.self) { try BenchmarkRules.testPositions(fold: 0, count: count) }
        #expect(throws: DatasetError.self) { try BenchmarkRules.testPositions(fold: 6, count: count) }
        #expect(throws: DatasetError.self) { try BenchmarkRules.testPositions(fold: 1, count: 4) }
    }

    @Test func textIsOrderedByCodePoints() {
        let sorted = ["b", "a-10", "a-2", "A", "ä", "Hammering", "HammerThrow"].sorted(by: BenchmarkRules.precedes)
        #expect(sorted == ["A", "HammerThrow", "Hammering", "a-10", "a-2", "b", "ä"])
    }
}

@Suite struct ListedSplitsTests {
    private func row(_ key: String, _ label: Int = 0, group: String? = nil) -> ListedRow {
        ListedRow(key: key, label: label, group: group)
    }

    @Test func devIsDrawnFromEachGroupOrFromAll() throws {
        let rows = (0..<10).map { row("a\($0)", group: "1") } + (0..<5).map { row("b\($0)", group: "2") }
        let splits = try ListedSplits(classes: ["x"], train: rows, heldOut: ["test": [row("t")]]).holdingOutDev()
        let first = BenchmarkRules.trainDev(count: 10)
        let second = BenchmarkRules.trainDev(count: 5)
        #expect(splits.heldOut["dev"]?.map(\.key) == first.dev.map { "a\($0)" } + second.dev.map { "b\($0)" })
        #expect(splits.train.map(\.key) == first.train.map { "a\($0)" } + second.train.map { "b\($0)" })
        #expect(splits.heldOut["test"]?.count == 1)
        #expect(throws: DatasetError.self) { try splits.holdingOutDev() }
        let all = try ListedSplits(classes: ["x"], train: (0..<10).map { row("\($0)") }, heldOut: [:]).holdingOutDev()
        #expect(all.heldOut["dev"]?.map(\.key) == ["8", "6"])
    }

    @Test func featuresAreJoinedInTheOrderOfTheRows() throws {
        let splits = try ListedSplits(
            classes: ["x", "y"], train: [row("a", 1, group: "7"), row("b", 0, group: "7")],
            heldOut: ["test": [row("c")]])
        let modality = Modality(name: "text", shape: [2, 1], hasLengths: true)
        let joined = try splits.joined(name: "some") { (split, rows) throws(DatasetError) in
            [
                ModalityColumn(
                    modality: modality, values: rows.flatMap { [Float($0.key.utf8.first ?? 0), 0] },
                    lengths: rows.map { _ in 1 })
            ]
        }
        #expect(joined.train.values == [[97, 0, 98, 0]])
        #expect(joined.train.labels == [1, 0])
        #expect(joined.train.subjects == [7, 7])
        #expect(joined.groups == ["7", "7"])
        #expect(joined.heldOut["test"]?.values == [[99, 0]])
        #expect(joined.heldOut["test"]?.subjects == nil)
        #expect(throws: DatasetError.self) {
            try splits.joined(name: "some") { _, _ in [ModalityColumn(modality: modality, values: [1])] }
        }
    }

    @Test func brokenListsAreRefused() throws {
        let label = try #require(throws: DatasetError.self) {
            try ListedSplits(classes: ["x"], train: [row("a", 1)], heldOut: [:])
        }
        #expect(label.message.contains("train: 'a' has label 1, expected 0..<1"))
        let twice = try #require(throws: DatasetError.self) {
            try ListedSplits(classes: ["x"], train: [], heldOut: ["test": [row("a"), row("a")]])
        }
        #expect(twice.message.contains("test: 'a' occurs twice"))
    }
}
