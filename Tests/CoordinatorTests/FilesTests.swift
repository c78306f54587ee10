import Durability
import Federation
import TestSupport
import Testing

@testable import Coordinator

@Suite struct BlobStoreTests {
    private let bytes = (0..<5000).map { UInt8($0 % 251) }

    private func write(_ blobs: BlobStore, name: String = "test", onRename: () throws -> Void = {}) throws -> String {
        let writer = try blobs.writer(name: name)
        try bytes[..<3000].withUnsafeBytes { try writer.append($0) }
        try bytes[3000...].withUnsafeBytes { try writer.append($0) }
        return try writer.commit(onRename: onRename)
    }

    @Test(arguments: LossyFileSystem.Loss.allCases)
    func aCommittedBlobSurvives(loss: LossyFileSystem.Loss) throws {
        let disk = LossyFileSystem()
        let blobs = try BlobStore(folder: "blobs", fileSystem: disk)
        let digest = try write(blobs)
        #expect(digest == Fixtures.digest(bytes))
        disk.crash(loss)
        let file = try BlobStore(folder: "blobs", fileSystem: disk).open(digest)
        #expect(try file.read(at: 0, count: bytes.count) == bytes)
    }

    /// Whatever the last change on disk was, after a crash the blob's name is either missing or holds all of it.
    @Test(arguments: LossyFileSystem.Loss.allCases)
    func aNameNeverHoldsLess(loss: LossyFileSystem.Loss) throws {
        for changes in 0..<8 {
            let disk = LossyFileSystem()
            let blobs = try BlobStore(folder: "blobs", fileSystem: disk)
            disk.powerOff(afterChanges: changes)
            let digest = try? write(blobs)
            disk.crash(loss)
            let again = try BlobStore(folder: "blobs", fileSystem: disk)
            let name = Fixtures.digest(bytes)
            if try again.contains(name) {
                #expect(try again.open(name).read(at: 0, count: bytes.count) == bytes)
            } else {
                #expect(digest == nil)
            }
            _ = try again.sweep(referenced: [])
            #expect(try !again.contains(name))
            #expect(try disk.list("blobs").allSatisfy { !$0.hasSuffix(".part") })
        }
    }

    @Test func sweepsWhatNoRowNames() throws {
        let disk = LossyFileSystem()
        let blobs = try BlobStore(folder: "blobs", fileSystem: disk)
        let digest = try write(blobs)
        blobs.release(digest)
        _ = try blobs.writer(name: "half")
        #expect(try blobs.sweep(referenced: [digest]).isEmpty)
        #expect(try blobs.contains(digest))
        #expect(try blobs.sweep(referenced: [digest, "missing"]) == ["missing"])
        _ = try blobs.sweep(referenced: [])
        #expect(try !blobs.contains(digest))
    }

    @Test func heldBlobsAreNotRemoved() throws {
        let blobs = try BlobStore(folder: "blobs", fileSystem: LossyFileSystem())
        let digest = try write(blobs)
        try blobs.remove([digest]) { _ in false }
        #expect(try blobs.contains(digest))
        blobs.release(digest)
        try blobs.remove([digest]) { _ in true }
        #expect(try blobs.contains(digest))
        try blobs.remove([digest]) { _ in false }
        #expect(try !blobs.contains(digest))
    }
}

@Suite struct SpoolTests {
    private let digest = String(repeating: "d", count: 64)
    private let task = RoundTask(.train, round: 3, attempt: 0)

    @Test func aPartIsResumedByItsDigest() throws {
        let disk = LossyFileSystem()
        let spool = try Spool(folder: "spool", fileSystem: disk)
        let part = try spool.part(job: "a", task: task, client: "one", digest: digest)
        try [1, 2, 3, 4].withUnsafeBytes { try part.append(UnsafeRawBufferPointer(rebasing: $0[..<4])) }
        part.suspend()
        #expect(try spool.resumePoint(job: "a", task: task, client: "one", digest: digest) == 4)
        let other = String(repeating: "e", count: 64)
        #expect(try spool.resumePoint(job: "a", task: task, client: "one", digest: other) == 0)
        #expect(try spool.resumePoint(job: "a", task: task, client: "two", digest: digest) == 0)
        // Another file of the same client takes its place.
        try spool.part(job: "a", task: task, client: "one", digest: other).suspend()
        #expect(try spool.resumePoint(job: "a", task: task, client: "one", digest: digest) == 0)
    }

    @Test func aClientsNameIsNotAnothersPrefix() throws {
        let spool = try Spool(folder: "spool", fileSystem: LossyFileSystem())
        let part = try spool.part(job: "a", task: task, client: "one.b", digest: digest)
        try [UInt8](repeating: 1, count: 7).withUnsafeBytes { try part.append($0) }
        part.suspend()
        try spool.part(job: "a", task: task, client: "one", digest: String(repeating: "e", count: 64)).suspend()
        #expect(try spool.resumePoint(job: "a", task: task, client: "one.b", digest: digest) == 7)
    }

    @Test func sweepsUpdatesWithoutARowAndPartsOfOtherRounds() async throws {
        let disk = LossyFileSystem()
        let spool = try Spool(folder: "spool", fileSystem: disk)
        for (job, round) in [("a", 3), ("a", 2), ("b", 0)] {
            let task = RoundTask(.train, round: round, attempt: 0)
            try spool.part(job: job, task: task, client: "one", digest: digest).suspend()
            let done = try spool.part(job: job, task: task, client: "two", digest: digest)
            try await done.commit {}
        }
        let kept = Store.SpooledUpdate(job: "a", round: 3, attempt: 0, client: "two")
        let lost = Store.SpooledUpdate(job: "a", round: 3, attempt: 0, client: "three")
        #expect(try spool.sweep(referenced: [kept, lost], open: ["a": (3, 0)]) == [lost])
        #expect(try disk.list("spool") == ["a"])
        #expect(try disk.list("spool/a") == ["3"])
        #expect(try disk.list("spool/a/3") == ["one.\(digest).part", "two.safetensors"])
    }

    @Test func sweepsPartsOfAsynchronousDrawsThatAreOver() throws {
        let disk = LossyFileSystem()
        let spool = try Spool(folder: "spool", fileSystem: disk)
        let draws = [(0, 2), (3, 0), (3, 1), (4, 0)].map { RoundTask(.train, round: $0.0, attempt: $0.1) }
        for draw in draws { try spool.part(job: "a", task: draw, client: "one", digest: digest).suspend() }
        let missing = try spool.sweep(
            referenced: [], open: ["a": (4, 0)], drawn: ["a": Array(draws[..<2]), "b": [draws[2]]])
        #expect(missing.isEmpty)
        #expect(try disk.list("spool/a").sorted() == ["0.2", "3", "4"])
    }
}
