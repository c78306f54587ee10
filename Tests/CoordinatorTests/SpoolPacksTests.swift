import Durability
import Federation
import Foundation
import Synchronization
import TestSupport
import Testing

@testable import Coordinator

@Suite struct SpoolPacksTests {
    private let disk = LossyFileSystem()
    private let task = RoundTask(.train, round: 3, attempt: 0)

    private func update(_ number: Int) -> Data {
        Data((0..<(40 + number)).map { UInt8(truncatingIfNeeded: $0 &* 7 &+ number) })
    }

    private func read(_ spool: Spool, at offset: Int64, count: Int) throws -> Data {
        let file = PackedFile(
            try spool.pack(job: "job", round: 3, attempt: 0), at: offset, bytes: Int64(count))
        return Data(try file.read(at: 0, count: count))
    }

    private func keep(_ number: Int, in spool: Spool) async throws -> Int64 {
        try await spool.keep(update(number), job: "job", task: task) {}
    }

    @Test func manyAtOnceLieOneBehindTheOther() async throws {
        let spool = try Spool(folder: "spool", fileSystem: disk)
        let offsets = try await withThrowingTaskGroup(of: (Int, Int64).self) { group in
            for number in 0..<50 { group.addTask { (number, try await keep(number, in: spool)) } }
            return try await group.reduce(into: [Int: Int64]()) { $0[$1.0] = $1.1 }
        }
        for (number, offset) in offsets {
            #expect(try read(spool, at: offset, count: update(number).count) == update(number))
        }
        let size = try disk.size("spool/job/3/\(SpoolPacks.name)")
        #expect(size == Int64((0..<50).reduce(0) { $0 + update($1).count }))
    }

    @Test(arguments: LossyFileSystem.Loss.allCases)
    func whatWasKeptSurvivesACrashAndStaysWhereItIs(loss: LossyFileSystem.Loss) async throws {
        let first = try Spool(folder: "spool", fileSystem: disk)
        let offset = try await keep(1, in: first)
        // The second is written and its power fails before it is durable.
        let disk = disk
        await #expect(throws: DurabilityError.self) {
            try await first.keep(update(2), job: "job", task: task) { disk.powerOff() }
        }
        disk.crash(loss)
        let spool = try Spool(folder: "spool", fileSystem: disk)
        let row = Store.SpooledUpdate(job: "job", round: 3, attempt: 0, client: "a", packEnd: Int64(update(1).count))
        #expect(try spool.sweep(referenced: [row], open: ["job": (3, 0)]).isEmpty)
        let next = try await keep(3, in: spool)
        #expect(next >= offset + Int64(update(1).count))
        #expect(try read(spool, at: offset, count: update(1).count) == update(1))
        #expect(try read(spool, at: next, count: update(3).count) == update(3))
    }

    @Test func aPackThatIsTooShortIsMissedAndOneWithoutRowsIsRemoved() async throws {
        let spool = try Spool(folder: "spool", fileSystem: disk)
        _ = try await keep(1, in: spool)
        let size = Int64(update(1).count)
        let whole = Store.SpooledUpdate(job: "job", round: 3, attempt: 0, client: "a", packEnd: size)
        let beyond = Store.SpooledUpdate(job: "job", round: 3, attempt: 0, client: "b", packEnd: size + 1)
        let elsewhere = Store.SpooledUpdate(job: "job", round: 4, attempt: 0, client: "a", packEnd: size)
        #expect(try spool.sweep(referenced: [whole, beyond, elsewhere], open: [:]) == [beyond, elsewhere])
        #expect(try spool.sweep(referenced: [], open: ["job": (3, 0)]).isEmpty)
        #expect(try disk.list("spool").isEmpty)
    }

    @Test func aFailedWriteIsToldAndTheNextOneGoesOn() async throws {
        let spool = try Spool(folder: "spool", fileSystem: disk)
        struct Failed: Error {}
        await #expect(throws: Failed.self) {
            try await spool.keep(update(1), job: "job", task: task) { throw Failed() }
        }
        let offset = try await keep(2, in: spool)
        #expect(try read(spool, at: offset, count: update(2).count) == update(2))
    }

    @Test func aPackGoesWithItsRound() async throws {
        let spool = try Spool(folder: "spool", fileSystem: disk)
        _ = try await keep(1, in: spool)
        try spool.remove(job: "job", round: 3, attempt: 0)
        #expect(try disk.list("spool/job").isEmpty)
        // The same round of a job of the same name begins at its start.
        #expect(try await keep(2, in: spool) == 0)
        #expect(try read(spool, at: 0, count: update(2).count) == update(2))
    }
}
