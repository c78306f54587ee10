import Datasets
import Testing

@Suite struct PartitionTests {
    private func error(
        _ clients: [Partition.Client], heldOut: [Partition.HeldOut] = [], sharesRows: Bool = false
    ) -> String? {
        do {
            _ = try Partition(clients: clients, heldOut: heldOut, rowCount: 4, sharesRows: sharesRows)
            return nil
        } catch {
            return error.message
        }
    }

    @Test func soundPartitionsAreTaken() {
        #expect(error([.init(id: "1-0", rows: [3, 0]), .init(id: "b", rows: [])]) == nil)
        #expect(error([.init(id: "a", rows: [0])], heldOut: [.init(name: "dev", rows: [1, 2])]) == nil)
        #expect(error([.init(id: "a", rows: [0, 1]), .init(id: "b", rows: [1, 0])], sharesRows: true) == nil)
    }

    @Test func brokenPartitionsAreRefused() throws {
        #expect(try #require(error([])).contains("no clients"))
        #expect(try #require(error([.init(id: "a", rows: [4])])).contains("row 4, expected 0..<4"))
        #expect(try #require(error([.init(id: "a", rows: [-1])])).contains("row -1"))
        #expect(try #require(error([.init(id: "a", rows: [1, 1])])).contains("row 1 is held by 'a' and again by 'a'"))
        #expect(
            try #require(error([.init(id: "a", rows: [1]), .init(id: "b", rows: [1])])).contains(
                "held by 'a' and again"))
        #expect(
            try #require(error([.init(id: "a", rows: []), .init(id: "a", rows: [])])).contains("have the name 'a'"))
        #expect(
            try #require(error([.init(id: "dev", rows: [0])], heldOut: [.init(name: "dev", rows: [1])])).contains(
                "'dev'"))
        for id in ["", "../x", "-a", "_a", ".a", "a b", "ä", String(repeating: "a", count: 65)] {
            #expect(try #require(error([.init(id: id, rows: [])])).contains("expected 1 to 64"))
        }
    }

    @Test func heldOutRowsAreNeverTrainedOn() throws {
        for sharesRows in [false, true] {
            let found = error(
                [.init(id: "a", rows: [0, 1])], heldOut: [.init(name: "dev", rows: [1])], sharesRows: sharesRows)
            #expect(try #require(found).contains("held by 'a' and again by 'dev'"))
        }
        // A row twice in one client is wrong even where clients share rows.
        #expect(try #require(error([.init(id: "a", rows: [2, 2])], sharesRows: true)).contains("again by 'a'"))
    }

    @Test func jsonKeepsTheOrder() throws {
        let partition = try Partition(
            clients: [.init(id: "b", rows: [3, 1]), .init(id: "a", rows: [])], heldOut: [.init(name: "dev", rows: [2])],
            rowCount: 4)
        #expect(partition.json() == #"{"dev":[2],"b":[3,1],"a":[]}"#)
    }

    @Test func brokenInputsAreRefused() {
        func message(
            _ labels: [Int], subjects: [Int]? = nil, classes: Int = 2, values: [Double]? = nil, modalities: Int = 1
        ) -> String? {
            do {
                _ = try PartitionInput(
                    labels: labels, subjects: subjects, classes: classes, values: values, modalities: modalities)
                return nil
            } catch {
                return error.message
            }
        }
        #expect(message([0, 1], subjects: [4, 4], values: [0, 1]) == nil)
        #expect(message([])?.contains("no rows") == true)
        #expect(message([0, 2])?.contains("row 1 has label 2, expected 0..<2") == true)
        #expect(message([0, 1], subjects: [1])?.contains("1 subjects for 2 rows") == true)
        #expect(message([0, 1], subjects: [1, -1])?.contains("row 1 has a subject below 0") == true)
        #expect(message([0, 1], values: [.nan, 1])?.contains("row 0") == true)
        #expect(message([0], classes: 0)?.contains("0 classes") == true)
        #expect(message([0], modalities: 99)?.contains("99 modalities") == true)
    }
}
