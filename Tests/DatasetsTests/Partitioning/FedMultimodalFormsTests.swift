import Datasets
import Testing

/// The forms of the benchmark's partition beside UCI-HAR's, against values from NumPy printed by
/// `Golden/make_partition.py`, and what must hold for any data.
@Suite struct FedMultimodalFormsTests {
    private static let rows = Array(0..<120)
    private static let labels = rows.map { ($0 * $0 / 7 + $0 / 11) % 4 }

    private func input(named: Bool = false) throws -> PartitionInput {
        let subjects = Self.rows.map { $0 * $0 % 5 }
        guard named else { return try PartitionInput(labels: Self.labels, subjects: subjects, classes: 4) }
        let data = try MultimodalDataset(
            name: "named", classes: ["a", "b", "c", "d"], modalities: [Modality(name: "x", shape: [1])],
            values: [Self.rows.map { Float($0) }], labels: Self.labels)
        return try PartitionInput(data, groups: subjects.map { "p \($0)" })
    }

    @Test func oneDrawAfterAFifthIsHeldOut() throws {
        let scheme = FedMultimodalPartitioner(.global(clients: 9), alpha: 0.5, minimum: 3, development: .names)
        #expect(try scheme.partition(input()).json() == Self.drawn)
    }

    @Test func oneDrawOverAllRows() throws {
        let scheme = FedMultimodalPartitioner(.global(clients: 9), alpha: 0.5, minimum: 3, development: nil)
        #expect(try scheme.partition(input()).json() == Self.given)
    }

    /// Subject 0 has 24 rows and is left out; names become identifiers.
    @Test func subjectsAsClients() throws {
        let scheme = FedMultimodalPartitioner(.natural, minimum: 30)
        #expect(try scheme.partition(input(named: true)).json() == Self.natural)
    }

    @Test func withoutADrawNaturalClientsKeepTheirRowsInOrder() throws {
        let partition = try FedMultimodalPartitioner(.natural, minimum: 1, development: nil).partition(input())
        #expect(partition.clients.map(\.id) == ["0", "1", "4"])
        #expect(partition.heldOut.isEmpty)
        #expect(try partition == NaturalPartitioner().partition(input()))
    }

    /// Every row is held once, the smallest client has enough, and a fifth of the right rows is held out.
    @Test(arguments: [0.1, 1, 5], [1, 5])
    func rowsAreDealtOnce(alpha: Double, minimum: Int) throws {
        let labels = (0..<2000).map { ($0 * 7919 / 13) % 5 }
        let input = try PartitionInput(labels: labels, classes: 5)
        for keys in [FedMultimodalPartitioner.Keys.names, .rowNumbers, nil] {
            let partition = try FedMultimodalPartitioner(
                .global(clients: 20), alpha: alpha, minimum: minimum, development: keys
            ).partition(input)
            let held = partition.heldOut.flatMap(\.rows)
            #expect(held.count == (keys == nil ? 0 : 400))
            #expect((partition.clients.flatMap(\.rows) + held).sorted() == Array(0..<2000))
            #expect(partition.clients.allSatisfy { $0.rows.count >= minimum })
            #expect(partition.clients.map(\.id) == (0..<20).map(String.init))
        }
    }

    @Test func eachDataSetIsDealtInItsOwnWay() throws {
        func make(_ parameters: PartitionScheme.Parameters, _ data: BenchmarkDataset) throws -> FedMultimodalPartitioner
        {
            try #require(PartitionScheme.make(parameters, for: data) as? FedMultimodalPartitioner)
        }
        let plain = PartitionScheme.Parameters(scheme: .fedMultimodal)
        let low = PartitionScheme.Parameters(scheme: .fedMultimodal, alpha: 5)
        #expect(try make(plain, .meld).form == .natural)
        #expect(try make(plain, .meld).development == nil)
        #expect(try make(plain, .cremaD).development == .names)
        #expect(try make(plain, .ptbXL).minimum == 10)
        #expect(try make(low, .mit51).form == .global(clients: 1000))
        #expect(try make(low, .crisisMMD).minimum == 1)
        #expect(try make(low, .crisisMMD).development == nil)
        #expect(try make(low, .uciHAR).form == .withinSubjects(clients: 5))
        #expect(try make(.init(scheme: .fedMultimodal, clients: 7, alpha: 5), .ucf101).form == .global(clients: 7))
        for (parameters, data, found) in [
            (low, BenchmarkDataset.meld, "does not use alpha for MELD, whose dealing is by who recorded the data"),
            (plain, .mit10, "needs alpha"),
            (.init(scheme: .fedMultimodal, clients: 3, alpha: 5), .uciHAR, "does not use clients for UCI-HAR"),
        ] {
            let error = try #require(throws: DatasetError.self) { try make(parameters, data) }
            #expect(error.message.contains(found))
        }
    }

    @Test func aNameThatTwoSubjectsShareAsAnIdentifierIsRefused() throws {
        let data = try MultimodalDataset(
            name: "named", classes: ["a"], modalities: [Modality(name: "x", shape: [1])], values: [[0, 0]],
            labels: [0, 0])
        let input = try PartitionInput(data, groups: ["dr. green", "dr green"])
        let error = try #require(throws: DatasetError.self) { try NaturalPartitioner().partition(input) }
        #expect(error.message.contains("two clients or held-out lists have the name 'dr-green'"))
    }

    private static let drawn = """
        {"dev":[101,29,17,57,87,103,70,109,30,1,75,40,0,118,12,62,33,88,55,80,114,35,117,108],"0":[61,78,21,76],\
        "1":[38,56,3,45,48,16,53,95,15,14,13],"2":[54,2,98,32,8,27,60,115,7,82,51,47,42],"3":[81,24,105,36,6,90,\
        50,111,72,69,110,79,28,10,52,64,112,4,113,46,71],"4":[44,116,20,59,104],"5":[11,77,93],"6":[19,34,106],"\
        7":[39,96,107,97,63,66,119,92,23,100,58],"8":[65,74,99,68,94,26,37,67,41,91,85,9,31,22,43,83,25,73,18,84\
        ,5,49,89,102,86]}
        """

    private static let given = """
        {"0":[100,99,117,6,77,72,94,79,20,26,113,59,35,70,110,52],"1":[98,92,23,12,45,57,50,53,80,95,58,3,56,90,\
        38,55,16],"2":[0,119,75,101,104,88,68,112,4,71,17,64,37,109,30],"3":[34,81,65,21,116,1,107,32,66,2,103,1\
        05,61,54,44,63,74],"4":[97,87,36,24,106,29,69,73],"5":[39,8,28,27,11,47,40],"6":[78,96,48,46,91],"7":[14\
        ,13,10,86,85,22,51,108,25,7,118,41,9,5,84,67,42,83],"8":[19,15,33,62,111,114,76,89,82,115,49,31,93,60,18\
        ,43,102]}
        """

    private static let natural = """
        {"dev":[89,99,69,41,9,44,31,1,29,87,98,7,42,88,43,3,102,28],"p-1":[49,64,19,16,101,61,74,91,96,6,104,76,\
        79,114,56,81,109,94,71,46,66,111,24,34,59,26,119,21,54,14,4,84,36,116,51,11,86,39,106],"p-4":[48,67,2,18\
        ,103,63,73,92,97,62,107,77,78,118,57,8,112,93,72,47,68,117,23,32,58,27,13,22,53,17,38,82,33,12,52,113,83\
        ,37,108]}
        """
}
