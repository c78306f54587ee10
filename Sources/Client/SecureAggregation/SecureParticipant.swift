import Jobs
import Privacy
import Wire

/// What a client masks one update with.
struct UpdateMasking: Sendable {
    /// How numbers are written, where the client adds no noise.
    var encoding: LatticeEncoding
    /// What is added to them.
    var masks: [PairwiseMask]
    /// The L2 norm that the update is scaled down to before; nil for any.
    var clipNorm: Double?
}

/// This client's part in one attempt of a round: takes the coordinator's requests in their order and gives an answer to each.
///
/// Every step is taken once. A request that comes again gets the same answer again; another one for a step that was taken is a
/// violation, and after a violation nothing is answered any more. The secrets live in memory only and go with this value.
struct SecureParticipant: Sendable {
    private let task: TaskIdentity
    private let name: String
    private let settings: SecureAggregationSettings
    private let clients: JobSpecification.Clients
    private let identify: @Sendable () throws -> CertificateIdentity
    private var identity: CertificateIdentity?
    private let terms: RoundTerms
    private let rule: SecureAggregationRule?
    private var client: SecureClient?
    private var cohort = 0
    private var taken: [SecureRequest.Step: (request: SecureRequest, answer: SecureAnswer?)] = [:]
    private var isBroken = false
    /// What the update is masked with, once the shares of the others are here.
    private(set) var masking: UpdateMasking?
    /// The elements of each tensor of the update, known once it is masked.
    var sizes: [Int] = []

    /// The part of a client in a task's round.
    ///
    /// - Parameters:
    ///   - terms: what the task told this client, which the others must have been told too.
    ///   - rule: what the site demands of the round.
    ///   - identity: asked for once, when keys are to be signed: the coordinator checks them with the certificate of the session
    ///     that they come on.
    init(
        _ task: TaskIdentity, of name: String, _ specification: JobSpecification,
        _ settings: SecureAggregationSettings, terms: RoundTerms, rule: SecureAggregationRule? = nil,
        identity: @escaping @Sendable () throws -> CertificateIdentity
    ) {
        self.task = task
        self.name = name
        self.settings = settings
        self.terms = terms
        self.rule = rule
        identify = identity
        clients = specification.clients
    }

    /// Takes a request.
    ///
    /// - Returns: the answer; nil when there is none to send.
    /// - Throws: `PrivacyError` when the client takes no further part.
    mutating func take(_ request: SecureRequest) async throws -> SecureAnswer? {
        guard !isBroken else { throw violation("this client takes no further part") }
        if let before = taken[request.step], before.request == request { return before.answer }
        do {
            guard taken[request.step] == nil else {
                throw violation("a second, different request for the step '\(request.step)'")
            }
            let answer = try await answer(request)
            taken[request.step] = (request, answer)
            return answer
        } catch {
            isBroken = true
            client = nil
            masking = nil
            throw error
        }
    }

    private mutating func answer(_ request: SecureRequest) async throws -> SecureAnswer? {
        switch request {
        case .invitation(let cohort):
            let round = try SecureRound(settings, of: task, cohort: cohort, clients: clients, terms: terms)
            if let refusal = rule?.refusal(threshold: round.threshold) { throw violation(refusal.reason) }
            guard cohort >= round.minimum else {
                throw violation("a round of \(cohort), at least \(round.minimum) updates have to be in the sum")
            }
            self.cohort = cohort
            let identity = try identify()
            self.identity = identity
            client = try SecureClient(client: name, round: round, identity: identity)
            return try .keys(advance { try $0.advertise() })
        case .roster(let roster):
            guard client != nil, let identity else { throw uninvited }
            guard roster.count <= cohort else {
                throw violation("\(roster.count) clients have keys in a round of \(cohort)")
            }
            try await identity.learn(roster)
            return try .boxes(advance { try $0.share(roster.map(\.keys)) })
        case .check(let shares):
            return try .complaints(advance { try $0.check(shares) })
        case .boxes(let shares):
            guard client != nil else { throw uninvited }
            let encoding = try LatticeEncoding(range: settings.range, bits: settings.bits, clients: cohort)
            masking = UpdateMasking(
                encoding: encoding, masks: try advance { try $0.masks(shares) }, clipNorm: settings.clipNorm)
            return nil
        case .survivors(let survivors):
            masking = nil
            return try .signature(advance { try $0.sign(survivors) })
        case .signatures(let signatures, let seed):
            let request = try projection(seed)
            guard let before = client else { throw uninvited }
            let (after, shares) = try await FileWork.run {
                var client = before
                let shares = try client.unmask(signatures, projecting: request)
                return (client, shares)
            }
            client = after
            return .shares(shares)
        case .end:
            return nil
        }
    }

    /// What the random sums of the masks are made of: as many as the job says, and none where it says nothing.
    private func projection(_ seed: [UInt8]?) throws -> ProjectionRequest? {
        switch (settings.projections, seed) {
        case (nil, nil): return nil
        case (let count?, let seed?):
            guard !sizes.isEmpty else { throw violation("random sums are asked for of an update that was not made") }
            return ProjectionRequest(seed: seed, count: count, sizes: sizes)
        case (nil, .some): throw violation("random sums of masks are asked for, which the job does not say")
        case (.some, nil): throw violation("no random sums of masks are asked for, which the job says")
        }
    }

    private mutating func advance<Value>(_ step: (inout SecureClient) throws -> Value) throws -> Value {
        guard var client else { throw uninvited }
        defer { self.client = client }
        return try step(&client)
    }

    private var uninvited: PrivacyError {
        violation("a step without an invitation before it: the client was started again since, or steps were left out")
    }

    private func violation(_ what: String) -> PrivacyError {
        PrivacyError(.protocolViolation, "secure aggregation, \(task), client '\(name)': \(what)")
    }
}
