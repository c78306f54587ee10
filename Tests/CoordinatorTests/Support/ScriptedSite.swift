import Foundation
import GRPCCore
import Jobs
import SwiftProtobuf
import Synchronization
import Weights
import Wire
import WireMessages

/// A client daemon that does what a test says.
final class ScriptedSite: Sendable {
    /// What the site does with a training task.
    enum Answer: Sendable {
        /// Uploads the update of ``Fixtures``.
        case update
        /// Uploads these bytes with a changed header.
        case bytes([UInt8], change: @Sendable (inout Tributary_V1_UpdateHeader) -> Void = { _ in })
        /// Sends these messages after a header with a grant of its own, whatever they are.
        case messages([UInt8], header: Bool = true, [Tributary_V1_SubmitUpdateRequest])
        /// Declines the task.
        case decline(code: String)
        /// Fails at the task.
        case fail(code: String)
        /// Says nothing.
        case silence
    }

    let name: String
    let datasets: [DatasetCard]
    /// Whether it takes small weights and sends small updates in session messages.
    let isInline: Bool
    let answer: @Sendable (Tributary_V1_Task) -> Answer
    /// What the site counts with the weights of an evaluation task; nil for always the same.
    let counts: (@Sendable (Tributary_V1_Task, [UInt8]) -> Tributary_V1_EvaluationReport?)?
    /// The optional features of its software.
    let features: [String]
    /// Waits before a training task is begun.
    let gate: @Sendable (Tributary_V1_Task) async -> Void
    /// The receipts of its uploads, in order.
    let receipts = Mutex<[Tributary_V1_UpdateReceipt]>([])
    /// What the coordinator said to uploads that it broke off.
    let failures = Mutex<[String]>([])
    /// Everything the coordinator sent on the session.
    let received = Mutex<[Tributary_V1_CoordinatorMessage]>([])
    private let heard: AsyncStream<Void>
    private let hears: AsyncStream<Void>.Continuation

    init(
        _ name: String, examples: [String: Int] = ["train": 10, "test": 4],
        features: [String] = ProtocolVersion.features, isInline: Bool = false,
        answer: @escaping @Sendable (Tributary_V1_Task) -> Answer = { _ in .update },
        counts: (@Sendable (Tributary_V1_Task, [UInt8]) -> Tributary_V1_EvaluationReport?)? = nil,
        gate: @escaping @Sendable (Tributary_V1_Task) async -> Void = { _ in }
    ) {
        self.name = name
        self.gate = gate
        self.isInline = isInline
        self.counts = counts
        self.features = features.filter { isInline || $0 != InlineTransfer.feature }
        datasets = [DatasetCard(name: "toy", examples: examples)]
        self.answer = answer
        (heard, hears) = AsyncStream.makeStream()
    }

    /// Waits until the coordinator sent something of that kind.
    func wait(
        for matches: (Tributary_V1_CoordinatorMessage) -> Bool
    ) async {
        if received.withLock({ $0.contains(where: matches) }) { return }
        for await _ in heard where received.withLock({ $0.contains(where: matches) }) { return }
    }

    /// Waits until so many uploads were answered; a job may be over before its last client hears of its update.
    func waitForReceipts(_ count: Int) async {
        if receipts.withLock({ $0.count >= count }) { return }
        for await _ in heard where receipts.withLock({ $0.count >= count }) { return }
    }

    /// Waits until the coordinator has broken an upload off.
    func waitForFailure() async {
        if failures.withLock({ !$0.isEmpty }) { return }
        for await _ in heard where failures.withLock({ !$0.isEmpty }) { return }
    }

    /// One session, until the coordinator ends it.
    func run(_ federation: Tributary_V1_Federation.Client<some ClientTransport>, holding: [TaskIdentity] = [])
        async throws
    {
        let (messages, outbound) = AsyncStream.makeStream(of: Tributary_V1_ClientMessage.self)
        let hello = ClientHello(
            features: features, software: "scripted 1", datasets: datasets, holding: holding)
        outbound.yield(.with { $0.hello = hello.message })
        let requests = RequestBook(outbound)
        try await federation.connect(metadata: TestServer.metadata(client: name)) { writer in
            for await message in messages { try await writer.write(message) }
        } onResponse: { [self] response in
            defer { outbound.finish() }
            // Tasks run beside the session, so that grants reach them.
            try await withThrowingTaskGroup(of: Void.self) { group in
                for try await message in response.messages {
                    received.withLock { $0.append(message) }
                    hears.yield()
                    switch message.message {
                    case .task(let task)?:
                        group.addTask { try await self.work(task, federation, outbound, requests) }
                    case .grant(let grant)?:
                        requests.answer(grant)
                    case .update(let receipt)?:
                        requests.answer(receipt)
                    default: break
                    }
                }
                group.cancelAll()
                // What a shutdown broke off is not the test's concern.
                while let result = await group.nextResult() { _ = result }
            }
        }
    }

    private func work(
        _ task: Tributary_V1_Task, _ federation: Tributary_V1_Federation.Client<some ClientTransport>,
        _ outbound: AsyncStream<Tributary_V1_ClientMessage>.Continuation, _ requests: RequestBook
    ) async throws {
        let identity = task.identity
        if case .silence = self.answer(task) { return }
        if identity.kind == .evaluate {
            let weights = try await fetch(task, federation, requests)
            if let counts {
                guard let report = counts(task, weights) else { return }
                outbound.yield(.with { $0.evaluation = report })
                return
            }
            outbound.yield(
                .with {
                    $0.evaluation = .with {
                        $0.identity = identity
                        $0.weightsDigest = task.weightsDigest
                        $0.statistics =
                            TaskStatistics(
                                examples: 4, sums: ["loss": 2, "correct": Double(identity.round % 5)]
                            ).message
                    }
                })
            return
        }
        await gate(task)
        let answer = self.answer(task)
        if case .update = answer {} else { outbound.yield(Self.released(task)) }
        switch answer {
        case .silence: return
        case .decline(let code):
            outbound.yield(
                .with {
                    $0.declined = .with {
                        $0.identity = identity
                        $0.code = code
                        $0.reason = "a test declines"
                    }
                })
        case .fail(let code):
            outbound.yield(
                .with {
                    $0.failed = .with {
                        $0.identity = identity
                        $0.code = code
                        $0.reason = "a test fails"
                    }
                })
        case .update:
            _ = try await fetch(task, federation, requests)
            let bytes = Safetensors.encode(try Fixtures.update(client: name, round: Int(identity.round)))
            try await upload(bytes, task, federation, requests) { _ in }
        case .bytes(let bytes, let change):
            try await upload(bytes, task, federation, requests, change)
        case .messages(let bytes, let hasHeader, let messages):
            var header = Self.header(task, client: name, bytes: bytes)
            header.grant = await requests.grant(task.identity, .upload)
            let first = header
            do {
                let receipt = try await federation.submitUpdate(metadata: TestServer.metadata(client: name)) { writer in
                    if hasHeader { try await writer.write(.with { $0.header = first }) }
                    for message in messages { try await writer.write(message) }
                }
                receipts.withLock { $0.append(receipt) }
            } catch {
                failures.withLock { $0.append("\(error)") }
                hears.yield()
            }
        }
    }

    private func fetch(
        _ task: Tributary_V1_Task, _ federation: Tributary_V1_Federation.Client<some ClientTransport>,
        _ requests: RequestBook
    ) async throws -> [UInt8] {
        if isInline { return [UInt8](task.weights) }
        var grant = task.fetchGrant
        if grant == 0 { grant = await requests.grant(task.identity, .fetch) }
        return try await federation.fetchWeights(
            .with {
                $0.grant = grant
                $0.identity = task.identity
                $0.digest = task.weightsDigest
            }, metadata: TestServer.metadata(client: name)
        ) { response in
            var bytes: [UInt8] = []
            for try await chunk in response.messages { bytes += chunk.data }
            return bytes
        }
    }

    private func upload(
        _ bytes: [UInt8], _ task: Tributary_V1_Task, _ federation: Tributary_V1_Federation.Client<some ClientTransport>,
        _ requests: RequestBook,
        _ change: @Sendable (inout Tributary_V1_UpdateHeader) -> Void
    ) async throws {
        var header = Self.header(task, client: name, bytes: bytes)
        change(&header)
        if isInline {
            let receipt = try await requests.submit(header, bytes)
            receipts.withLock { $0.append(receipt) }
            return
        }
        header.grant = await requests.grant(task.identity, .upload)
        let receipt = try await Self.submit(header, bytes, federation, client: name)
        receipts.withLock { $0.append(receipt) }
        hears.yield()
    }

    /// Gives the slot back that came with a task, for whoever fetches nothing, as daemons do: a client has few of them.
    static func released(_ task: Tributary_V1_Task) -> Tributary_V1_ClientMessage {
        .with { $0.transferReleased.grant = task.fetchGrant }
    }

    /// A right header for an update.
    static func header(_ task: Tributary_V1_Task, client: String, bytes: [UInt8]) -> Tributary_V1_UpdateHeader {
        .with {
            $0.identity = task.identity
            $0.digest = Fixtures.digest(bytes)
            $0.totalBytes = UInt64(bytes.count)
            $0.weightsDigest = task.weightsDigest
            let figures = TaskStatistics(examples: Fixtures.examples(client: client), sums: ["loss": 3])
            let job = try? JobSpecification(json: task.specification)
            $0.statistics = job.map { $0.withholdsFigures ? figures.withheld : figures }?.message ?? .init()
            $0.trainer = ["trainer": "scripted"]
        }
    }

    /// Uploads bytes from the header's offset in small chunks.
    static func submit(
        _ header: Tributary_V1_UpdateHeader, _ bytes: [UInt8],
        _ federation: Tributary_V1_Federation.Client<some ClientTransport>, client: String,
        upTo end: Int? = nil, chunk: Int = 50
    ) async throws -> Tributary_V1_UpdateReceipt {
        try await federation.submitUpdate(metadata: TestServer.metadata(client: client)) { writer in
            try await writer.write(.with { $0.header = header })
            var position = Int(header.offset)
            while position < end ?? bytes.count {
                let next = min(position + chunk, end ?? bytes.count)
                try await writer.write(
                    .with {
                        $0.chunk = .with {
                            $0.offset = UInt64(position)
                            $0.data = Data(bytes[position..<next])
                        }
                    })
                position = next
            }
        }
    }
}

/// Asks for slots and hands them out as they come.
final class RequestBook: Sendable {
    private struct State {
        var next: UInt64 = 0
        var waiting: [UInt64: CheckedContinuation<UInt64, Never>] = [:]
        var submissions: [Tributary_V1_TaskIdentity: CheckedContinuation<Tributary_V1_UpdateReceipt?, Never>] = [:]
    }

    private let state = Mutex(State())
    private let outbound: AsyncStream<Tributary_V1_ClientMessage>.Continuation

    init(_ outbound: AsyncStream<Tributary_V1_ClientMessage>.Continuation) {
        self.outbound = outbound
    }

    /// A slot; 0 when the test is over before one is free.
    func grant(_ identity: Tributary_V1_TaskIdentity, _ direction: Tributary_V1_TransferDirection) async -> UInt64 {
        let number = state.withLock { state in
            state.next += 1
            return state.next
        }
        return await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                state.withLock { $0.waiting[number] = continuation }
                if Task.isCancelled { resume(number, 0) }
                outbound.yield(
                    .with {
                        $0.transferRequest = .with {
                            $0.request = number
                            $0.identity = identity
                            $0.direction = direction
                        }
                    })
            }
        } onCancel: {
            resume(number, 0)
        }
    }

    /// Sends an update in a session message and returns what became of it.
    func submit(_ header: Tributary_V1_UpdateHeader, _ bytes: [UInt8]) async throws -> Tributary_V1_UpdateReceipt {
        let receipt = await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                state.withLock { $0.submissions[header.identity] = continuation }
                if Task.isCancelled { resume(header.identity, nil) }
                outbound.yield(
                    .with {
                        $0.update = .with {
                            $0.header = header
                            $0.data = Data(bytes)
                        }
                    })
            }
        } onCancel: {
            resume(header.identity, nil)
        }
        guard let receipt else { throw CancellationError() }
        return receipt
    }

    func answer(_ receipt: Tributary_V1_InlineReceipt) { resume(receipt.identity, receipt.receipt) }

    private func resume(_ identity: Tributary_V1_TaskIdentity, _ receipt: Tributary_V1_UpdateReceipt?) {
        let continuation = state.withLock { $0.submissions.removeValue(forKey: identity) }
        continuation?.resume(returning: receipt)
    }

    func answer(_ grant: Tributary_V1_TransferGrant) {
        resume(grant.request, grant.grant)
    }

    private func resume(_ request: UInt64, _ grant: UInt64) {
        let continuation = state.withLock { $0.waiting.removeValue(forKey: request) }
        continuation?.resume(returning: grant)
    }
}
