import Jobs
import Testing
import Wire
import WireMessages

@Suite struct StatisticsTests {
    @Test func survivesTheWire() throws {
        let statistics = TaskStatistics(examples: 7, sums: ["loss": 1.5], confusion: [[3, 1], [0, 3]])
        #expect(try TaskStatistics(statistics.message) == statistics)
        let plain = TaskStatistics(examples: 2, sums: [:], confusion: nil)
        #expect(try TaskStatistics(plain.message) == plain)
        let counted = TaskStatistics(examples: 7, counts: ["a": [0, 0, 0, 5, 0, 2], "b": [], "c": [0, 0]])
        #expect(try TaskStatistics(counted.message) == counted)
        #expect(counted.message.counts["a"]?.runs == [-3, 5, 0, 2])
        var hidden = plain
        hidden.isWithheld = true
        #expect(hidden != plain)
        #expect(try TaskStatistics(hidden.message) == hidden)
        // A peer of before reads the rest.
        var old = counted.message
        old.counts = [:]
        #expect(try TaskStatistics(old) == TaskStatistics(examples: 7))
    }

    @Test(arguments: [[Int64.min], [-(1 << 40)], [.max], [-60_000, -60_000]])
    func refusesCountsBeyondTheLimits(runs: [Int64]) {
        var message = Tributary_V1_Statistics()
        message.examples = 1
        var vector = Tributary_V1_Counts()
        vector.runs = runs
        message.counts["a"] = vector
        #expect(throws: WireError.self) { try TaskStatistics(message) }
        message.counts = Dictionary(uniqueKeysWithValues: (0...2048).map { ("\($0)", Tributary_V1_Counts()) })
        #expect(throws: WireError.self) { try TaskStatistics(message) }
    }

    @Test(arguments: [(2, 3), (1, 4), (0, 1), (3, 0)] as [(UInt32, Int)])
    func refusesAMatrixThatIsNotSquare(classes: UInt32, cells: Int) {
        var message = Tributary_V1_Statistics()
        message.classes = classes
        message.confusion = Array(repeating: 1, count: cells)
        #expect(throws: WireError.self) { try TaskStatistics(message) }
    }

    @Test func refusesCountsThatDoNotFit() {
        var message = Tributary_V1_Statistics()
        message.examples = .max
        #expect(throws: WireError.self) { try TaskStatistics(message) }
        message.examples = 1
        message.classes = 1
        message.confusion = [.max]
        #expect(throws: WireError.self) { try TaskStatistics(message) }
    }

    @Test func refusesTooManySums() {
        var message = Tributary_V1_Statistics()
        for index in 0...WireLimits.figures { message.sums["\(index)"] = 0 }
        #expect(throws: WireError.self) { try TaskStatistics(message) }
    }

    @Test func aHugeClaimedMatrixTakesNoMemory() {
        var message = Tributary_V1_Statistics()
        message.classes = .max
        #expect(throws: WireError.self) { try TaskStatistics(message) }
    }
}
