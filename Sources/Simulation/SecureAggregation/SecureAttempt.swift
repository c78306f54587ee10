internal import Aggregation
internal import Federation
internal import Jobs
internal import Privacy
internal import Randomness
internal import Weights

/// One attempt of a simulated round with secure aggregation: the coordinator's machine and every virtual client's, which pass each
/// other the messages that daemons would.
///
/// The clients' steps are shared by the workers. Secrets are fresh of the operating system and never leave memory; the sum
/// does not depend on them. Who leaves before which step comes from the job's seed.
struct SecureAttempt {
    /// What a client needs to mask its update.
    struct Masking: Sendable {
        var encoding: LatticeEncoding
        var masks: [PairwiseMask]
        /// What an honest client scales its update down to; nil for nothing.
        var clipNorm: Double?
        /// The round and attempt, which noise is addressed by.
        var task: RoundTask
    }

    /// The task.
    let task: RoundTask
    /// Why the attempt ended before any update was asked for, if it did.
    private(set) var abort: String?
    /// How numbers are written.
    private(set) var encoding: LatticeEncoding?
    /// How many elements of each update that arrived were limited.
    private(set) var saturated: [String: Int] = [:]

    private let settings: SecureAggregationSettings
    private let seed: UInt64
    /// How many clients were drawn.
    private let cohort: Int
    private var exchange: SecureExchange?
    private var clients: [String: SecureClient] = [:]
    private var masks: [String: [PairwiseMask]] = [:]
    /// Why clients are not in the round any more.
    private var left: [String: String] = [:]
    /// Those whose secrets could not be put together.
    private var excluded: [String: AdmissionRefusal] = [:]

    /// Draws who leaves, and takes the steps before the training: keys, shares and masks.
    ///
    /// - Throws: what is no matter of the protocol.
    init(
        _ record: CohortRecord, of specification: JobSpecification, _ settings: SecureAggregationSettings,
        privacy: RoundPrivacy?, on pool: WorkerPool<SimulationWorker>
    ) throws {
        task = RoundTask(.train, round: record.round, attempt: record.attempt)
        self.settings = settings
        seed = specification.seed
        cohort = record.cohort.count
        do {
            try begin(record, specification, privacy, pool)
        } catch let error as PrivacyError {
            abort = error.message
        }
    }

    private mutating func begin(
        _ record: CohortRecord, _ specification: JobSpecification, _ privacy: RoundPrivacy?,
        _ pool: WorkerPool<SimulationWorker>
    ) throws {
        let cohort = record.cohort
        let round = try SecureRound(
            context: "\(specification.name) \(task.round) \(task.attempt)", cohort: cohort.count,
            degree: settings.degree, threshold: settings.threshold(of: cohort.count),
            minimum: settings.minimum(of: specification.clients))
        encoding =
            try privacy?.distributed?.encoding
            ?? LatticeEncoding(range: settings.range, bits: settings.bits, clients: cohort.count)
        var exchange = try SecureExchange(
            round: round, cohort: cohort, minimum: round.minimum, projections: settings.projections ?? 0)
        for (name, identity) in TransientIdentity.make(for: cohort) {
            clients[name] = try SecureClient(client: name, round: round, identity: identity)
        }
        for (_, keys) in try each(cohort, .advertise, pool, { try $0.advertise() }) { try exchange.receive(keys) }
        let roster = try exchange.closeAdvertising()
        for (name, shares) in try each(roster.map(\.client), .share, pool, { try $0.share(roster) }) {
            try exchange.receive(shares, from: name)
        }
        let sealed = try exchange.closeSharing()
        for (name, complaints) in try each(exchange.sharers, nil, pool, { try $0.check(sealed[$0.client] ?? []) }) {
            try exchange.receive(complaints: complaints, from: name)
        }
        defer { for exclusion in exchange.excluded { excluded[exclusion.client] = exclusion.refusal } }
        let boxes = try exchange.closeChecking()
        for (name, own) in try each(exchange.sharers, .mask, pool, { try $0.masks(boxes[$0.client] ?? []) }) {
            masks[name] = own
        }
        self.exchange = exchange
    }

    /// What the client masks its update with, or why it sends none.
    func masking(of client: String) -> Result<Masking, AdmissionRefusal> {
        if abort == nil, let encoding, let masks = masks[client] {
            return .success(
                Masking(encoding: encoding, masks: masks, clipNorm: settings.clipNorm, task: task))
        }
        return .failure(
            excluded[client]
                ?? AdmissionRefusal(
                    code: AdmissionRules.secureAggregation,
                    reason: abort ?? left[client] ?? "the client is not in the exchange"))
    }

    /// A masked update is here.
    mutating func arrived(_ client: String, saturated count: Int) throws {
        try exchange?.maskedUpdateArrived(from: client)
        saturated[client] = count
    }

    /// Closes the list, has it signed, the masks of the sum put together, and the norms of the updates checked where the job asks.
    ///
    /// - Parameters:
    ///   - updates: the masked words of a client.
    ///   - words: their schema.
    /// - Returns: those on the list, and the masks to take off their sum.
    /// - Throws: `PrivacyError` when too few are left or a secret cannot be put together: nothing of the attempt can be used.
    ///   ``MaskedNormRefusal`` when updates are too long.
    mutating func unmask(
        on pool: WorkerPool<SimulationWorker>, words: WeightsSchema, updates: (String) throws -> any TensorBlocks
    ) throws -> (survivors: [String], masks: [PairwiseMask]) {
        guard var exchange else {
            throw PrivacyError(.protocolViolation, "secure aggregation: the exchange has not begun")
        }
        let survivors = try exchange.closeMasking()
        for (_, signature) in try each(survivors, .sign, pool, { try $0.sign(survivors) }) {
            try exchange.receive(signature)
        }
        let signatures = try exchange.closeSigning()
        let request = settings.projections.map { count in
            ProjectionRequest(seed: projectionSeed, count: count, sizes: words.tensors.map { $0.byteCount / 4 })
        }
        let answers = try each(
            signatures.map(\.client), .unmask, pool, { try $0.unmask(signatures, projecting: request) })
        for (_, shares) in answers { try exchange.receive(shares) }
        let masks = try exchange.closeUnmasking()
        self.exchange = exchange
        if let request, let encoding,
            let bound = try NormBound(
                settings, encoding: encoding, elements: request.sizes.reduce(0, +), clients: cohort)
        {
            let findings = try exchange.findings(request, bound: bound) { client, tensor, start, target in
                try updates(client).readBlock(
                    tensor: tensor, byteOffset: start * 4, into: UnsafeMutableRawBufferPointer(target))
            }
            try MaskedNormRefusal.check(findings)
        }
        return (survivors, masks)
    }

    /// Of the job's seed, where a coordinator asks the operating system: nobody in this process could adapt to it, and a run
    /// that is repeated refuses the same clients.
    private var projectionSeed: [UInt8] {
        var stream = RandomStream(
            seed: seed, purpose: "norm check", round: UInt32(truncatingIfNeeded: task.round),
            layer: UInt32(truncatingIfNeeded: task.attempt))
        return (0..<RandomProjection.seedBytes).map { _ in UInt8(stream.uniform() * 256) }
    }

    /// A step of each of some clients, on the workers; those who leave before it or cannot take it are out of the round.
    ///
    /// - Parameter step: before which clients may leave; nil for none.
    /// - Returns: what came of it, in the order of `names`.
    private mutating func each<Value: Sendable>(
        _ names: [String], _ step: SecureAggregationSettings.Step?, _ pool: WorkerPool<SimulationWorker>,
        _ body: @escaping @Sendable (inout SecureClient) throws -> Value
    ) throws -> [(client: String, value: Value)] {
        var waiting: [(client: String, pending: WorkerPool<SimulationWorker>.Pending<(SecureClient, Value)>)] = []
        for name in names {
            guard let client = clients[name] else { continue }
            if let step, leaves(name, before: step) {
                left[name] = "the client left before the step '\(step)'"
                continue
            }
            let pending = pool.submit { _ in
                var client = client
                let value = try body(&client)
                return (client, value)
            }
            waiting.append((name, pending))
        }
        var results: [(client: String, value: Value)] = []
        for (name, pending) in waiting {
            do {
                let (client, value) = try pending.value()
                clients[name] = client
                results.append((name, value))
            } catch let error as PrivacyError {
                left[name] = error.message
            }
        }
        return results
    }

    /// The draw of (round, attempt, client, step).
    private func leaves(_ client: String, before step: SecureAggregationSettings.Step) -> Bool {
        let probability = settings.dropOuts[step.rawValue]
        guard probability > 0 else { return false }
        let layer = task.attempt * SecureAggregationSettings.Step.allCases.count + step.rawValue
        var stream = RandomStream(
            seed: seed, purpose: "secure aggregation drop-outs", round: UInt32(truncatingIfNeeded: task.round),
            client: clientIndex(client), layer: UInt32(truncatingIfNeeded: layer))
        return stream.uniform() < probability
    }
}
