import Datasets
import Foundation
import Testing

/// The faithful partition against values from NumPy, printed by `Golden/make_partition.py`.
@Suite struct FedMultimodalPartitionTests {
    private func partition(clients: Int, alpha: Double, minimum: Int) throws -> Partition {
        let rows = 0..<300
        let input = try PartitionInput(
            labels: rows.map { ($0 * $0 / 7 + $0 / 11) % 4 }, subjects: rows.map { $0 % 2 }, classes: 4)
        return try FedMultimodalPartitioner(.withinSubjects(clients: clients), alpha: alpha, minimum: minimum)
            .partition(input)
    }

    /// NumPy's order of summation matters from eight clients on; the first subject needs 18 draws.
    @Test func manyClients() throws {
        #expect(try partition(clients: 12, alpha: 1, minimum: 6).json() == Self.many)
    }

    /// Seven draws until the smallest client has 25 rows.
    @Test func smallConcentration() throws {
        #expect(try partition(clients: 3, alpha: 0.05, minimum: 25).json() == Self.small)
    }

    @Test func gapsInTheLabelsAreRefused() throws {
        let input = try PartitionInput(
            labels: (0..<100).map { $0 % 2 * 2 }, subjects: Array(repeating: 1, count: 100), classes: 3)
        let error = try #require(throws: DatasetError.self) {
            try FedMultimodalPartitioner(.withinSubjects(clients: 5), alpha: 1).partition(input)
        }
        #expect(error.message.contains("subject 1: labels [0, 2], expected 0...1 without a gap"))
    }

    private static let many = """
        {"dev":[104,150,146,82,214,16,14,90,66,230,2,152,288,188,42,92,76,58,222,60,192,10,218,258,272,0,44,102,\
        128,4,107,151,149,85,217,161,141,91,69,233,201,153,291,19,45,93,77,59,227,63,193,101,221,261,275,1,47,\
        105,13,41],"0-0":[24,96,274,270,148,232,208,70,286],"0-1":[164,278,296,46,204,284,202,210,162,40],\
        "0-2":[138,182,34,78,180,142,236,48,132,196],"0-3":[216,134,110,166,168,246,120,234,108],"0-4":[248,174,\
        140,184,100,194,176,240,50,294,190,250,198,154],"0-5":[242,54,206,36,290,224,98,260,116,256,262],\
        "0-6":[12,56,122,80,106,136,20,156,86,18,170,124,22,84,118,276],"0-7":[268,226,130,298,292,26,186,88,68,\
        64,52],"0-8":[32,158,200,94,228,178,72,114,62],"0-9":[280,6,38,30,220,244,212],"0-10":[264,266,238,112,\
        254,160,126],"0-11":[74,8,282,172,252,28,144],"1-0":[285,241,33,115,207,49,127,167,209,177,229],\
        "1-1":[139,129,267,23,203,295,27,249],"1-2":[255,171,131,11,283,133,271,9,273],"1-3":[185,159,15,299,\
        113,259,71,257,155,83,31],"1-4":[187,263,197,53,281,57,117,269,75,287],"1-5":[97,145,223,119,243,163,95,\
        137,195,239],"1-6":[87,225,181,147,21,297,165,183,123,99],"1-7":[103,213,191,247,55,89,199,51,135,211,\
        169,7],"1-8":[61,39,81,231,205,289,3,35,143,121,173],"1-9":[237,279,219,235,73,125,5,253],"1-10":[265,\
        245,215,37,293,111,109,43,25,67],"1-11":[65,189,179,251,277,175,79,29,17,157]}
        """

    private static let small = """
        {"dev":[104,150,146,82,214,16,14,90,66,230,2,152,288,188,42,92,76,58,222,60,192,10,218,258,272,0,44,102,\
        128,4,107,151,149,85,217,161,141,91,69,233,201,153,291,19,45,93,77,59,227,63,193,101,221,261,275,1,47,\
        105,13,41],"0-0":[72,208,136,292,88,70,190,250,64,112,220,186,114,228,178,28,156,46,252,148,20,296,68,\
        30,106,94,52,270,154,294,62,26,198,232,110],"0-1":[34,184,98,24,142,216,226,140,158,32,164,96,224,138,\
        78,290,182,248,74,54,260,264,266,268,36,116,180,200,174,242,206,38,280,50,172,130,12,274,240,256,6,236,\
        48,298,176,134,132,196,80,262,122,100,56,238,282,194,8],"0-2":[278,124,246,286,18,22,118,254,160,126,\
        170,284,162,244,276,84,202,166,234,144,210,108,120,40,204,86,212,168],"1-0":[213,129,189,103,81,171,39,\
        139,255,123,21,297,267,263,97,191,231,181,147,165,183,225,187,65,145,223,285],"1-1":[281,247,269,237,55,\
        179,195,245,53,23,203,163,3,205,185,239,279,75,289,95,287,243,159,117,137,99,119,57,15,31,125,7,271,253,\
        211,249,199,9,177,43,229,51,5,49,209,169,25,133,207,73,135,127,89,115,157,167,273,83],"1-2":[87,265,61,\
        197,277,143,33,79,113,121,35,111,37,295,299,175,215,283,27,109,235,293,71,241,131,259,11,257,17,251,173,\
        219,155,29,67]}
        """
}

@Suite(.enabled(if: RealData.uciHAR != nil, "TRIBUTARY_DATA does not name a folder that holds uci-har"))
struct RealFedMultimodalPartitionTests {
    private func partition(_ alpha: Double) throws -> (Partition, MultimodalDataset) {
        let train = try UCIHARReader(path: #require(RealData.uciHAR)).read(.train, isNormalised: false)
        let parameters = PartitionScheme.Parameters(scheme: .fedMultimodal, alpha: alpha)
        return (try PartitionScheme.partition(PartitionInput(train), parameters), train)
    }

    /// The benchmark's own partition, row for row; its file lies beside the data.
    @Test func lowHeterogeneityIsThePublishedPartition() throws {
        let file = try URL(fileURLWithPath: #require(RealData.uciHAR)).appendingPathComponent("partition_alpha50.json")
        let expected = try JSONDecoder().decode([String: [Int]].self, from: Data(contentsOf: file))
        let (partition, _) = try partition(5)
        let found = try JSONDecoder().decode([String: [Int]].self, from: Data(partition.json().utf8))
        #expect(found == expected)
        #expect(found.count == 106)
    }

    @Test func highHeterogeneityHasThePublishedNumbers() throws {
        let (partition, train) = try partition(0.1)
        let report = try HeterogeneityReport(partition, labels: train.labels, classes: 6)
        #expect(report.heldOut == ["dev": 1462])
        #expect(report.clients.count == 105)
        #expect(report.clients.map(\.rows).reduce(0, +) == 5890)
        #expect(report.sizes.min == 6)
        #expect(report.sizes.max == 101)
        #expect(abs(report.sizes.mean - 56.10) < 0.005)
        #expect(abs(report.classesPerClient.mean - 3.133) < 0.0005)
        let classes = report.clients.map { $0.labels.count { $0 > 0 } }
        #expect((1...6).map { number in classes.count { $0 == number } } == [11, 29, 29, 18, 7, 11])
        #expect(report.clients.prefix(5).map(\.id) == ["1-0", "1-1", "1-2", "1-3", "1-4"])
        #expect(
            report.clients.prefix(5).map(\.labels) == [
                [15, 0, 39, 0, 0, 0], [64, 0, 0, 0, 0, 0], [0, 4, 0, 37, 0, 12], [0, 0, 0, 0, 13, 25],
                [2, 38, 1, 1, 27, 0],
            ])
        #expect(report.clients.last?.id == "30-4")
        #expect(report.clients.last?.labels == [1, 54, 1, 1, 8, 0])
    }
}
