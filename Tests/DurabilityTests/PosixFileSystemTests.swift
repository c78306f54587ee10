import Durability
import Foundation
import TestSupport
import Testing

/// What every file system must do; the disk and the fake answer alike.
@Suite("File systems")
struct FileSystemTests {
    enum Kind: CaseIterable { case disk, lossy }

    private func withFileSystem(_ kind: Kind, _ body: (any FileSystem, String) throws -> Void) throws {
        switch kind {
        case .disk:
            let folder = try TemporaryFolder()
            try body(PosixFileSystem(), folder.path)
        case .lossy: try body(LossyFileSystem(folders: ["/state"]), "/state")
        }
    }

    @Test("writes, reads, truncates, lists and removes", arguments: Kind.allCases)
    func basics(kind: Kind) throws {
        try withFileSystem(kind) { fileSystem, root in
            let path = root + "/a"
            #expect(try !fileSystem.exists(path))
            let file = try fileSystem.open(path, .createNew)
            try file.append(Array("hello".utf8))
            try file.append(Array(" world".utf8))
            try file.write(Array("J".utf8), at: 0)
            #expect(try file.size() == 11)
            #expect(try file.read(at: 0, count: 11) == Array("Jello world".utf8))
            var buffer = [UInt8](repeating: 0, count: 20)
            #expect(try buffer.withUnsafeMutableBytes { try file.read(into: $0, at: 6) } == 5)
            try file.truncate(to: 4)
            try file.synchronise()
            file.close()
            file.close()
            #expect(try fileSystem.size(path) == 4)
            #expect(try fileSystem.read(path) == Array("Jell".utf8))
            try fileSystem.rename(path, to: root + "/b")
            try fileSystem.makeDirectory(root + "/x/y/z")
            try fileSystem.makeDirectory(root + "/x/y/z")
            try fileSystem.synchroniseDirectory(root)
            #expect(try fileSystem.list(root) == ["b", "x"])
            #expect(try fileSystem.list(root + "/x") == ["y"])
            try fileSystem.remove(root + "/x/y/z")
            try fileSystem.remove(root + "/b")
            #expect(try fileSystem.list(root) == ["x"])
            #expect(try fileSystem.freeBytes(at: root) > 0)
        }
    }

    @Test("failures have their codes", arguments: Kind.allCases)
    func failures(kind: Kind) throws {
        try withFileSystem(kind) { fileSystem, root in
            expect(.notFound) { _ = try fileSystem.open(root + "/none", .read) }
            expect(.notFound) { _ = try fileSystem.open(root + "/none", .update) }
            expect(.notFound) { _ = try fileSystem.open(root + "/none/a", .replace) }
            expect(.notFound) { try fileSystem.remove(root + "/none") }
            expect(.notFound) { try fileSystem.rename(root + "/none", to: root + "/b") }
            expect(.notFound) { _ = try fileSystem.size(root + "/none") }
            expect(.notFound) { _ = try fileSystem.list(root + "/none") }
            let file = try fileSystem.open(root + "/a", .createOrOpen)
            try file.append([1, 2, 3])
            expect(.alreadyExists) { _ = try fileSystem.open(root + "/a", .createNew) }
            expect(.endOfFile) { _ = try file.read(at: 1, count: 3) }
            file.close()
            expect(.closed) { try file.append([1]) }
            expect(.invalidArgument) { _ = try fileSystem.read(root + "/a", limit: 2) }
            let readOnly = try fileSystem.open(root + "/a", .read)
            expect(.closed) { try readOnly.append([1]) }
            let emptied = try fileSystem.open(root + "/a", .replace)
            #expect(try emptied.size() == 0)
        }
    }

    @Test("replacing gives the exact permissions and refuses a symbolic link")
    func permissions() throws {
        let folder = try TemporaryFolder()
        let path = try folder.write([1, 2, 3], to: "key")
        try FileManager.default.setAttributes([.posixPermissions: 0o644], ofItemAtPath: path)
        try PosixFileSystem().open(path, .replace, permissions: 0o600).close()
        #expect(try mode(path) == 0o600)
        try DurableFile.write([1], to: folder.file("public"), permissions: 0o644)
        #expect(try mode(folder.file("public")) == 0o644)
        let target = try folder.write([9], to: "target")
        try FileManager.default.createSymbolicLink(atPath: folder.file("link"), withDestinationPath: target)
        expect(.inputOutput) { _ = try PosixFileSystem().open(folder.file("link"), .replace) }
        #expect(try folder.read("target") == [9])
    }

    private func mode(_ path: String) throws -> Int {
        let attributes = try FileManager.default.attributesOfItem(atPath: path)
        return (attributes[.posixPermissions] as? Int ?? 0) & 0o777
    }
}

/// Expects a ``DurabilityError`` with a code.
func expect(
    _ code: DurabilityError.Code,
    sourceLocation: SourceLocation = #_sourceLocation,
    _ body: () throws -> Void
) {
    do {
        try body()
        Issue.record("expected \(code), nothing was thrown", sourceLocation: sourceLocation)
    } catch let error as DurabilityError {
        #expect(error.code == code, "\(error)", sourceLocation: sourceLocation)
    } catch {
        Issue.record("expected \(code), got \(error)", sourceLocation: sourceLocation)
    }
}
