import Synchronization
import Testing
import Wire

@testable import Coordinator

@Suite struct GrantMachineTests {
    private let start = ContinuousClock.now

    private func machine(capacity: Int, perClient: Int = 2, waiting: Int = 8) -> GrantMachine {
        GrantMachine(
            limits: .init(capacity: capacity, perClient: perClient, waitingPerClient: waiting, validity: .seconds(10)))
    }

    private func upload(_ round: Int = 0) -> TransferPurpose {
        TransferPurpose(
            identity: TaskIdentity(job: "a", round: round, attempt: 0, kind: .train), direction: .upload)
    }

    @Test func noMoreThanTheCapacityFirstComeFirstServed() throws {
        var machine = machine(capacity: 2)
        let first = try machine.request(client: "a", request: 1, purpose: upload(), now: start)
        let second = try machine.request(client: "b", request: 2, purpose: upload(), now: start)
        #expect(first.map(\.client) == ["a"])
        #expect(second.map(\.client) == ["b"])
        #expect(try machine.request(client: "d", request: 3, purpose: upload(), now: start).isEmpty)
        #expect(try machine.request(client: "c", request: 4, purpose: upload(), now: start).isEmpty)
        let next = machine.release(first[0].grant, client: "a", onlyUnclaimed: false, now: start)
        #expect(next.map(\.client) == ["d"])
        #expect(next.map(\.request) == [3])
        #expect(machine.count == 2)
        #expect(machine.waiting == 1)
    }

    @Test("Small transfers share a slot, a large one waits for a whole one and is not overtaken")
    func shares() throws {
        var machine = machine(capacity: 1)
        let small = Int64(4096)
        #expect(GrantMachine.shares(small) == 1)
        #expect(GrantMachine.shares(GrantMachine.shareBytes + 1) == 2)
        #expect(GrantMachine.shares(1 << 40) == GrantMachine.slotShares)
        #expect(GrantMachine.shares(nil) == GrantMachine.slotShares)
        let count = Int(GrantMachine.slotShares)
        var held: [IssuedGrant] = []
        for index in 0..<count {
            held += try machine.request(
                client: "small-\(index)", request: 1, purpose: upload(), bytes: small, now: start)
        }
        #expect(held.count == count)
        #expect(machine.offer(client: "more", purpose: upload(), bytes: small, now: start) == nil)
        #expect(
            try machine.request(client: "large", request: 1, purpose: upload(), bytes: 1 << 30, now: start).isEmpty)
        #expect(try machine.request(client: "late", request: 1, purpose: upload(), bytes: small, now: start).isEmpty)
        for grant in held.dropLast() {
            #expect(
                machine.release(grant.grant, client: grant.client, onlyUnclaimed: false, now: start).isEmpty)
        }
        let last = held[count - 1]
        let large = machine.release(last.grant, client: last.client, onlyUnclaimed: false, now: start)
        #expect(large.map(\.client) == ["large"])
        let late = machine.release(large[0].grant, client: "large", onlyUnclaimed: false, now: start)
        #expect(late.map(\.client) == ["late"])
        // What lapses and what a session leaves behind gives its shares back.
        #expect(machine.lapse(now: start + .seconds(10)).isEmpty)
        #expect(machine.offer(client: "a", purpose: upload(), now: start) != nil)
        #expect(machine.drop(client: "a", now: start).isEmpty)
        #expect(machine.offer(client: "b", purpose: upload(), now: start) != nil)
    }

    @Test func oneClientCannotHoldUpTheOthers() throws {
        var machine = machine(capacity: 3, perClient: 1)
        for round in 0..<5 {
            _ = try machine.request(client: "greedy", request: UInt64(round), purpose: upload(round), now: start)
        }
        #expect(machine.count == 1)
        let other = try machine.request(client: "other", request: 9, purpose: upload(), now: start)
        #expect(other.map(\.client) == ["other"])
    }

    @Test func waitingRequestsHaveALimit() throws {
        var machine = machine(capacity: 1, waiting: 2)
        _ = try machine.request(client: "a", request: 0, purpose: upload(0), now: start)
        _ = try machine.request(client: "a", request: 1, purpose: upload(1), now: start)
        _ = try machine.request(client: "a", request: 2, purpose: upload(2), now: start)
        #expect(throws: CoordinatorError.self) {
            _ = try machine.request(client: "a", request: 3, purpose: upload(3), now: start)
        }
    }

    @Test func aGrantIsForOneTransferOfOneClient() throws {
        var machine = machine(capacity: 2)
        let grant = try machine.request(client: "a", request: 1, purpose: upload(), now: start)[0].grant
        #expect(throws: CoordinatorError.self) { try machine.claim(grant, client: "b", purpose: upload()) }
        #expect(throws: CoordinatorError.self) { try machine.claim(grant, client: "a", purpose: upload(1)) }
        #expect(throws: CoordinatorError.self) { try machine.claim(grant &+ 1, client: "a", purpose: upload()) }
        try machine.claim(grant, client: "a", purpose: upload())
        #expect(throws: CoordinatorError.self) { try machine.claim(grant, client: "a", purpose: upload()) }
        // A client's message does not free a slot in use, nor another's.
        _ = machine.release(grant, client: "a", onlyUnclaimed: true, now: start)
        _ = machine.release(grant, client: "b", onlyUnclaimed: false, now: start)
        #expect(machine.count == 1)
    }

    @Test func unclaimedGrantsLapseAndClaimedOnesDoNot() throws {
        var machine = machine(capacity: 2)
        let grants = try ["a", "b"].map {
            try machine.request(client: $0, request: 1, purpose: upload(), now: start)[0]
        }
        _ = try machine.request(client: "c", request: 1, purpose: upload(), now: start)
        try machine.claim(grants[0].grant, client: "a", purpose: upload())
        #expect(machine.nextLapse == start + .seconds(10))
        #expect(machine.lapse(now: start + .seconds(9)).isEmpty)
        #expect(machine.lapse(now: start + .seconds(10)).map(\.client) == ["c"])
        #expect(throws: CoordinatorError.self) {
            try machine.claim(grants[1].grant, client: "b", purpose: upload())
        }
        #expect(machine.nextLapse == start + .seconds(20))
    }

    @Test func askingAgainReplacesALostGrant() throws {
        var machine = machine(capacity: 1)
        let lost = try machine.request(client: "a", request: 1, purpose: upload(), now: start)[0]
        let again = try machine.request(client: "a", request: 2, purpose: upload(), now: start)
        #expect(again.map(\.request) == [2])
        #expect(throws: CoordinatorError.self) { try machine.claim(lost.grant, client: "a", purpose: upload()) }
    }

    @Test func aSessionsEndFreesWhatItDidNotUse() throws {
        var machine = machine(capacity: 2)
        let used = try machine.request(client: "a", request: 1, purpose: upload(0), now: start)[0]
        _ = try machine.request(client: "a", request: 2, purpose: upload(1), now: start)
        try machine.claim(used.grant, client: "a", purpose: upload(0))
        _ = try machine.request(client: "b", request: 1, purpose: upload(), now: start)
        #expect(machine.drop(client: "a", now: start).map(\.client) == ["b"])
        #expect(machine.count == 2)
    }

    @Test func offersComeOnlyWhenNobodyWaits() throws {
        var machine = machine(capacity: 1)
        let offered = machine.offer(client: "a", purpose: upload(), now: start)
        #expect(offered != nil)
        #expect(machine.offer(client: "b", purpose: upload(), now: start) == nil)
    }

    @Test("A delivery is as deep as the first one, however many there were")
    func deliveriesDoNotGetDeeper() {
        let places = Mutex<[Int]>([])
        let deliverer = Deliverer()
        deliverer.set { _ in
            var here = 0
            withUnsafeMutablePointer(to: &here) { place in places.withLock { $0.append(Int(bitPattern: place)) } }
        }
        for number in 0..<1000 { deliverer.deliver(IssuedGrant(client: "a", request: 0, grant: UInt64(number))) }
        let found = places.withLock { $0 }
        #expect(found.count == 1000)
        // A frame more for each would be tens of kilobytes.
        #expect((found.max() ?? 0) - (found.min() ?? 0) < 1024)
    }
}
