/// What checking an audit log found.
public struct AuditVerification: Sendable, Hashable, CustomStringConvertible {
    /// How many lines are in order, from the first on.
    public var records: Int
    /// The hash of the last line in order. Kept elsewhere, it also proves that no lines were cut from the end.
    public var head: String
    /// The first line that is not in order, from 1, with the reason; nil when all are.
    public var broken: (line: Int, reason: String)? {
        brokenLine.map { ($0, reason) }
    }

    private var brokenLine: Int?
    private var reason = ""

    /// Whether every line is in order.
    public var isIntact: Bool { brokenLine == nil }

    init() {
        records = 0
        head = AuditRecord.firstPrevious
    }

    /// Takes the next line; lines after a broken one are not looked at.
    mutating func take(_ line: some Sequence<UInt8>) {
        guard brokenLine == nil else { return }
        do {
            let record = try AuditRecord(verifying: line)
            guard record.sequence == records + 1 else {
                throw IdentityError(.brokenLog, "found sequence \(record.sequence), expected \(records + 1)")
            }
            guard record.previous == head else {
                throw IdentityError(.brokenLog, "it does not follow the line before it (another previous hash)")
            }
            records = record.sequence
            head = record.hash
        } catch {
            breakOff(reason: "\(error)")
        }
    }

    mutating func breakOff(reason: String) {
        brokenLine = records + 1
        self.reason = reason
    }

    /// One sentence for people.
    public var description: String {
        guard let brokenLine else { return "\(records) records in order, head \(head)" }
        return "line \(brokenLine) is broken: \(reason); \(records) records before it are in order"
    }
}
