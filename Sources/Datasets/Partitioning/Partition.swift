/// Which rows of a training split each simulated client holds, and which are held out for everybody.
///
/// A partition is checked when it is made: identifiers are plain and different, every row exists, no client names a row
/// twice, no two clients share a row unless the scheme says so, and nothing held out is trained on. Rows that nobody
/// holds are allowed.
public struct Partition: Sendable, Hashable {
    /// One simulated client.
    public struct Client: Sendable, Hashable {
        /// The identifier, also the name of its folder: 1 to 64 letters, digits, `_` or `-`, not starting with `_` or
        /// `-`.
        public var id: String
        /// Its rows of the training split, in training order.
        public var rows: [Int]
        /// What else sets it apart; nil for nothing.
        public var traits: ClientTraits?
        /// Its place in the benchmark's own list of clients, from 0, where that may not be its place in the partition:
        /// what its faithful corruption is drawn by.
        public var place: Int?

        /// A client.
        public init(id: String, rows: [Int], traits: ClientTraits? = nil, place: Int? = nil) {
            self.id = id
            self.rows = rows
            self.traits = traits
            self.place = place
        }
    }

    /// Rows that no client trains on.
    public struct HeldOut: Sendable, Hashable {
        /// What they are for, e.g. `dev`; named like a client.
        public var name: String
        /// Rows of the training split.
        public var rows: [Int]

        /// A named list of rows.
        public init(name: String, rows: [Int]) {
            self.name = name
            self.rows = rows
        }
    }

    /// The clients, in the order of their scheme.
    public let clients: [Client]
    /// The held-out lists.
    public let heldOut: [HeldOut]
    /// The number of rows of the training split.
    public let rowCount: Int
    /// Whether clients may hold the same row.
    public let sharesRows: Bool

    /// Makes a partition and checks it.
    ///
    /// - Parameters:
    ///   - clients: at least one.
    ///   - heldOut: lists that share no row with any client or each other.
    ///   - rowCount: the number of rows of the training split.
    ///   - sharesRows: whether clients may hold the same row.
    /// - Throws: `DatasetError` with code `malformed` naming the client and the row.
    public init(
        clients: [Client], heldOut: [HeldOut] = [], rowCount: Int, sharesRows: Bool = false
    ) throws(DatasetError) {
        guard !clients.isEmpty else {
            throw DatasetError(.malformed, "a partition of no clients, expected at least 1")
        }
        var names: Set<String> = []
        for name in clients.map(\.id) + heldOut.map(\.name) {
            guard Self.isPlainIdentifier(name) else {
                throw DatasetError(
                    .malformed,
                    "client or held-out list \(name.prefix(80).debugDescription): expected 1 to 64 letters, "
                        + "digits, '_' or '-', starting with a letter or digit")
            }
            guard names.insert(name).inserted else {
                throw DatasetError(.malformed, "two clients or held-out lists have the name '\(name)'")
            }
        }
        // Who holds a row: 0 nobody, i + 1 client i, and numbers above the clients' for held-out lists.
        var holder = [Int](repeating: 0, count: max(0, rowCount))
        let lists = clients.map { (name: $0.id, rows: $0.rows) } + heldOut.map { (name: $0.name, rows: $0.rows) }
        for (index, list) in lists.enumerated() {
            for row in list.rows {
                guard holder.indices.contains(row) else {
                    throw DatasetError(.malformed, "'\(list.name)' has row \(row), expected 0..<\(rowCount)")
                }
                let previous = holder[row]
                let isShared = sharesRows && index < clients.count && previous != index + 1
                guard previous == 0 || isShared else {
                    throw DatasetError(
                        .malformed, "row \(row) is held by '\(lists[previous - 1].name)' and again by '\(list.name)'")
                }
                holder[row] = index + 1
            }
        }
        self.clients = clients
        self.heldOut = heldOut
        self.rowCount = rowCount
        self.sharesRows = sharesRows
    }

    /// Whether `name` can name a client and its folder.
    public static func isPlainIdentifier(_ name: String) -> Bool {
        let bytes = Array(name.utf8)
        func isAlphanumeric(_ byte: UInt8) -> Bool {
            (0x30...0x39).contains(byte) || (0x41...0x5A).contains(byte) || (0x61...0x7A).contains(byte)
        }
        guard (1...64).contains(bytes.count), let first = bytes.first, isAlphanumeric(first) else { return false }
        return bytes.allSatisfy { isAlphanumeric($0) || $0 == 0x5F || $0 == 0x2D }
    }

    /// A plain identifier for a name: runs of anything but letters, digits and `_` become one `-`, at the ends nothing.
    static func identifier(_ name: String) -> String {
        let words = name.utf8.split { byte in
            !((0x30...0x39).contains(byte) || (0x41...0x5A).contains(byte) || (0x61...0x7A).contains(byte)
                || byte == 0x5F)
        }
        return words.map { String(decoding: $0, as: UTF8.self) }.joined(separator: "-")
    }

    /// The identifiers `client-1` … `client-N`, padded with zeros so that they sort by number.
    static func numbered(_ count: Int) -> [String] {
        let width = String(count).count
        return (1...max(1, count)).prefix(count).map { number in
            let digits = String(number)
            return "client-" + String(repeating: "0", count: width - digits.count) + digits
        }
    }

    /// A partition of numbered clients, each holding its rows in ascending order.
    static func ofNumbered(_ rows: [[Int]], rowCount: Int) throws(DatasetError) -> Partition {
        try Partition(
            clients: zip(numbered(rows.count), rows).map { Client(id: $0, rows: $1.sorted()) }, rowCount: rowCount)
    }

    /// One JSON object: each held-out list, then each client in order, with its rows.
    ///
    /// `{"dev":[105,216],"1-0":[250,287]}`: identifiers are plain, so nothing needs escaping.
    public func json() -> String {
        let lists = heldOut.map { ($0.name, $0.rows) } + clients.map { ($0.id, $0.rows) }
        return "{"
            + lists.map { "\"\($0)\":[" + $1.map(String.init).joined(separator: ",") + "]" }.joined(separator: ",")
            + "}"
    }
}
