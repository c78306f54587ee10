import Synchronization
import Testing

@testable import Aggregation

@Suite("Block driver")
struct BlockDriverTests {
    private struct Failure: Error, Equatable { var block: Int }

    @Test("hands every block over once and in order", arguments: [1, 2, 5], [0, 1, 3, 200])
    func order(workers: Int, count: Int) throws {
        var found: [Int] = []
        try BlockDriver(workers: workers).run(
            count: count, slot: { PartialSums(count: 1) }, workspace: { () },
            compute: { index, _, slot in slot.values[0] = Double(index * index) },
            consume: { index, slot in
                #expect(slot.values[0] == Double(index * index))
                found.append(index)
            })
        #expect(found == Array(0..<count))
    }

    @Test("the first failure in order ends the work, and no thread runs on", arguments: [1, 3])
    func failure(workers: Int) throws {
        let running = Atomic<Int>(0)
        var last = -1
        #expect(throws: Failure(block: 40)) {
            try BlockDriver(workers: workers).run(
                count: 1000, slot: { PartialSums(count: 0) }, workspace: { () },
                compute: { index, _, _ in
                    running.wrappingAdd(1, ordering: .relaxed)
                    defer { running.wrappingSubtract(1, ordering: .relaxed) }
                    if index >= 40 { throw Failure(block: index) }
                },
                consume: { index, _ in last = index })
        }
        #expect(last == 39)
        #expect(running.load(ordering: .relaxed) == 0)
    }

    @Test("what the reader throws ends the work", arguments: [1, 3])
    func stopped(workers: Int) throws {
        #expect(throws: Failure(block: 5)) {
            try BlockDriver(workers: workers).run(
                count: 1000, slot: { PartialSums(count: 0) }, workspace: { () }, compute: { _, _, _ in },
                consume: { index, _ in if index == 5 { throw Failure(block: 5) } })
        }
    }

    @Test("a grid covers every element once")
    func grid() {
        let sizes = [0, 5, 1, 0, 0, 12, 3, 0]
        let grid = BlockGrid(sizes, elements: 4)
        var seen = sizes.map { _ in 0 }
        for index in 0..<grid.count {
            let span = grid[index]
            #expect(span.start == seen[span.tensor] && span.count >= 1 && span.count <= 4)
            seen[span.tensor] += span.count
        }
        #expect(seen == sizes)
        #expect(BlockGrid([], elements: 3).count == 0)
        #expect(BlockGrid([0, 0], elements: 3).count == 0)
    }

    @Test("a network sorts every list of zeros and ones", arguments: 1...11)
    func network(count: Int) {
        // Zero-one principle: what sorts these sorts everything.
        for wanted in [0..<count, (count - 1) / 2..<count / 2 + 1] {
            let pairs = SortingNetwork(count: count, wanted: wanted).pairs
            for bits in 0..<(1 << count) {
                var list = (0..<count).map { bits >> $0 & 1 }
                for place in stride(from: 0, to: pairs.count, by: 2) {
                    let (low, high) = (Int(pairs[place]), Int(pairs[place + 1]))
                    if list[high] < list[low] { list.swapAt(low, high) }
                }
                let sorted = (0..<count).map { $0 < count - bits.nonzeroBitCount ? 0 : 1 }
                #expect(Array(list[wanted]) == Array(sorted[wanted]))
            }
        }
    }
}
