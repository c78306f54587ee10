import Datasets
import Testing

@Suite struct SubjectPartitionTests {
    static let trainingSubjects = [1, 3, 5, 6, 7, 8, 11, 14, 15, 16, 17, 19, 21, 22, 23, 25, 26, 27, 28, 29, 30]

    @Test func dealsSortedSubjectsRoundRobin() throws {
        let shuffled = Self.trainingSubjects.reversed() + [30, 1]
        #expect(
            try SubjectPartition.deal(subjects: shuffled, sites: 5) == [
                [1, 8, 17, 25, 30], [3, 11, 19, 26], [5, 14, 21, 27], [6, 15, 22, 28], [7, 16, 23, 29],
            ])
    }

    @Test(arguments: 1...21)
    func everySubjectIsAtExactlyOneSite(sites: Int) throws {
        let dealt = try SubjectPartition.deal(subjects: Self.trainingSubjects, sites: sites)
        #expect(dealt.count == sites)
        #expect(dealt.flatMap { $0 }.sorted() == Self.trainingSubjects)
        let sizes = dealt.map(\.count)
        #expect((sizes.max() ?? 0) - (sizes.min() ?? 0) <= 1)
    }

    @Test(arguments: [-1, 0, 22])
    func emptySitesAreRefused(sites: Int) throws {
        let error = try #require(throws: DatasetError.self) {
            try SubjectPartition.deal(subjects: Self.trainingSubjects, sites: sites)
        }
        #expect(error.code == .invalidArgument)
        #expect(error.message.contains("expected 1 to 21"))
    }

    @Test func rowsKeepTheirOrderAndSubject() throws {
        let data = try MultimodalDataset(
            name: "tiny", classes: ["a", "b"], modalities: [Modality(name: "x", shape: [2])],
            values: [(0..<12).map(Float.init)], labels: [0, 1, 0, 1, 0, 1], subjects: [9, 2, 9, 4, 2, 4])
        let sites = try SubjectPartition.sites(data, count: 2)
        #expect(sites.map(\.indices) == [[0, 1, 2, 4], [3, 5]])
        #expect(sites[1].gather(modality: 0) == [6, 7, 10, 11])
        #expect(try sites[1].materialised().subjects == [4, 4])
        let anonymous = try MultimodalDataset(
            name: "tiny", classes: ["a"], modalities: [Modality(name: "x", shape: [1])], values: [[1]], labels: [0])
        #expect(throws: DatasetError.self) { try SubjectPartition.sites(anonymous, count: 1) }
    }
}
