import Durability
import Foundation
import Jobs
import TestSupport
import Testing
import Wire

@testable import Client

struct OutboxTests {
    static func entry(_ round: Int, kind: TaskKind = .train, bytes: Int64 = 300) -> OutboxEntry {
        OutboxEntry(
            identity: TaskIdentity(job: "job-1", round: round, attempt: 0, kind: kind),
            weightsDigest: String(repeating: "a", count: 64),
            statistics: TaskStatistics(examples: 7, sums: ["loss": 1.5]),
            trainer: ["trainer": "t"],
            update: kind == .train ? .init(digest: String(repeating: "b", count: 64), bytes: bytes) : nil)
    }

    /// What the daemon does with a finished update.
    static func store(_ entry: OutboxEntry, in outbox: Outbox, _ fileSystem: any FileSystem) throws {
        if let update = entry.update {
            try DurableFile.write(
                [UInt8](repeating: UInt8(entry.identity.round), count: Int(update.bytes)),
                to: outbox.updatePath(entry.identity), fileSystem: fileSystem)
        }
        try outbox.add(entry)
    }

    @Test("Entries survive a restart in their order, and can be removed")
    func restart() throws {
        let fileSystem = LossyFileSystem(folders: ["/s"])
        let first = try Outbox(folder: "/s/outbox", fileSystem: fileSystem)
        for entry in [Self.entry(3), Self.entry(1, kind: .evaluate), Self.entry(2)] {
            try Self.store(entry, in: first, fileSystem)
        }
        fileSystem.powerOff()
        fileSystem.crash()
        let second = try Outbox(folder: "/s/outbox", fileSystem: fileSystem)
        #expect(second.entries.map(\.identity.round) == [3, 1, 2])
        #expect(second.entries[0].statistics.sums == ["loss": 1.5])
        #expect(second.contains(Self.entry(2).identity))
        let file = try second.openUpdate(second.entries[2])
        #expect(try file.read(at: 0, count: 300) == [UInt8](repeating: 2, count: 300))
        try second.remove(Self.entry(3).identity)
        try second.remove(Self.entry(3).identity)
        fileSystem.powerOff()
        fileSystem.crash()
        let third = try Outbox(folder: "/s/outbox", fileSystem: fileSystem)
        #expect(third.entries.map(\.identity.round) == [1, 2])
        #expect(try fileSystem.list("/s/outbox").count == 3)
    }

    @Test("A power failure at any instant leaves a whole entry or none", arguments: LossyFileSystem.Loss.allCases)
    func powerFailure(loss: LossyFileSystem.Loss) throws {
        var instant = 0
        var isDone = false
        while !isDone {
            let fileSystem = LossyFileSystem(folders: ["/s"])
            let outbox = try Outbox(folder: "/s/outbox", fileSystem: fileSystem)
            var isStored = false
            var isRemoved = false
            fileSystem.powerOff(afterChanges: instant)
            do {
                try Self.store(Self.entry(1), in: outbox, fileSystem)
                isStored = true
                try outbox.remove(Self.entry(1).identity)
                isRemoved = true
                isDone = true
            } catch {
                instant += 1
            }
            fileSystem.powerOff()
            fileSystem.crash(loss)
            let after = try Outbox(folder: "/s/outbox", fileSystem: fileSystem)
            for entry in after.entries {
                let content = try after.openUpdate(entry).read(at: 0, count: 300)
                #expect(content == [UInt8](repeating: 1, count: 300))
            }
            let names = try fileSystem.list("/s/outbox")
            #expect(names.count == after.entries.count * 2)
            if isRemoved { #expect(after.entries.isEmpty) }
            if !isStored && !isRemoved { #expect(after.entries.count <= 1) }
        }
        #expect(instant > 5)
    }

    @Test("Durable once added, before anything is removed", arguments: LossyFileSystem.Loss.allCases)
    func durableOnceAdded(loss: LossyFileSystem.Loss) throws {
        let fileSystem = LossyFileSystem(folders: ["/s"])
        try Self.store(
            Self.entry(1), in: try Outbox(folder: "/s/outbox", fileSystem: fileSystem), fileSystem)
        fileSystem.powerOff()
        fileSystem.crash(loss)
        #expect(try Outbox(folder: "/s/outbox", fileSystem: fileSystem).entries.count == 1)
    }

    @Test("A damaged entry is dropped and does not stop the others")
    func damage() throws {
        let folder = try TemporaryFolder()
        let outbox = try Outbox(folder: folder.path)
        try Self.store(Self.entry(1), in: outbox, PosixFileSystem())
        try Self.store(Self.entry(2), in: outbox, PosixFileSystem())
        try folder.write(Array("{".utf8), to: "job-1.train.9.0.json")
        try folder.write([1, 2, 3], to: "job-1.train.1.0.safetensors")
        try folder.write([1], to: "stranger.part")
        let after = try Outbox(folder: folder.path)
        #expect(after.entries.map(\.identity.round) == [2])
        #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path).count == 2)
    }
}
