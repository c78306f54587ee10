import Testing
import Wire
import WireMessages

@Suite struct TaskIdentityTests {
    @Test(arguments: TaskKind.allCases)
    func survivesTheWire(kind: TaskKind) throws {
        let identity = TaskIdentity(job: "har-12ab", round: 3, attempt: 1, kind: kind)
        #expect(try TaskIdentity(identity.message) == identity)
    }

    @Test(arguments: ["", "a/b", "../x", "a.b", "a b", String(repeating: "a", count: 129), "\u{e9}"])
    func refusesJobsThatAreNoIdentifiers(job: String) {
        let message = TaskIdentity(job: job, round: 0, attempt: 0, kind: .train).message
        #expect(throws: WireError.self) { try TaskIdentity(message) }
    }

    @Test func refusesAnUnknownKind() {
        var message = TaskIdentity(job: "a", round: 0, attempt: 0, kind: .train).message
        message.kind = .unspecified
        #expect(throws: WireError.self) { try TaskIdentity(message) }
        message.kind = .UNRECOGNIZED(9)
        #expect(throws: WireError.self) { try TaskIdentity(message) }
    }

    @Test func refusesRoundsBeyondTheLimit() {
        var message = TaskIdentity(job: "a", round: 0, attempt: 0, kind: .train).message
        message.round = .max
        #expect(throws: WireError.self) { try TaskIdentity(message) }
    }
}
