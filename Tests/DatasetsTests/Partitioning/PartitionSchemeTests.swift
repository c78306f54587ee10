import Datasets
import Testing

/// What holds for every scheme, and how schemes are made from parameters.
@Suite struct PartitionSchemeTests {
    /// 600 rows of 6 classes in uneven numbers, 12 subjects, a value a row, 3 modalities.
    static let input: PartitionInput = {
        let labels = (0..<600).map { row in [0, 1, 2, 3, 4, 5, 0, 0, 3, 1][(row * 7 + row / 50) % 10] }
        let subjects = (0..<600).map { ($0 / 5) % 12 + 1 }
        let values = (0..<600).map { Double(($0 * 37) % 101) - 50 }
        // swift-format-ignore: NeverUseForceTry
        return try! PartitionInput(labels: labels, subjects: subjects, classes: 6, values: values, modalities: 3)
    }()

    static let cases: [[String: String]] = [
        ["scheme": "subject", "clients": "5"],
        ["scheme": "iid", "clients": "7"],
        ["scheme": "natural"],
        ["scheme": "grouped", "groupSize": "5"],
        ["scheme": "dirichlet", "clients": "8", "alpha": "0.3", "minimum": "10"],
        ["scheme": "dirichlet", "clients": "8", "alpha": "0.3", "minimum": "10", "balanced": "true"],
        ["scheme": "inner-dirichlet", "clients": "9", "alpha": "0.2", "minimum": "20", "spread": "1.5"],
        ["scheme": "pathological", "clients": "10", "classesPerClient": "3", "minimum": "5"],
        ["scheme": "shards", "clients": "11", "shardsPerClient": "3"],
        ["scheme": "sampled", "clients": "900", "rowsPerClient": "4", "minimum": "2"],
        ["scheme": "size-skew", "clients": "10", "law": "linear"],
        ["scheme": "size-skew", "clients": "10", "law": "square", "minimum": "8"],
        ["scheme": "size-skew", "clients": "40", "law": "exponential", "minimum": "2"],
        ["scheme": "size-skew", "clients": "10", "law": "log-normal", "spread": "3", "minimum": "4"],
        ["scheme": "continuous-skew", "clients": "6", "strictness": "0.5"],
        ["scheme": "natural-dirichlet", "clientsPerSubject": "4", "alpha": "0.4", "minimum": "3"],
        ["scheme": "fedmultimodal", "clientsPerSubject": "3", "alpha": "1.0", "minimum": "4"],
        ["scheme": "feature-skew", "base": "dirichlet", "clients": "5", "alpha": "1"],
        ["scheme": "vertical", "base": "grouped", "groupSize": "3", "modalitiesPerClient": "2"],
        ["scheme": "vertical", "clients": "4", "modalitiesPerClient": "2", "sharedRows": "true"],
    ]

    private func partition(_ values: [String: String]) throws -> Partition {
        try PartitionScheme.partition(Self.input, PartitionScheme.Parameters(values))
    }

    @Test func everySchemeHasACase() {
        #expect(Set(Self.cases.compactMap { $0["scheme"] }) == Set(PartitionScheme.allCases.map(\.rawValue)))
    }

    @Test(arguments: cases)
    func everyRowIsDealtOnce(_ values: [String: String]) throws {
        let partition = try partition(values)
        // Clients of this scheme draw from all rows, each for itself.
        guard values["scheme"] != "sampled" else { return }
        let copies = partition.sharesRows ? 2 : 1
        let rows = partition.clients.flatMap(\.rows) + partition.heldOut.flatMap(\.rows)
        #expect(rows.sorted() == (0..<600).flatMap { Array(repeating: $0, count: copies) })
        #expect(partition.rowCount == 600)
        let minimum = values["minimum"].flatMap { Int($0) } ?? 1
        #expect(partition.clients.allSatisfy { $0.rows.count >= minimum })
    }

    @Test(arguments: cases)
    func theSeedDecidesEverything(_ values: [String: String]) throws {
        let first = try partition(values)
        #expect(try partition(values) == first)
        let other = try partition(values.merging(["seed": "9"]) { $1 })
        let drawsNothing = ["subject", "natural"].contains(values["scheme"])
        #expect((other == first) == drawsNothing)
    }

    @Test(arguments: [
        ["scheme": "iid", "clients": "0"], ["scheme": "iid", "clients": "601"], ["scheme": "iid", "clients": "-3"],
        ["scheme": "iid", "clients": "9223372036854775807"],
        ["scheme": "dirichlet", "alpha": "0"], ["scheme": "dirichlet", "alpha": "nan"],
        ["scheme": "dirichlet", "alpha": "inf"], ["scheme": "dirichlet", "minimum": "0"],
        ["scheme": "dirichlet", "minimum": "61"], ["scheme": "dirichlet", "minimum": "60", "alpha": "0.01"],
        ["scheme": "inner-dirichlet", "spread": "-1"], ["scheme": "pathological", "classesPerClient": "7"],
        ["scheme": "pathological", "classesPerClient": "0"],
        ["scheme": "pathological", "clients": "2", "classesPerClient": "2"],
        ["scheme": "shards", "clients": "301"], ["scheme": "shards", "shardsPerClient": "0"],
        ["scheme": "shards", "shardsPerClient": "9223372036854775807"],
        ["scheme": "subject", "clients": "13"], ["scheme": "grouped", "groupSize": "13"],
        ["scheme": "grouped", "groupSize": "0"], ["scheme": "size-skew", "spread": "nan"],
        ["scheme": "sampled", "rowsPerClient": "601"], ["scheme": "sampled", "rowsPerClient": "0"],
        ["scheme": "sampled", "minimum": "11"], ["scheme": "sampled", "minimum": "0"],
        ["scheme": "sampled", "clients": "1000001"], ["scheme": "sampled", "clients": "0"],
        ["scheme": "continuous-skew", "strictness": "1.1"],
        ["scheme": "natural-dirichlet", "clientsPerSubject": "51"],
        ["scheme": "fedmultimodal"], ["scheme": "fedmultimodal", "alpha": "1", "seed": "4294967296"],
        ["scheme": "fedmultimodal", "alpha": "1", "clientsPerSubject": "9"],
        ["scheme": "feature-skew", "noise": "-1"], ["scheme": "feature-skew", "base": "vertical"],
        ["scheme": "vertical", "modalitiesPerClient": "4"], ["scheme": "vertical", "base": "feature-skew"],
        ["scheme": "iid", "alpha": "1"], ["scheme": "vertical", "alpha": "1"], ["scheme": "natural", "clients": "3"],
        ["scheme": "iid", "clients": "many"], ["scheme": "iid", "cleints": "3"], ["scheme": "idd"], [:],
        ["scheme": "size-skew", "law": "cubic"], ["scheme": "vertical", "base": "none"],
    ])
    func wrongParametersAreRefused(_ values: [String: String]) throws {
        let error = try #require(throws: DatasetError.self) { try partition(values) }
        #expect(error.code == .invalidArgument)
        #expect(!error.message.isEmpty)
    }

    @Test func sampledClientsAreManyAndDoNotDependOnEachOther() throws {
        let many = try partition(["scheme": "sampled", "clients": "900", "rowsPerClient": "4", "minimum": "2"])
        let few = try partition(["scheme": "sampled", "clients": "200", "rowsPerClient": "4", "minimum": "2"])
        #expect(many.clients.count == 900)
        #expect(many.sharesRows)
        #expect(Set(many.clients.map(\.rows.count)) == [2, 3, 4])
        for client in many.clients { #expect(client.rows == Set(client.rows).sorted()) }
        #expect(few.clients.map(\.rows) == many.clients.prefix(200).map(\.rows))
        // 900 draws of three rows on average: no row is out of reach (expected 4.5 holders, P(none) < 0.012 each).
        let holders = Dictionary(many.clients.flatMap(\.rows).map { ($0, 1) }) { $0 + $1 }
        #expect(holders.count > 570)
        #expect(try partition(["scheme": "sampled"]).clients.allSatisfy { $0.rows.count == 10 })
    }

    @Test func messagesSayWhatIsExpected() throws {
        let stray = try #require(throws: DatasetError.self) { try partition(["scheme": "iid", "alpha": "1"]) }
        #expect(stray.message == "scheme 'iid' does not use alpha, expected only clients")
        let unknown = try #require(throws: DatasetError.self) { try partition(["scheme": "iid", "cleints": "1"]) }
        #expect(unknown.message.contains("'cleints' is not known; scheme 'iid' reads clients, seed"))
        let short = try #require(throws: DatasetError.self) {
            try partition(["scheme": "dirichlet", "minimum": "60", "alpha": "0.01"])
        }
        #expect(short.message.contains("none of 1000 draws gave each of 10 clients at least 60 rows"))
    }

    @Test func schemesAskForWhatTheyNeed() throws {
        let bare = try PartitionInput(labels: [0, 1, 0, 1], classes: 2)
        for scheme in [PartitionScheme.subject, .natural, .grouped, .naturalDirichlet, .fedMultimodal] {
            let parameters = PartitionScheme.Parameters(scheme: scheme, alpha: scheme == .fedMultimodal ? 1 : nil)
            #expect(throws: DatasetError.self) { try PartitionScheme.partition(bare, parameters) }
        }
        let error = try #require(throws: DatasetError.self) {
            try PartitionScheme.partition(bare, .init(scheme: .continuousSkew, clients: 2))
        }
        #expect(error.message.contains("sorts by a value a row"))
    }
}
