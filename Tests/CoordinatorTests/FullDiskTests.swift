import GRDB
import Logging
import Synchronization
import TestSupport
import Testing

@testable import Coordinator

/// A store whose file may not grow stands for a full disk: SQLite answers both alike.
@Suite struct FullDiskTests {
    private let folder: TemporaryFolder
    private var store: Store

    init() throws {
        folder = try TemporaryFolder()
        store = try Store(path: folder.file("state.sqlite"))
    }

    private func limit(pages: String) throws {
        try store.pool.writeWithoutTransaction { db in try db.execute(sql: "PRAGMA max_page_count = \(pages)") }
    }

    private static func fill(_ db: Database) throws {
        try db.execute(
            sql: "INSERT OR REPLACE INTO facts (name, value) VALUES ('big', ?)",
            arguments: [String(repeating: "x", count: 200_000)])
    }

    private func pages() throws -> Int {
        try store.pool.read { db in try Int.fetchOne(db, sql: "PRAGMA page_count") ?? 0 }
    }

    private func written() async throws -> Int {
        try await store.read { db in
            try Int.fetchOne(db, sql: "SELECT COUNT(*) FROM facts WHERE name = 'big'") ?? 0
        }
    }

    @Test("Nobody waits: the error names the file and what to do, and nothing is changed")
    func fails() async throws {
        try limit(pages: "\(pages() + 2)")
        let error = try await #require(throws: CoordinatorError.self) { try await store.write(Self.fill) }
        #expect(error.code == .noSpace)
        #expect(error.message.contains("\(folder.file("state.sqlite")): the disk is full: free some space"))
        #expect(try await written() == 0)
    }

    @Test("A running coordinator waits, and what it had to write is written once there is space")
    func waits() async throws {
        var store = store
        store.fullDisk = FullDisk(folder: "state", pause: .zero, logger: Logger(label: "test"))
        try limit(pages: "\(pages() + 2)")
        let tries = Mutex(0)
        let writing = store
        try await writing.write { db in
            let number = tries.withLock { count in
                count += 1
                return count
            }
            // Somebody frees space while it waits.
            if number == 3 { try db.execute(sql: "PRAGMA max_page_count = 1000000") }
            try Self.fill(db)
        }
        #expect(tries.withLock { $0 } == 3)
        #expect(try await written() == 1)
    }

    @Test("Who waits and is given up waits no longer")
    func cancelled() async throws {
        var store = store
        store.fullDisk = FullDisk(folder: "state", pause: .seconds(3600), logger: Logger(label: "test"))
        try limit(pages: "\(pages() + 2)")
        let (tried, signal) = AsyncStream.makeStream(of: Void.self)
        let writing = store
        await withThrowingTaskGroup { group in
            group.addTask {
                try await writing.write { db in
                    signal.yield()
                    try Self.fill(db)
                }
            }
            for await _ in tried { break }
            group.cancelAll()
            let result = await group.nextResult()
            #expect(throws: (any Error).self) { try result?.get() }
        }
    }
}
