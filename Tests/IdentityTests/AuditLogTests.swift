import Crypto
import Durability
import Foundation
import Identity
import TestSupport
import Testing

@Suite("Audit log")
struct AuditLogTests {
    let folder: TemporaryFolder
    var path: String { folder.file("audit.log") }
    let clock: @Sendable () -> Date = { Date(timeIntervalSince1970: 1_800_000_000.5) }

    init() throws { folder = try TemporaryFolder() }

    private func open() throws -> AuditLog { try AuditLog(path: path, now: clock) }

    private func lines() throws -> [String] {
        String(decoding: try folder.read("audit.log"), as: UTF8.self).split(separator: "\n").map(String.init)
    }

    private func filled(_ count: Int) throws -> AuditLog {
        let log = try open()
        for number in 1...count {
            try log.append(
                kind: .sessionOpened, subject: "tributary://demo/client/site-\(number)", detail: ["peer": "x"])
        }
        return log
    }

    @Test("writes lines that anyone can check with SHA-256")
    func format() throws {
        let log = try open()
        #expect(log.head == AuditLog.Head(sequence: 0, hash: String(repeating: "0", count: 64)))
        let head = try log.append(
            kind: .revoked, subject: "tributary://demo/client/a", detail: ["reason": "a \"b\"\n\u{1}é", "by": "x"])
        let line = try #require(try lines().first)
        let start =
            "{\"sequence\":1,\"time\":\"2027-01-15T08:00:00.500Z\",\"kind\":\"participant.revoked\",\"subject\":\"tributary://demo/client/a\","
            + "\"detail\":{\"by\":\"x\",\"reason\":\"a \\\"b\\\"\\n\\u0001é\"},\"previous\":\"\(String(repeating: "0", count: 64))\""
        let hash = SHA256.hash(data: Array((start + "}").utf8)).map { String(format: "%02x", $0) }.joined()
        #expect(line == start + ",\"hash\":\"\(hash)\"}")
        #expect(head == AuditLog.Head(sequence: 1, hash: hash))
        let attributes = try FileManager.default.attributesOfItem(atPath: path)
        #expect((attributes[.posixPermissions] as? NSNumber)?.intValue == 0o600)
    }

    @Test("continues the chain after a restart and verifies")
    func chain() throws {
        _ = try filled(3)
        let log = try open()
        #expect(log.repairedBytes == 0)
        #expect(log.head.sequence == 3)
        try log.append([AuditEvent(kind: .started, subject: "a"), AuditEvent(kind: "site.special", subject: "b")])
        let verification = try AuditLog.verify(path: path)
        #expect(verification.isIntact)
        #expect(verification.records == 5)
        #expect(verification.head == log.head.hash)
        #expect(verification.broken == nil)
        var read: [String] = []
        try log.forEachLine { read.append($0) }
        #expect(read == (try lines()))
        #expect(AuditLog.verify(lines: read).records == 5)
        #expect(AuditLog.verify(lines: []).isIntact)
    }

    @Test("one append is one write and one synchronisation, however many events")
    func batch() throws {
        let disk = LossyFileSystem(folders: ["/state"])
        let log = try AuditLog(path: "/state/audit.log", fileSystem: disk)
        let before = disk.changes
        try log.append((0..<100).map { AuditEvent(kind: .jobEnded, subject: "job-\($0)") })
        #expect(disk.changes == before + 2)
        #expect(log.head.sequence == 100)
        try log.append([])
        #expect(disk.changes == before + 2)
        #expect(throws: IdentityError.self) {
            try log.append((0..<257).map { AuditEvent(kind: .jobEnded, subject: "job-\($0)") })
        }
    }

    enum Tampering: CaseIterable {
        case change, remove, swap, insertCopy, renumber, rehash, garbage, empty
    }

    @Test("names the first line that was tampered with", arguments: Tampering.allCases)
    func tampered(_ tampering: Tampering) throws {
        _ = try filled(6)
        var lines = try lines()
        switch tampering {
        case .change: lines[2] = lines[2].replacingOccurrences(of: "site-3", with: "site-9")
        case .remove: lines.remove(at: 2)
        case .swap: lines.swapAt(2, 3)
        case .insertCopy: lines.insert(lines[1], at: 2)
        case .renumber: lines[2] = lines[2].replacingOccurrences(of: "\"sequence\":3", with: "\"sequence\":4")
        case .rehash:
            // A forger who computes the line's own hash anew breaks the next line.
            let changed = lines[1].replacingOccurrences(of: "site-2", with: "site-9").dropLast(75)
            let hash = SHA256.hash(data: Array((changed + "}").utf8)).map { String(format: "%02x", $0) }.joined()
            lines[1] = changed + ",\"hash\":\"\(hash)\"}"
        case .garbage: lines[2] = "hello"
        case .empty: lines[2] = ""
        }
        let verification = AuditLog.verify(lines: lines)
        #expect(verification.broken?.line == 3)
        #expect(verification.records == 2)
        #expect(verification.description.contains("line 3 is broken"))
        try folder.write(Array((lines.joined(separator: "\n") + "\n").utf8), to: "audit.log")
        #expect(try AuditLog.verify(path: path) == verification)
    }

    @Test(
        "cuts off a last write that a crash left incomplete, and says so",
        arguments: [
            "{\"sequence\":4,\"time\":\"20", "{", "\u{0}\u{0}\u{0}\u{0}", "{\"sequence\":4\u{0}\u{0}\u{0}}\n",
            "\u{0}\n\u{0}\n",
        ])
    func torn(tail: String) throws {
        let head = try filled(3).head
        let whole = try folder.read("audit.log")
        try folder.write(whole + Array(tail.utf8), to: "audit.log")
        #expect(try !AuditLog.verify(path: path).isIntact)
        let log = try open()
        #expect(log.repairedBytes == Int64(tail.utf8.count))
        #expect(log.head.sequence == head.sequence + 1)
        #expect(try lines().last?.contains("log.repaired") == true)
        #expect(try AuditLog.verify(path: path).records == 4)
        #expect(try open().repairedBytes == 0)
    }

    @Test("is not continued when its last line was changed")
    func changedTail() throws {
        _ = try filled(3)
        let text = String(decoding: try folder.read("audit.log"), as: UTF8.self).replacingOccurrences(
            of: "site-3", with: "site-9")
        try folder.write(Array(text.utf8), to: "audit.log")
        let error = #expect(throws: IdentityError.self) { try open() }
        #expect(error?.code == .brokenLog)
        #expect(error?.message.contains("tributary audit verify") == true)
    }

    @Test("what was acknowledged survives a crash at any instant", arguments: LossyFileSystem.Loss.allCases)
    func crashes(loss: LossyFileSystem.Loss) throws {
        for changes in 0..<14 {
            let disk = LossyFileSystem(folders: ["/state"])
            disk.powerOff(afterChanges: changes)
            var acknowledged = 0
            do {
                let log = try AuditLog(path: "/state/audit.log", fileSystem: disk)
                for _ in 0..<5 {
                    try log.append([AuditEvent(kind: .started, subject: "a"), AuditEvent(kind: .stopped, subject: "b")])
                    acknowledged += 2
                }
            } catch {}
            disk.crash(loss)
            let log = try AuditLog(path: "/state/audit.log", fileSystem: disk)
            let kept = log.head.sequence - (log.repairedBytes > 0 ? 1 : 0)
            #expect(kept >= acknowledged && kept <= acknowledged + 2, "\(changes) changes, \(loss)")
            try log.append(kind: .started, subject: "a")
            #expect(try AuditLog.verify(path: "/state/audit.log", fileSystem: disk).isIntact)
        }
    }

    @Test("bounds what strangers can write")
    func bounds() throws {
        let log = try open()
        var detail = ["reason": String(repeating: "\u{1}", count: 100_000)]
        for number in 0..<100 { detail["key-\(number)"] = "x" }
        try log.append(kind: .peerRefused, subject: String(repeating: "s", count: 100_000), detail: detail)
        #expect(try folder.read("audit.log").count < 64 << 10)
        #expect(try AuditLog.verify(path: path).isIntact)
        try log.append(kind: .stopped, subject: "a")
        #expect(try open().head.sequence == 2)
    }

    @Test("a log that is not there is an error, not an empty log")
    func missing() {
        let error = #expect(throws: IdentityError.self) { try AuditLog.verify(path: folder.file("nothing")) }
        #expect(error?.code == .missingFile)
    }
}
