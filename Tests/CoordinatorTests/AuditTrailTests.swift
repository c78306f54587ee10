import Identity
import Logging
import Synchronization
import TestSupport
import Testing

@testable import Coordinator

@Suite struct AuditTrailTests {
    private struct Full: Error {}

    @Test("What a full disk does not take is written later, before what comes after it")
    func waits() async throws {
        let folder = try TemporaryFolder()
        let isFull = Mutex(true)
        let log = try AuditLog(path: folder.file("audit.log"))
        let trail = AuditTrail(log: log, logger: Logger(label: "test")) { events in
            if isFull.withLock({ $0 }) { throw Full() }
            try log.append(events)
        }
        for number in 0..<300 { trail.record(.started, subject: "\(number)") }
        await trail.drain()
        await #expect(throws: Full.self) { try await trail.recordDurably(.stopped, subject: "lost") }
        isFull.withLock { $0 = false }
        try await trail.recordDurably(.stopped, subject: "durable")
        trail.record(.started, subject: "last")
        await trail.drain()
        var lines: [String] = []
        try log.forEachLine { lines.append($0) }
        #expect(lines.count == 302)
        for (line, subject) in zip(lines, (0..<300).map { "\($0)" } + ["durable", "last"]) {
            #expect(line.contains("\"\(subject)\""), "\(line)")
        }
    }
}
