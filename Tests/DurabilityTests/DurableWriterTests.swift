import Durability
import TestSupport
import Testing

@Suite("Durable writing")
struct DurableWriterTests {
    @Test("a committed file is there, a part is not, and the old file survives a failure")
    func commit() throws {
        let folder = try TemporaryFolder()
        let path = folder.file("blob")
        try DurableFile.write("one", to: path)
        #expect(try folder.read("blob") == Array("one".utf8))
        struct Stop: Error {}
        #expect(throws: Stop.self) {
            try DurableFile.write(to: path) { writer in
                try writer.append([1, 2])
                throw Stop()
            }
        }
        #expect(try folder.read("blob") == Array("one".utf8))
        #expect(try PosixFileSystem().list(folder.path) == ["blob"])
        #expect(try DurableFile.remove(path))
        #expect(try !DurableFile.remove(path))
    }

    @Test("a suspended part is continued where it ended, or cut")
    func resume() throws {
        let folder = try TemporaryFolder()
        let path = folder.file("update")
        #expect(try DurableWriter.resumeOffset(of: path) == 0)
        let first = try DurableWriter(resuming: path)
        try first.append([1, 2, 3, 4])
        first.suspend()
        expect(.closed) { try first.append([5]) }
        #expect(try DurableWriter.resumeOffset(of: path) == 4)
        let second = try DurableWriter(resuming: path)
        #expect(second.offset == 4)
        try second.truncate(to: 3)
        expect(.invalidArgument) { try second.truncate(to: 4) }
        try second.append([9, 8])
        var seen: [[UInt8]] = []
        try second.readBack(block: 2) { seen.append(Array($0)) }
        #expect(seen == [[1, 2], [3, 9], [8]])
        var renamed = false
        try second.commit {
            renamed = try PosixFileSystem().exists(path)
        }
        #expect(renamed)
        #expect(try folder.read("update") == [1, 2, 3, 9, 8])
        expect(.closed) { try second.commit() }
        try second.discard()
        #expect(try PosixFileSystem().list(folder.path) == ["update"])
        let third = try DurableWriter(to: path)
        try third.append([1])
        try third.discard()
        #expect(try folder.read("update") == [1, 2, 3, 9, 8])
    }

    @Test("nothing is durable before the last step, all is after it", arguments: LossyFileSystem.Loss.allCases)
    func everyInstant(loss: LossyFileSystem.Loss) throws {
        let old = Array("old content".utf8)
        let new = Array("the new content".utf8)
        func prepared() throws -> LossyFileSystem {
            let fileSystem = LossyFileSystem(folders: ["/state"])
            try DurableFile.write(old, to: "/state/file", fileSystem: fileSystem)
            return fileSystem
        }
        let whole = try prepared()
        let before = whole.changes
        try DurableFile.write(new, to: "/state/file", fileSystem: whole)
        let steps = whole.changes - before
        #expect(steps >= 5)
        for step in 0...steps {
            let fileSystem = try prepared()
            fileSystem.powerOff(afterChanges: step)
            let result = Result { try DurableFile.write(new, to: "/state/file", fileSystem: fileSystem) }
            fileSystem.crash(loss)
            let content = try fileSystem.read("/state/file")
            if step == steps {
                try result.get()
                #expect(content == new)
            } else {
                #expect(throws: DurabilityError.self) { try result.get() }
                // One or the other, never a mixture.
                #expect(content == old || content == new, "after \(step) of \(steps) changes")
            }
        }
    }

    @Test("renaming before the content is synchronised would lose it, and the fake shows that")
    func lossyRename() throws {
        let fileSystem = LossyFileSystem(folders: ["/s"])
        try fileSystem.open("/s/a.part", .createNew).append([1, 2, 3])
        try fileSystem.rename("/s/a.part", to: "/s/a")
        fileSystem.crash(.namesKept)
        #expect(try fileSystem.list("/s") == ["a"])
        #expect(try fileSystem.read("/s/a") == [])
    }

    @Test("the order matters: without the folder's synchronisation the name is lost")
    func lossyNames() throws {
        let fileSystem = LossyFileSystem(folders: ["/s"])
        let file = try fileSystem.open("/s/a", .createNew)
        try file.append([1, 2, 3, 4])
        try file.synchronise()
        try fileSystem.synchroniseDirectory("/s")
        try file.append([5, 6])
        try fileSystem.rename("/s/a", to: "/s/b")
        #expect(try fileSystem.list("/s") == ["b"])
        fileSystem.crash()
        #expect(try fileSystem.list("/s") == ["a"])
        #expect(try fileSystem.read("/s/a") == [1, 2, 3, 4])
        expect(.closed) { try file.append([1]) }
        try fileSystem.remove("/s/a")
        fileSystem.crash()
        #expect(try fileSystem.exists("/s/a"))
        try fileSystem.remove("/s/a")
        try fileSystem.synchroniseDirectory("/s")
        fileSystem.crash()
        #expect(try !fileSystem.exists("/s/a"))
    }

    @Test(
        "unsynchronised content is lost, zeroed, cut or kept",
        arguments: [
            (LossyFileSystem.Loss.contentLost, [1, 2] as [UInt8]), (.contentZeroed, [1, 2, 0, 0, 0, 0]),
            (.contentTruncated, [1, 2, 3, 4]), (.contentKept, [1, 2, 3, 4, 5, 6]),
        ])
    func lossyContent(loss: LossyFileSystem.Loss, expected: [UInt8]) throws {
        let fileSystem = LossyFileSystem(folders: ["/s"])
        let file = try fileSystem.open("/s/a", .createNew)
        try file.append([1, 2])
        try file.synchronise()
        try fileSystem.synchroniseDirectory("/s")
        try file.append([3, 4, 5, 6])
        fileSystem.powerOff()
        expect(.crashed) { _ = try fileSystem.read("/s/a") }
        fileSystem.crash(loss)
        #expect(try fileSystem.read("/s/a") == expected)
    }
}
