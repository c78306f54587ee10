import Testing
import Wire

@testable import Coordinator

@Suite struct WaitingLineTests {
    private func entry(_ client: String, _ round: Int, request: UInt64 = 1) -> WaitingLine.Entry {
        .init(client: client, request: request, purpose: purpose(round))
    }

    private func purpose(_ round: Int) -> TransferPurpose {
        TransferPurpose(
            identity: TaskIdentity(job: "a", round: round, attempt: 0, kind: .train), direction: .fetch)
    }

    @Test("First come first served, but whoever may not go is passed over and keeps its place")
    func order() {
        var line = WaitingLine()
        for (client, round) in [("a", 0), ("a", 1), ("b", 0), ("c", 0)] { line.append(entry(client, round)) }
        #expect(line.takeFirst { $0.client != "a" }?.client == "b")
        #expect(line.takeFirst { _ in true }?.purpose == purpose(0))
        #expect(line.takeFirst { _ in true }?.purpose == purpose(1))
        #expect(line.takeFirst { _ in true }?.client == "c")
        #expect(line.takeFirst { _ in true } == nil)
        #expect(line.isEmpty)
    }

    @Test("Counting, renumbering and leaving are by client")
    func clients() {
        var line = WaitingLine()
        line.append(entry("a", 0, request: 7))
        line.append(entry("a", 1))
        line.append(entry("b", 0))
        let (isThere, isNot) = (
            line.renumber(client: "a", purpose: purpose(0), request: 9),
            line.renumber(client: "b", purpose: purpose(1), request: 9)
        )
        #expect(isThere && !isNot)
        #expect(line.count(of: "a") == 2 && line.count == 3)
        #expect(line.takeFirst { _ in true }?.request == 9)
        line.removeAll(of: "a")
        #expect(line.count(of: "a") == 0)
        #expect(line.takeFirst { _ in true }?.client == "b")
    }

    @Test("A long line gives everybody a turn in order")
    func long() {
        var line = WaitingLine()
        for round in 0..<1000 { line.append(entry("c\(round)", round)) }
        for round in 0..<500 { #expect(line.takeFirst { _ in true }?.purpose == purpose(round)) }
        for round in 1000..<1200 { line.append(entry("c\(round)", round)) }
        for round in 500..<1200 { #expect(line.takeFirst { _ in true }?.purpose == purpose(round)) }
    }
}
