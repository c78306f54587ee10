internal import Foundation
internal import GRDB

/// Everything the coordinator remembers, in `state.sqlite`.
///
/// Each public method that changes something is one transaction, durable when it returns: the database runs in WAL mode
/// with `synchronous = FULL`. Files (blobs, spooled updates) are referred to by rows and never stored in the database.
/// All methods may be called from any task; writes are serialised.
public struct Store: Sendable {
    let pool: DatabasePool
    private let path: String
    /// Waits for a while when the disk is full; without it a write to a full disk fails.
    var fullDisk: FullDisk?

    /// Opens or creates the store and brings its schema up to date.
    ///
    /// - Parameter path: the database file; its folder must exist.
    /// - Throws: ``CoordinatorError`` (`store`) when the file cannot be opened, is not ours, or does not take the
    ///   settings that durability rests on.
    public init(path: String) throws {
        self.path = path
        do {
            var configuration = Configuration()
            configuration.label = "state"
            configuration.busyMode = .timeout(5)
            configuration.maximumReaderCount = 3
            pool = try DatabasePool(path: path, configuration: configuration)
            try StoreSchema.migrator.migrate(pool)
            // GRDB's own WAL set-up leaves NORMAL behind, so FULL is set on the writer after it.
            try pool.writeWithoutTransaction { db in
                try db.execute(sql: "PRAGMA synchronous = FULL")
            }
        } catch {
            throw CoordinatorError(.store, "cannot open the store \(path)", cause: error)
        }
        let level = try synchronousLevel()
        guard level == 2 else {
            throw CoordinatorError(.store, "\(path): PRAGMA synchronous is \(level), expected 2 (FULL)")
        }
    }

    /// What `PRAGMA synchronous` says on the writer: 2 is FULL.
    public func synchronousLevel() throws -> Int {
        try pool.writeWithoutTransaction { db in try Int.fetchOne(db, sql: "PRAGMA synchronous") ?? -1 }
    }

    /// Ends the use of the store. Later calls throw.
    public func close() throws {
        try pool.close()
    }

    /// Runs one durable transaction away from the cooperative pool. With a full disk it is tried again until there is
    /// space, where ``fullDisk`` is set.
    ///
    /// - Throws: ``CoordinatorError`` `noSpace` when the disk is full and nobody waits, or the task is cancelled; `store`
    ///   for every other failure. Nothing was changed then.
    func write<Value: Sendable>(_ body: @escaping @Sendable (Database) throws -> Value) async throws -> Value {
        var hasWaited = false
        while true {
            do {
                let value = try await pool.write(body)
                if hasWaited { fullDisk?.hasSpace() }
                return value
            } catch let error as DatabaseError where error.resultCode == .SQLITE_FULL {
                // The transaction was rolled back.
                hasWaited = true
                guard let fullDisk, await fullDisk.wait() else {
                    throw CoordinatorError(
                        .noSpace,
                        "\(path): the disk is full: free some space and start again; nothing that was acknowledged is lost",
                        cause: error)
                }
            } catch let error as DatabaseError {
                throw CoordinatorError(.store, "the store refused a change", cause: error)
            }
        }
    }

    /// Reads a consistent state away from the cooperative pool.
    func read<Value: Sendable>(_ body: @escaping @Sendable (Database) throws -> Value) async throws -> Value {
        do {
            return try await pool.read(body)
        } catch let error as DatabaseError {
            throw CoordinatorError(.store, "the store could not be read", cause: error)
        }
    }
}

extension Database {
    /// Runs one statement that is prepared once per connection.
    func run(_ sql: String, _ arguments: StatementArguments = StatementArguments()) throws {
        try cachedStatement(sql: sql).execute(arguments: arguments)
    }

    /// All rows of a statement that is prepared once per connection.
    func rows(_ sql: String, _ arguments: StatementArguments = StatementArguments()) throws -> [Row] {
        try Row.fetchAll(try cachedStatement(sql: sql), arguments: arguments)
    }

    /// The first row of a statement that is prepared once per connection.
    func row(_ sql: String, _ arguments: StatementArguments = StatementArguments()) throws -> Row? {
        try Row.fetchOne(try cachedStatement(sql: sql), arguments: arguments)
    }
}

/// JSON columns.
enum StoredJSON {
    /// A value as text with sorted keys.
    static func text(_ value: some Encodable) throws -> String {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        return String(decoding: try encoder.encode(value), as: UTF8.self)
    }

    /// The value of a text that this store wrote.
    static func value<Value: Decodable>(_ text: String) throws -> Value {
        try value(Value.self, text)
    }

    /// The value of a text that this store wrote.
    static func value<Value: Decodable>(_ type: Value.Type, _ text: String) throws -> Value {
        do {
            return try JSONDecoder().decode(type, from: Data(text.utf8))
        } catch {
            throw CoordinatorError(.store, "a column does not hold a \(type)", cause: error)
        }
    }
}
