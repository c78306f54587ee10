import Aggregation
import Foundation
import TestSupport
import Testing
import Training
import Weights

@testable import Simulation

/// Weights come back as they went in, from memory and from the file, and take no more memory than was granted.
@Suite struct WeightsStoreTests {
    /// Two tensors of 8 and 24 bytes.
    static func weights(_ value: Float) throws -> Weights {
        try Weights([
            (name: "a", shape: [2], values: [value, -value]),
            (name: "b", shape: [2, 3], values: (0..<6).map { value + Float($0) }),
        ])
    }

    @Test func whatDoesNotFitGoesToAFileWithoutAName() throws {
        let folder = try TemporaryFolder()
        let store = WeightsStore(path: folder.file("waiting"), budget: 70)
        let kept = try (0..<5).map { try store.keep(Self.weights(Float($0))) }
        #expect(store.residentBytes == 64)
        #expect(store.spilledCount == 3)
        #expect(store.fileBytes == 96)
        #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path).isEmpty)
        for (number, kept) in kept.enumerated() {
            let whole = try Self.weights(Float(number))
            #expect(try kept.weights() == whole)
            #expect(kept.schema == whole.schema)
            for index in whole.schema.tensors.indices {
                for (offset, count) in [(0, 8), (4, 4), (0, 0)] {
                    var (found, expected) = ([UInt8](repeating: 0, count: count), [UInt8](repeating: 1, count: count))
                    try found.withUnsafeMutableBytes { try kept.readBlock(tensor: index, byteOffset: offset, into: $0) }
                    try expected.withUnsafeMutableBytes {
                        try whole.readBlock(tensor: index, byteOffset: offset, into: $0)
                    }
                    #expect(found == expected)
                }
            }
            var beyond = [UInt8](repeating: 0, count: 9)
            #expect(throws: WeightsError.self) {
                try beyond.withUnsafeMutableBytes { try kept.readBlock(tensor: 0, byteOffset: 0, into: $0) }
            }
        }
    }

    @Test func placesAreUsedAgain() throws {
        let folder = try TemporaryFolder()
        let store = WeightsStore(path: folder.file("waiting"), budget: 32)
        for round in 0..<20 {
            let kept = try (0..<4).map { try store.keep(Self.weights(Float(10 * round + $0))) }
            for (number, kept) in kept.enumerated() {
                #expect(try kept.weights() == Self.weights(Float(10 * round + number)))
            }
        }
        #expect(store.residentBytes == 0)
        #expect(store.fileBytes == 96)
        #expect(store.spilledCount == 60)
    }

    @Test func aStoreOfNothingAndOneOfEverything() throws {
        let folder = try TemporaryFolder()
        let none = WeightsStore(path: folder.file("none"), budget: -1)
        #expect(try none.keep(Self.weights(1)).weights() == Self.weights(1))
        #expect(none.spilledCount == 1)
        let all = WeightsStore(path: folder.file("no folder/all"), budget: .max)
        let kept = try (0..<9).map { try all.keep(Self.weights(Float($0))) }
        #expect(all.spilledCount == 0 && all.residentBytes == 9 * 32 && kept.count == 9)
        let broken = WeightsStore(path: folder.file("no folder/broken"), budget: 0)
        #expect(throws: (any Error).self) { try broken.keep(Self.weights(1)) }
    }
}

/// A round sees what earlier rounds left, wherever it lies, and what was written survives the process.
@Suite struct ClientStatesTests {
    /// Random checkpoints and ends of the process, over rounds of which some are tried twice, against a table of
    /// everything.
    @Test(arguments: 0..<6) func statesAreThoseOfTheNewestEarlierRound(seed: Int) throws {
        let folder = try TemporaryFolder()
        var random = Numbers(state: UInt64(seed) + 1)
        let schema = try WeightsStoreTests.weights(0).schema
        // By client: the value that each round left.
        var table: [String: [Int: Float]] = [:]
        var durable = table
        var states = ClientStates(folder: folder.file("state"))
        var store = WeightsStore(path: folder.file("waiting"), budget: 80)
        var (round, attempt, checkpoint) = (0, 0, 0)
        for step in 0..<50 {
            let draw = random.below(10)
            if draw <= 2 { try states.persist(through: round - 1) }
            switch draw {
            case 0, 1:
                (checkpoint, durable) = (round, table.mapValues { $0.filter { $0.key < round } })
                states.checkpointed(nextRound: checkpoint)
            case 2, 3:
                // The process ends, in case 2 after states were written and before the checkpoint that goes with them.
                states = ClientStates(folder: folder.file("state"))
                states.checkpointed(nextRound: checkpoint)
                store = WeightsStore(path: folder.file("waiting"), budget: random.below(2) * 80)
                (table, round, attempt) = (durable, checkpoint, 0)
            default:
                for (number, client) in ["a", "b", "c", "d"].enumerated()
                where (round * 5 + attempt * 3 + number * 7 + seed) % 3 != 0 {
                    // What a round leaves follows from what it finds, as in training.
                    let expected = table[client]?.filter { $0.key < round }.max { $0.key < $1.key }?.value
                    let found = try states.state(of: client, round: round).load("own", schema: schema)
                    #expect(try found == expected.map(WeightsStoreTests.weights), "step \(step), round \(round)")
                    let next = (expected ?? 0) * 0.5 + Float(10 * round + attempt)
                    states.commit(client, round: round, ["own": try store.keep(WeightsStoreTests.weights(next))])
                    table[client, default: [:]][round] = next
                }
                if attempt == 0, (round + seed) % 4 == 0 { attempt = 1 } else { (round, attempt) = (round + 1, 0) }
            }
        }
        #expect(round > 3)
    }

    @Test func aStateOfAnotherModelIsRefused() throws {
        let folder = try TemporaryFolder()
        let store = WeightsStore(path: folder.file("waiting"), budget: .max)
        let states = ClientStates(folder: folder.file("state"))
        states.commit("a", round: 0, ["own": try store.keep(WeightsStoreTests.weights(1))])
        let other = try Weights([(name: "a", shape: [3], values: [1, 2, 3])]).schema
        #expect(throws: TrainingError.self) { try states.state(of: "a", round: 1).load("own", schema: other) }
        try states.persist(through: 0)
        #expect(store.residentBytes == 0)
        #expect(throws: TrainingError.self) { try states.state(of: "a", round: 1).load("own", schema: other) }
    }

    /// SplitMix64, enough for a test.
    struct Numbers {
        var state: UInt64

        mutating func below(_ bound: Int) -> Int {
            state &+= 0x9E37_79B9_7F4A_7C15
            var value = state
            value = (value ^ (value >> 30)) &* 0xBF58_476D_1CE4_E5B9
            value = (value ^ (value >> 27)) &* 0x94D0_49BB_1331_11EB
            return Int((value ^ (value >> 31)) % UInt64(bound))
        }
    }
}
