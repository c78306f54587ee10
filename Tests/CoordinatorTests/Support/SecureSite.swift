import Crypto
import Federation
import Foundation
import GRPCCore
import Identity
import Jobs
import Privacy
import SwiftProtobuf
import Synchronization
import Weights
import Wire
import WireMessages
import X509

/// A client of rounds with secure aggregation that does what the protocol says, until a test says otherwise. It checks the
/// others' signatures with the certificates that the coordinator passes on.
final class SecureSite: Sendable {
    /// What a site does before it answers a step.
    enum Conduct: Sendable {
        /// Answers.
        case answer
        /// Leaves: its session ends.
        case leave
        /// Sends these instead, in order.
        case send([Tributary_V1_SecureAnswer])
        /// Answers after these.
        case after([Tributary_V1_SecureAnswer])
        /// Answers, and sends these then.
        case then([Tributary_V1_SecureAnswer])
        /// Answers twice.
        case twice
        /// Says that it takes no further part.
        case fail
        /// Opens another session and answers on that.
        case reconnect
    }

    private struct Exchange {
        var client: SecureClient
        var identity: RosterIdentity
        var cohort: Int
        /// The elements of each tensor of the update, once it is made.
        var sizes: [Int] = []
        /// How many random sums of masks the job asks for; nil for none.
        var projections: Int?
        var answers: [Int: Tributary_V1_SecureAnswer] = [:]
    }

    private struct State {
        var exchanges: [TaskIdentity: Exchange] = [:]
        var tasks: [TaskIdentity: Tributary_V1_Task] = [:]
        var sessions = 0
    }

    let name: String
    let conduct: @Sendable (SecureRequest, TaskIdentity) -> Conduct
    /// What the secrets of an attempt come from.
    let secret: @Sendable (TaskIdentity) -> PrivacySecret
    /// What it uploads in a round.
    let update: @Sendable (Int) throws -> Weights
    /// What a site says of its masks in place of what is right.
    struct Lie: Sendable {
        var change: @Sendable (inout UnmaskingShares) -> Void
    }

    /// What it says of its masks in place of what is right; nil for that.
    let lie: Lie?
    /// What the coordinator sent in exchanges.
    let requests = Mutex<[SecureRequest]>([])
    let receipts = Mutex<[Tributary_V1_UpdateReceipt]>([])
    /// Of the software that it says to be.
    let features: [String]
    private let state = Mutex(State())

    init(
        _ name: String, features: [String] = ProtocolVersion.features,
        secret: @escaping @Sendable (TaskIdentity) -> PrivacySecret = { _ in PrivacySecret() },
        update: (@Sendable (Int) throws -> Weights)? = nil,
        lie: Lie? = nil,
        conduct: @escaping @Sendable (SecureRequest, TaskIdentity) -> Conduct = { _, _ in .answer }
    ) {
        self.name = name
        self.features = features
        self.conduct = conduct
        self.secret = secret
        self.lie = lie
        self.update = update ?? { try Fixtures.update(client: name, round: $0) }
    }

    private struct Left: Error {}
    private struct Again: Error { var request: Tributary_V1_SecureRequest }

    /// Sessions until the test is over or the site leaves.
    func run(_ federation: Tributary_V1_Federation.Client<some ClientTransport>, _ material: IdentityMaterial)
        async throws
    {
        while !Task.isCancelled {
            do {
                try await session(federation, material)
                return
            } catch is Again {
                continue
            } catch is Left {
                return
            }
        }
    }

    private func session(
        _ federation: Tributary_V1_Federation.Client<some ClientTransport>, _ material: IdentityMaterial
    ) async throws {
        let (messages, outbound) = AsyncStream.makeStream(of: Tributary_V1_ClientMessage.self)
        let isAgain = state.withLock { state in
            state.sessions += 1
            return state.sessions > 1
        }
        let holding = state.withLock { Array($0.tasks.keys) }
        let hello = ClientHello(
            features: features, software: "scripted 1", datasets: [DatasetCard(name: "toy", examples: ["train": 10])],
            holding: holding)
        outbound.yield(.with { $0.hello = hello.message })
        let book = RequestBook(outbound)
        try await federation.connect { writer in
            for await message in messages { try await writer.write(message) }
        } onResponse: { [self] response in
            defer { outbound.finish() }
            try await withThrowingTaskGroup(of: Void.self) { group in
                for try await message in response.messages {
                    switch message.message {
                    case .task(let task)?:
                        let identity = try TaskIdentity(task.identity)
                        guard identity.kind == .train else { continue }
                        state.withLock { $0.tasks[identity] = task }
                        outbound.yield(ScriptedSite.released(task))
                        outbound.yield(.with { $0.accepted.identity = task.identity })
                    case .grant(let grant)?:
                        book.answer(grant)
                    case .secure(let request)?:
                        guard let read = try SecureRequest(request, to: name) else { continue }
                        requests.withLock { $0.append(read) }
                        if case .boxes(let shares) = read {
                            let identity = try TaskIdentity(request.identity)
                            switch conduct(read, identity) {
                            case .leave: throw Left()
                            case .reconnect where !isAgain: throw Again(request: request)
                            case .fail:
                                outbound.yield(Self.failure(request.identity))
                                continue
                            default: break
                            }
                            group.addTask { try await self.upload(identity, shares, federation, book) }
                        } else {
                            try await answer(read, request, outbound, material, mayReconnect: !isAgain)
                        }
                    default: break
                    }
                }
                group.cancelAll()
                while let result = await group.nextResult() { _ = result }
            }
        }
    }

    private static func failure(_ identity: Tributary_V1_TaskIdentity) -> Tributary_V1_ClientMessage {
        .with {
            $0.failed = .with {
                $0.identity = identity
                $0.code = "secure-aggregation"
                $0.reason = "a test fails"
            }
        }
    }

    private func answer(
        _ request: SecureRequest, _ message: Tributary_V1_SecureRequest,
        _ outbound: AsyncStream<Tributary_V1_ClientMessage>.Continuation, _ material: IdentityMaterial,
        mayReconnect: Bool
    ) async throws {
        if case .end = request { return }
        let identity = try TaskIdentity(message.identity)
        let conduct = conduct(request, identity)
        func send(_ answer: Tributary_V1_SecureAnswer) { outbound.yield(.with { $0.secure = answer }) }
        switch conduct {
        case .leave: throw Left()
        case .fail: return _ = outbound.yield(Self.failure(message.identity))
        case .reconnect where mayReconnect: throw Again(request: message)
        case .send(let answers):
            for answer in answers { send(answer) }
            return
        case .after(let answers): for answer in answers { send(answer) }
        case .answer, .twice, .then, .reconnect: break
        }
        let own = try await step(request, identity, material)
        send(own)
        if case .twice = conduct { send(own) }
        if case .then(let answers) = conduct { for answer in answers { send(answer) } }
    }

    /// The right answer to a request; the same again when it comes again.
    func step(
        _ request: SecureRequest, _ identity: TaskIdentity, _ material: IdentityMaterial
    ) async throws -> Tributary_V1_SecureAnswer {
        if let known = state.withLock({ $0.exchanges[identity]?.answers[request.step.rawValue] }) { return known }
        let answer: SecureAnswer
        switch request {
        case .invitation(let cohort):
            let task = state.withLock { $0.tasks[identity] ?? .init() }
            let specification = try JobSpecification(json: task.specification)
            guard let settings = try SecureAggregationSettings.reading(specification.secureAggregation) else {
                throw Left()
            }
            let own = RosterIdentity(try ParticipantSigner(material))
            let client = try SecureClient(
                client: name,
                round: SecureRound(
                    settings, of: identity, cohort: cohort, clients: specification.clients,
                    terms: RoundTerms(specification: task.specification, weightsDigest: task.weightsDigest)),
                identity: own,
                secret: secret(identity))
            state.withLock {
                $0.exchanges[identity] = Exchange(
                    client: client, identity: own, cohort: cohort, projections: settings.projections)
            }
            answer = .keys(try take(identity) { try $0.client.advertise() })
        case .roster(let roster):
            try state.withLock { try $0.exchanges[identity]?.identity.learn(roster) }
            answer = .boxes(try take(identity) { try $0.client.share(roster.map(\.keys)) })
        case .check(let shares): answer = .complaints(try take(identity) { try $0.client.check(shares) })
        case .survivors(let list): answer = .signature(try take(identity) { try $0.client.sign(list) })
        case .signatures(let list, let seed):
            var shares = try take(identity) { exchange in
                let request = exchange.projections.flatMap { count in
                    seed.map { ProjectionRequest(seed: $0, count: count, sizes: exchange.sizes) }
                }
                return try exchange.client.unmask(list, projecting: request)
            }
            lie?.change(&shares)
            answer = .shares(shares)
        case .boxes, .end: throw Left()
        }
        let message = answer.message(identity)
        state.withLock { $0.exchanges[identity]?.answers[request.step.rawValue] = message }
        return message
    }

    private func take<Value>(_ identity: TaskIdentity, _ body: (inout Exchange) throws -> Value) throws -> Value {
        try state.withLock { state in
            guard var exchange = state.exchanges[identity] else { throw Left() }
            defer { state.exchanges[identity] = exchange }
            return try body(&exchange)
        }
    }

    private func upload(
        _ identity: TaskIdentity, _ shares: [SealedShare],
        _ federation: Tributary_V1_Federation.Client<some ClientTransport>, _ book: RequestBook
    ) async throws {
        guard let task = state.withLock({ $0.tasks[identity] }) else { throw Left() }
        let (masks, cohort) = try take(identity) { (try $0.client.masks(shares), $0.cohort) }
        let update = try update(identity.round)
        let noise = try SecureFixtures.noise(
            JobSpecification(json: task.specification), client: name, round: identity.round, update: update)
        let words = try MaskedUpdate.masked(
            update, as: noise?.gaussian.encoding ?? SecureFixtures.encoding(cohort), with: masks, noise: noise
        ).words
        try take(identity) { $0.sizes = words.schema.tensors.map { $0.byteCount / 4 } }
        let bytes = Safetensors.encode(words)
        var header = ScriptedSite.header(task, client: name, bytes: bytes)
        header.grant = await book.grant(task.identity, .upload)
        let receipt = try await ScriptedSite.submit(header, bytes, federation, client: name)
        receipts.withLock { $0.append(receipt) }
    }
}

/// Signs with a site's key and believes the certificates of a roster.
final class RosterIdentity: SecureIdentity {
    private let signer: ParticipantSigner
    private let known = Mutex([String: Certificate]())

    init(_ signer: ParticipantSigner) { self.signer = signer }

    func learn(_ roster: [CertifiedKeys]) throws {
        let table = try Dictionary(
            uniqueKeysWithValues: roster.map { ($0.keys.client, try Certificate(participantDER: $0.certificate)) })
        known.withLock { $0 = table }
    }

    func sign(_ digest: [UInt8]) throws -> [UInt8] { try signer.sign(digest) }

    func isValid(_ signature: [UInt8], of digest: [UInt8], by client: String) -> Bool {
        guard let certificate = known.withLock({ $0[client] }) else { return false }
        return ParticipantSignature.isValid(signature, of: digest, by: certificate)
    }
}

/// Jobs with secure aggregation and what they must give.
enum SecureFixtures {
    static func specification(
        clients: Int = 4, minimum: Int = 3, rounds: Int = 1, attempts: Int = 1, stepDeadline: Double = 600,
        change: (inout JobSpecification) -> Void = { _ in }
    ) -> JobSpecification {
        Fixtures.specification(rounds: rounds, clients: clients) {
            $0.clients = .init(minimum: clients, perRound: clients, minimumUpdates: minimum)
            $0.attempts = attempts
            $0.secureAggregation = [
                "threshold": 0.55, "range": 2, "bits": 16, "stepDeadline": .double(stepDeadline),
            ]
            change(&$0)
        }
    }

    static func encoding(_ cohort: Int) throws -> LatticeEncoding {
        try LatticeEncoding(range: 2, bits: 16, clients: cohort)
    }

    /// The size of a masked update.
    static var updateBytes: Int {
        get throws {
            Safetensors.canonicalSize(
                try MaskedUpdate.schema(of: Fixtures.update(client: "site-1", round: 0).schema))
        }
    }

    /// The weights after a round of the plain quantised mean of these clients' updates.
    static func weights(of clients: [String], cohort: Int, round: Int = 0, from global: Weights = Fixtures.initial)
        throws -> Weights
    {
        let encoding = try encoding(cohort)
        var steps: [String: [Double]] = [:]
        for name in ["layer.weight", "layer.bias"] {
            var sums: [Int64] = []
            for client in clients {
                let values = try Fixtures.update(client: client, round: round).floats(name)
                let words = values.map { value -> Int64 in
                    let scaled = (Double(value) * Double(encoding.limit) / encoding.range)
                        .rounded(.toNearestOrEven)
                    return Int64(min(max(scaled, -Double(encoding.limit)), Double(encoding.limit)))
                }
                sums = sums.isEmpty ? words : zip(sums, words).map(+)
            }
            steps[name] = sums.map { Double($0) * encoding.step / Double(clients.count) }
        }
        return try moved(global, by: steps)
    }

    /// What a client adds in a job with distributed privacy, from a secret of its own; nil in another.
    static func noise(
        _ specification: JobSpecification, client: String, round: Int, update: Weights
    ) throws -> DistributedNoise? {
        guard let numbers = try DistributedNumbers(specification) else { return nil }
        let gaussian = try DistributedGaussian(
            clipNorm: numbers.clipNorm, noiseMultiplier: numbers.noiseMultiplier, cohort: numbers.cohort,
            contributors: numbers.contributors, parameters: update.schema.elementCount, range: numbers.range)
        let secret = try PrivacySecret(bytes: (0..<32).map { UInt8($0) ^ (Array(client.utf8).last ?? 0) })
        return try DistributedNoise(
            gaussian, secret: secret, purpose: "test", round: round, attempt: 0, update: update)
    }

    /// The weights after a round in which these clients added noise to their updates.
    static func noisedWeights(of clients: [String], _ specification: JobSpecification) throws -> Weights {
        var steps: [String: [Double]] = [:]
        for name in ["layer.weight", "layer.bias"] {
            var sums: [UInt32] = []
            var encoding: LatticeEncoding?
            for client in clients {
                let update = try Fixtures.update(client: client, round: 0)
                let noise = try noise(specification, client: client, round: 0, update: update)
                encoding = noise?.gaussian.encoding
                let words = try MaskedUpdate.masked(
                    update, as: self.encoding(clients.count), with: [], noise: noise
                ).words.withUnsafeBytes(of: name) { Array($0.bindMemory(to: UInt32.self)) }
                sums = sums.isEmpty ? words : zip(sums, words).map(&+)
            }
            steps[name] = sums.map { (encoding?.decode($0) ?? .nan) / Double(clients.count) }
        }
        return try moved(Fixtures.initial, by: steps)
    }

    private static func moved(_ global: Weights, by steps: [String: [Double]]) throws -> Weights {
        let result = try Dictionary(
            uniqueKeysWithValues: steps.map { name, steps in
                (name, try zip(global.floats(name), steps).map { Float(Double($0) + $1) })
            })
        return try Weights(schema: global.schema) { bytes in
            for (index, spec) in global.schema.tensors.enumerated() {
                let target = UnsafeMutableRawBufferPointer(rebasing: bytes[global.schema.byteRange(at: index)])
                if let values = result[spec.name] {
                    values.withUnsafeBytes { target.copyMemory(from: $0) }
                } else {
                    try global.withUnsafeBytes(of: spec.name) { target.copyMemory(from: $0) }
                }
            }
        }
    }
}
