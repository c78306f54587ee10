internal import Federation
internal import Foundation
internal import Identity
internal import Jobs
internal import Privacy
internal import Wire
internal import X509

/// One attempt of a round with secure aggregation as the coordinator sees it: a value without I/O. Events go in, effects come
/// out in order.
///
/// It drives the `SecureExchange`: asks every client for its next step, closes a step when all have answered or left, or when
/// its time is over, and checks signatures with the certificates that TLS verified, so that a wrong one costs its sender the
/// round and nobody else. Masking is closed by the fold, with the updates that the round engine took.
///
/// A message that does not belong to the step, or comes a second time and differs, changes nothing. One that belongs to the step
/// and is wrong takes its sender out of the round. A repeated one, as after a reconnect, is nothing at all.
struct SecureRoundMachine: Sendable {
    /// What is to be done.
    enum Effect: Sendable, Hashable {
        /// Send a client its next step.
        case send(SecureRequest, client: String)
        /// Write down what was wrong with a client's message.
        case record(client: String, code: String, reason: String)
        /// Clients give no update in this round.
        case refuse([TaskRefusal])
        /// A step begins that has its own deadline.
        case startClock
        /// The step is over that had one.
        case stopClock
        /// The attempt is over, and nothing of it is known.
        case abort(String)
        /// Everything is here that takes the masks off.
        case complete
    }

    /// The word of refusals that clients get in such a round.
    static let code = AdmissionRules.secureAggregation

    let task: RoundTask
    let cohort: [String]
    let encoding: LatticeEncoding
    private(set) var exchange: SecureExchange
    private var accepted: Set<String> = []
    /// Who has answered in the open step.
    private var answered: Set<String> = []
    /// The newest answer of each client: one that comes again was sent before a reconnect.
    private var newest: [String: SecureAnswer] = [:]
    private var certificates: [String: Certificate] = [:]
    private var certified: [String: CertifiedKeys] = [:]
    /// Who can be asked to check its shares; others are of an older version.
    private var checkers: Set<String> = []
    private var roster: [CertifiedKeys] = []
    private var boxes: [String: [SealedShare]] = [:]
    private var signatures: [SurvivorSignature] = []
    /// What the random sums of a job with a check of norms come from; nil until the list of updates is closed, and without a check.
    private(set) var seed: [UInt8]?
    /// Who is not in the round any more, and why.
    private(set) var left: [String: String] = [:]
    private var hasBegun = false

    /// An attempt whose cohort is committed.
    ///
    /// - Parameters:
    ///   - terms: what the tasks tell every client.
    ///   - distributed: the numbers of noise that clients add; nil in a job without it.
    /// - Throws: `PrivacyError` when cohort and settings do not make a round.
    init(
        _ record: CohortRecord, of job: String, _ specification: JobSpecification,
        _ settings: SecureAggregationSettings, terms: RoundTerms, distributed: DistributedGaussian? = nil
    ) throws(PrivacyError) {
        task = RoundTask(.train, round: record.round, attempt: record.attempt)
        cohort = record.cohort
        let identity = TaskIdentity(job: job, task: task)
        let round = try SecureRound(
            settings, of: identity, cohort: cohort.count, clients: specification.clients, terms: terms)
        if let distributed {
            encoding = distributed.encoding
        } else {
            encoding = try LatticeEncoding(range: settings.range, bits: settings.bits, clients: cohort.count)
        }
        exchange = try SecureExchange(
            round: round, cohort: cohort, minimum: round.minimum, projections: settings.projections ?? 0)
    }

    // MARK: Clients come and go

    /// The first task goes out: from now on keys are waited for.
    mutating func offered() -> [Effect] {
        guard !hasBegun, exchange.phase == .advertising else { return [] }
        hasBegun = true
        return [.startClock]
    }

    /// A client works on the task.
    mutating func accepted(_ client: String) -> [Effect] {
        guard Participants.contains(client, in: cohort) else { return [] }
        accepted.insert(client)
        return ask(client)
    }

    /// A client has a new session: what it was asked may be lost.
    func connected(_ client: String) -> [Effect] { ask(client) }

    /// A client gives no (further) answer.
    mutating func left(_ client: String, reason: String) -> [Effect] {
        guard Participants.contains(client, in: cohort), left[client] == nil else { return [] }
        left[client] = reason
        return closeIfComplete()
    }

    /// Whether a client's masked update can be in the sum.
    func mayUpload(_ client: String) -> Bool {
        exchange.phase == .masking && exchange.sharers.contains(client) && left[client] == nil
    }

    /// Those of whom the open step wants an answer.
    private var expected: [String] {
        switch exchange.phase {
        case .advertising: cohort
        case .sharing: exchange.roster.map(\.client)
        case .checking: exchange.sharers.filter(checkers.contains)
        case .masking: exchange.sharers
        case .signing: exchange.survivors
        case .unmasking: signatures.map(\.client)
        case .over: []
        }
    }

    /// What the open step asks of a client, if anything.
    private func ask(_ client: String) -> [Effect] {
        guard left[client] == nil, !answered.contains(client), expected.contains(client) else { return [] }
        let request: SecureRequest
        switch exchange.phase {
        case .advertising:
            guard accepted.contains(client) else { return [] }
            request = .invitation(cohort: cohort.count)
        case .sharing: request = .roster(roster)
        case .checking: request = .check(boxes[client] ?? [])
        case .masking: request = .boxes(boxes[client] ?? [])
        case .signing: request = .survivors(exchange.survivors)
        case .unmasking: request = .signatures(signatures, seed: seed)
        case .over: return []
        }
        return [.send(request, client: client)]
    }

    private func askAll() -> [Effect] { expected.flatMap(ask) }

    // MARK: Answers

    /// A client's step.
    ///
    /// - Parameters:
    ///   - certificate: of the client's session, as TLS verified it when the session began.
    ///   - now: the time.
    ///   - checks: whether the client can be asked to check its shares.
    mutating func take(
        _ answer: SecureAnswer, of client: String, certificate: Certificate?, at now: Date, checks: Bool = true
    ) -> [Effect] {
        guard newest[client] != answer else { return [] }
        if let reason = misplaced(answer, of: client) {
            return [.record(client: client, code: "out-of-order", reason: reason)]
        }
        do {
            try check(answer, of: client, certificate: certificate, at: now)
        } catch {
            let reason = (error as? PrivacyError)?.message ?? "\(error)"
            return [
                .record(client: client, code: Self.code, reason: reason),
                .refuse([TaskRefusal(client: client, code: Self.code, reason: reason)]),
            ] + left(client, reason: reason)
        }
        if case .keys = answer, checks { checkers.insert(client) }
        answered.insert(client)
        newest[client] = answer
        return closeIfComplete()
    }

    /// Why an answer is not wanted now, if so.
    private func misplaced(_ answer: SecureAnswer, of client: String) -> String? {
        let phase: SecureExchange.Phase =
            switch answer {
            case .keys: .advertising
            case .boxes: .sharing
            case .complaints: .checking
            case .signature: .signing
            case .shares: .unmasking
            }
        if phase != exchange.phase {
            return "a message of the step '\(phase.rawValue)' came in the step '\(exchange.phase.rawValue)'"
        }
        if answered.contains(client) { return "a second, different message of the step '\(phase.rawValue)'" }
        if let reason = left[client] { return "a message of a client that is out of the round: \(reason)" }
        return expected.contains(client) ? nil : "a message of a client that is not in the round"
    }

    private mutating func check(
        _ answer: SecureAnswer, of client: String, certificate: Certificate?, at now: Date
    ) throws {
        switch answer {
        case .keys(let keys):
            // A session can outlive its certificate, which the others would not believe.
            guard let certificate, certificate.notValidBefore <= now, now < certificate.notValidAfter else {
                throw PrivacyError(
                    .protocolViolation, "the session shows no certificate that is valid now, for the others to check")
            }
            guard let der = try? certificate.participantDER(), der.count <= SecureLimits.certificateBytes else {
                throw PrivacyError(
                    .protocolViolation,
                    "the certificate is too large to be passed on, expected at most \(SecureLimits.certificateBytes) bytes"
                )
            }
            guard keys.isSigned(in: exchange.round, accordingTo: SeenCertificates([client: certificate])) else {
                throw PrivacyError(
                    .protocolViolation, "the keys are not signed by the certificate of the client's session")
            }
            try exchange.receive(keys)
            certificates[client] = certificate
            certified[client] = CertifiedKeys(keys: keys, certificate: der)
        case .boxes(let shares):
            try exchange.receive(shares, from: client)
        case .complaints(let names):
            try exchange.receive(complaints: names, from: client)
        case .signature(let signature):
            guard exchange.isSigned(signature, accordingTo: SeenCertificates(certificates)) else {
                throw PrivacyError(
                    .protocolViolation, "the list of arrived updates is not signed by the client's certificate")
            }
            try exchange.receive(signature)
        case .shares(let shares):
            try exchange.receive(shares)
        }
    }

    // MARK: Steps

    /// The open step's time is over.
    mutating func overdue() -> [Effect] {
        exchange.phase == .masking || exchange.phase == .over ? [] : close()
    }

    /// The round is folded from the updates of these clients: the list is closed.
    ///
    /// - Parameter seed: fresh random bytes, for a job with a check of norms.
    /// - Throws: `PrivacyError` when they are too few, or did not share their secrets.
    mutating func fold(_ clients: [String], seed: [UInt8]) throws(PrivacyError) -> [Effect] {
        for client in clients { try exchange.maskedUpdateArrived(from: client) }
        _ = try exchange.closeMasking()
        if exchange.projections > 0 { self.seed = seed }
        answered = []
        return [.startClock] + askAll() + closeIfComplete()
    }

    private mutating func closeIfComplete() -> [Effect] {
        guard exchange.phase != .masking, exchange.phase != .over,
            expected.allSatisfy({ answered.contains($0) || left[$0] != nil })
        else { return [] }
        return close()
    }

    private mutating func close() -> [Effect] {
        let step = exchange.phase
        let asked = expected
        do throws(PrivacyError) {
            switch step {
            case .advertising: return try closeAdvertising()
            case .sharing: return try closeSharing(asked)
            case .checking: return try closeChecking(asked)
            case .signing: return try closeSigning()
            case .unmasking: return [.stopClock, .complete]
            case .masking, .over: return []
            }
        } catch {
            var effects: [Effect] = [.stopClock]
            if let owed = Self.owed[step] { effects += dropped(asked, owed) }
            if step == .checking { effects += excluded() }
            return effects + [.abort(error.message)]
        }
    }

    private mutating func closeAdvertising() throws(PrivacyError) -> [Effect] {
        roster = try exchange.closeAdvertising().compactMap { certified[$0.client] }
        certified = [:]
        return dropped(cohort, Self.owed[.advertising]) + [.startClock] + next()
    }

    private mutating func closeSharing(_ asked: [String]) throws(PrivacyError) -> [Effect] {
        boxes = try exchange.closeSharing()
        roster = []
        // Of those who cannot be asked: one that cannot open a share leaves the round by itself.
        for client in exchange.sharers where !checkers.contains(client) && left[client] == nil {
            try exchange.receive(complaints: [], from: client)
        }
        return dropped(asked, Self.owed[.sharing]) + [.startClock] + next()
    }

    private mutating func closeChecking(_ asked: [String]) throws(PrivacyError) -> [Effect] {
        boxes = try exchange.closeChecking()
        return dropped(asked, Self.owed[.checking]) + excluded() + [.stopClock] + next()
    }

    private mutating func closeSigning() throws(PrivacyError) -> [Effect] {
        signatures = try exchange.closeSigning()
        return [.startClock] + next()
    }

    private mutating func next() -> [Effect] {
        answered = []
        return askAll() + closeIfComplete()
    }

    /// What clients owe to the steps before the masking.
    private static let owed: [SecureExchange.Phase: String] = [
        .advertising: "keys", .sharing: "shares of its secrets", .checking: "word about the shares that it was sent",
    ]

    /// Takes those out of the round who owe an answer to the step that is over.
    private mutating func dropped(_ asked: [String], _ what: String?) -> [Effect] {
        let missing = asked.filter { !answered.contains($0) && left[$0] == nil }
        let refusals = missing.map {
            TaskRefusal(client: $0, code: Self.code, reason: "no \(what ?? "answer") before the step's deadline")
        }
        for refusal in refusals { left[refusal.client] = refusal.reason }
        return refusals.isEmpty ? [] : [.refuse(refusals)]
    }

    /// Takes those out of the round whose shares too few others can open.
    private mutating func excluded() -> [Effect] {
        var effects: [Effect] = []
        for exclusion in exchange.excluded where left[exclusion.client] == nil {
            let refusal = exclusion.refusal
            left[exclusion.client] = refusal.reason
            effects += [
                .record(client: exclusion.client, code: refusal.code, reason: refusal.reason),
                .refuse([TaskRefusal(client: exclusion.client, code: refusal.code, reason: refusal.reason)]),
            ]
        }
        return effects
    }
}

/// Certificates of sessions, for checks alone.
private struct SeenCertificates: SecureIdentity {
    let certificates: [String: Certificate]

    init(_ certificates: [String: Certificate]) { self.certificates = certificates }

    func sign(_ digest: [UInt8]) throws -> [UInt8] {
        throw PrivacyError(.secret, "the coordinator signs nothing for clients")
    }

    func isValid(_ signature: [UInt8], of digest: [UInt8], by client: String) -> Bool {
        certificates[client].map { ParticipantSignature.isValid(signature, of: digest, by: $0) } ?? false
    }
}
