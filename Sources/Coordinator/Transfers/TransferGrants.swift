internal import Synchronization
internal import Wire

/// The slots for transfers, shared by sessions and services: a ``GrantMachine`` with a clock and a lock.
///
/// What it issues is handed to `deliver`, which must not block and not call back.
final class TransferGrants: Sendable {
    private let machine: Mutex<GrantMachine>
    private let deliver: @Sendable (IssuedGrant) -> Void
    private let alarm = Mutex<Alarm?>(nil)

    init(limits: GrantMachine.Limits, deliver: @escaping @Sendable (IssuedGrant) -> Void) {
        machine = Mutex(GrantMachine(limits: limits))
        self.deliver = deliver
        let alarm = Alarm { [weak self] in self?.lapse() }
        self.alarm.withLock { $0 = alarm }
    }

    /// How long a grant may stay unclaimed, for the message that carries it.
    var validity: Duration { machine.withLock { $0.limits.validity } }

    /// A client asks for a slot.
    func request(client: String, request: UInt64, purpose: TransferPurpose, bytes: Int64? = nil) throws {
        try change {
            try $0.request(client: client, request: request, purpose: purpose, bytes: bytes, now: .now)
        }
    }

    /// A slot at once, when one is free and nobody waits.
    func offer(client: String, purpose: TransferPurpose, bytes: Int64? = nil) -> UInt64? {
        let (grant, next) = machine.withLock { machine in
            (machine.offer(client: client, purpose: purpose, bytes: bytes, now: .now), machine.nextLapse)
        }
        alarm.withLock { $0 }?.set(at: next)
        return grant?.grant
    }

    /// Runs one transfer under a grant; the slot is free again when `body` ends in whatever way.
    func withGrant<Value: Sendable>(
        _ number: UInt64, client: String, purpose: TransferPurpose, _ body: () async throws -> Value
    ) async throws -> Value {
        try machine.withLock { try $0.claim(number, client: client, purpose: purpose) }
        defer { release(number, client: client, onlyUnclaimed: false) }
        return try await body()
    }

    /// A transfer's bytes have moved before its call ends: the slot is free for the next one.
    func end(_ number: UInt64, client: String) {
        release(number, client: client, onlyUnclaimed: false)
    }

    /// A client does not need a grant.
    func giveBack(_ number: UInt64, client: String) {
        release(number, client: client, onlyUnclaimed: true)
    }

    /// A client's session ended.
    func drop(client: String) {
        change { $0.drop(client: client, now: .now) }
    }

    /// Grants that are issued or in use.
    var count: Int { machine.withLock { $0.count } }

    private func release(_ number: UInt64, client: String, onlyUnclaimed: Bool) {
        change { $0.release(number, client: client, onlyUnclaimed: onlyUnclaimed, now: .now) }
    }

    private func lapse() {
        change { $0.lapse(now: .now) }
    }

    private func change<Failure: Error>(
        _ body: (inout GrantMachine) throws(Failure) -> [IssuedGrant]
    ) throws(Failure) {
        let result = machine.withLock { machine -> Result<([IssuedGrant], ContinuousClock.Instant?), Failure> in
            do throws(Failure) {
                let issued = try body(&machine)
                return .success((issued, machine.nextLapse))
            } catch {
                return .failure(error)
            }
        }
        let (issued, next) = try result.get()
        alarm.withLock { $0 }?.set(at: next)
        for grant in issued { deliver(grant) }
    }
}
