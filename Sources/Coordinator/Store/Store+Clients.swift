internal import Foundation
internal import GRDB
public import Identity
public import Wire

/// A client as the store remembers it.
public struct ClientRecord: Sendable, Hashable {
    /// The name in its certificate.
    public var name: String
    /// Its software and version.
    public var software: String
    /// The data sets it last offered.
    public var datasets: [DatasetCard]
    /// When the certificate it last used ends, milliseconds since 1970.
    public var certificateEnds: Int64
    /// When it was last heard of.
    public var lastSeen: Int64

    /// Creates a record.
    public init(name: String, software: String, datasets: [DatasetCard], certificateEnds: Int64, lastSeen: Int64) {
        self.name = name
        self.software = software
        self.datasets = datasets
        self.certificateEnds = certificateEnds
        self.lastSeen = lastSeen
    }
}

extension Store {
    /// Remembers a client that connected.
    public func commitClient(_ client: ClientRecord) async throws {
        try await write { db in
            try db.run(
                """
                INSERT OR REPLACE INTO clients (name, software, datasets, certificate_ends, last_seen, connected)
                VALUES (?, ?, ?, ?, ?, 1)
                """,
                [
                    client.name, client.software, try StoredJSON.text(client.datasets), client.certificateEnds,
                    client.lastSeen,
                ])
        }
    }

    /// Remembers soon that a client's session ended. Nothing waits for it: at worst a client counts as connected until
    /// the next start.
    func noteDisconnected(client: String, at time: Int64) {
        pool.asyncWrite(
            { db in
                try db.run(
                    "UPDATE clients SET last_seen = max(last_seen, ?), connected = 0 WHERE name = ?", [time, client])
            }, completion: { _, _ in })
    }

    /// At start-up: clients that were connected when the coordinator ended were last heard of then.
    ///
    /// - Returns: the last instant at which the coordinator is known to have run; nil for a new store.
    public func commitStart() async throws -> Int64? {
        try await write { db in
            guard let lastAlive = try Self.lastAlive(in: db) else { return nil }
            try db.run(
                "UPDATE clients SET last_seen = max(last_seen, ?), connected = 0 WHERE connected = 1", [lastAlive])
            return lastAlive
        }
    }

    /// Every client that ever connected, in order of their names.
    public func clients() async throws -> [ClientRecord] {
        try await read { db in
            try db.rows("SELECT * FROM clients ORDER BY name").map { row in
                ClientRecord(
                    name: row["name"], software: row["software"], datasets: try StoredJSON.value(row["datasets"]),
                    certificateEnds: row["certificate_ends"], lastSeen: row["last_seen"])
            }
        }
    }

    /// Makes what is known about one participant's revocation durable.
    ///
    /// - Parameter entry: asked when the row is written, so that of two changes the newer one stays whichever is written last;
    ///   nil for nothing.
    func commitRevocation(
        _ identity: ParticipantIdentity, _ entry: @escaping @Sendable () -> RevocationList.Entry?
    ) async throws {
        try await write { db in
            guard let entry = entry() else { return }
            try db.run(
                "INSERT OR REPLACE INTO revocations (identity, entry) VALUES (?, ?)",
                [identity.uri, try StoredJSON.text(entry)])
        }
    }

    /// The revocations as they were stored.
    public func revocations() async throws -> RevocationList {
        try await read { db in
            var entries: [ParticipantIdentity: RevocationList.Entry] = [:]
            for row in try db.rows("SELECT identity, entry FROM revocations") {
                entries[try ParticipantIdentity(uri: row["identity"])] = try StoredJSON.value(row["entry"])
            }
            return RevocationList(entries: entries)
        }
    }

    /// Remembers that the coordinator ran until now, so that the next start knows how long it did not, and ends the use
    /// of the store. Blocks.
    public func finish(at time: Int64) throws {
        try pool.write { db in
            try db.run("INSERT OR REPLACE INTO facts (name, value) VALUES ('alive', ?)", [time])
        }
        try close()
    }
}
