import Crypto
import Durability
import Foundation
import TestSupport
import Testing

@testable import Client

struct WeightsCacheTests {
    static func blob(_ seed: UInt8, count: Int = 1000) -> (bytes: Data, digest: String) {
        let bytes = Data((0..<count).map { UInt8(truncatingIfNeeded: $0 &* 7) &+ seed })
        return (bytes, SHA256.hash(data: bytes).map { String(format: "%02x", $0) }.joined())
    }

    @discardableResult
    static func fill(_ cache: WeightsCache, _ seed: UInt8) throws -> String {
        let (bytes, digest) = blob(seed)
        var reception = try cache.receive(digest, bytes: Int64(bytes.count))
        try reception.append(bytes)
        return try cache.finish(reception)
    }

    @Test("A file is continued where it stopped, also after a restart of the process")
    func resume() throws {
        let folder = try TemporaryFolder()
        let (bytes, digest) = Self.blob(1)
        let first = try WeightsCache(folder: folder.path, boot: "b")
        var reception = try first.receive(digest, bytes: 1000)
        try reception.append(bytes.prefix(400))
        #expect(first.path(digest) == nil)
        let second = try WeightsCache(folder: folder.path, boot: "b")
        var continued = try second.receive(digest, bytes: 1000)
        #expect(continued.offset == 400)
        try continued.append(bytes.dropFirst(400))
        let path = try second.finish(continued)
        #expect(try Data(contentsOf: URL(fileURLWithPath: path)) == bytes)
        #expect(try WeightsCache(folder: folder.path, boot: "b").path(digest) == path)
    }

    @Test("Wrong bytes are found and thrown away; missing ones are kept for later")
    func wrongBytes() throws {
        let folder = try TemporaryFolder()
        let cache = try WeightsCache(folder: folder.path, boot: "b")
        let (bytes, digest) = Self.blob(1)
        var wrong = try cache.receive(digest, bytes: 1000)
        try wrong.append(bytes.prefix(999) + [0xEE])
        #expect(throws: ClientError.self) { try cache.finish(wrong) }
        var short = try cache.receive(digest, bytes: 1000)
        #expect(short.offset == 0)
        try short.append(bytes.prefix(10))
        #expect(throws: ClientError.self) { try short.append(Data(count: 991)) }
        #expect(throws: ClientError.self) { try cache.finish(short) }
        #expect(try cache.receive(digest, bytes: 1000).offset == 10)
        #expect(throws: ClientError.self) { try cache.receive("../etc", bytes: 10) }
    }

    @Test("Only the files used last are kept")
    func bounded() throws {
        let folder = try TemporaryFolder()
        let cache = try WeightsCache(folder: folder.path, limit: 2, boot: "b")
        for seed in 1...2 { try Self.fill(cache, UInt8(seed)) }
        #expect(cache.path(Self.blob(1).digest) != nil)
        try Self.fill(cache, 3)
        #expect(cache.path(Self.blob(2).digest) == nil)
        #expect(cache.path(Self.blob(1).digest) != nil)
        #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path).count == 3)
    }

    @Test("What an earlier boot of the machine left is dropped")
    func boot() throws {
        let folder = try TemporaryFolder()
        try Self.fill(try WeightsCache(folder: folder.path, boot: "first"), 1)
        #expect(try WeightsCache(folder: folder.path, boot: "first").path(Self.blob(1).digest) != nil)
        #expect(try WeightsCache(folder: folder.path, boot: "second").path(Self.blob(1).digest) == nil)
    }
}
