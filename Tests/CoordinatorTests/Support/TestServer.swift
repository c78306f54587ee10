import Coordinator
import Durability
import Foundation
import GRPCCore
import GRPCInProcessTransport
import Identity
import Jobs
import Logging
import SwiftProtobuf
import Synchronization
import Wire
import WireMessages

/// Puts the peer that a test names in the metadata into the context, as the role interceptor does after a handshake.
struct NamedPeers: ServerInterceptor {
    static let key = "x-test-peer"

    let admission: any PeerAdmission

    func intercept<Input: Sendable, Output: Sendable>(
        request: StreamingServerRequest<Input>, context: ServerContext,
        next:
            @concurrent @Sendable (StreamingServerRequest<Input>, ServerContext) async throws ->
            StreamingServerResponse<Output>
    ) async throws -> StreamingServerResponse<Output> {
        let name = request.metadata[stringValues: Self.key].first { _ in true } ?? "client/unknown"
        let parts = name.split(separator: "/").map(String.init)
        let peer = try Fixtures.peer(Role(rawValue: parts[0]) ?? .client, parts[1])
        if let reason = admission.refusalReason(identity: peer.identity, serial: peer.serial, notBefore: peer.notBefore)
        {
            throw RPCError(code: .permissionDenied, message: reason)
        }
        var context = context
        context.transportSpecific = peer
        return try await next(request, context)
    }
}

/// A coordinator on a folder, served in this process.
struct TestServer: Sendable {
    let coordinator: Coordinator
    let client: GRPCClient<InProcessTransport.Client>

    var operations: Tributary_V1_Operations.Client<InProcessTransport.Client> { .init(wrapping: client) }
    var federation: Tributary_V1_Federation.Client<InProcessTransport.Client> { .init(wrapping: client) }
    var health: Grpc_Health_V1_Health.Client<InProcessTransport.Client> { .init(wrapping: client) }

    static let operatorMetadata: Metadata = ["x-test-peer": "operator/alice"]

    static func metadata(client: String) -> Metadata { ["x-test-peer": .string("client/\(client)")] }

    /// Opens the folder, runs `body` against it, and shuts down in order. Calls are served before `jobsMayBegin` returns,
    /// jobs run after it.
    @discardableResult
    static func run<Value: Sendable>(
        folder: String, settings: CoordinatorSettings = Fixtures.settings(), logger: Logger = Fixtures.silent,
        jobsMayBegin: @escaping @Sendable () async -> Void = {},
        _ body: @escaping @Sendable (TestServer) async throws -> Value
    ) async throws -> Value {
        let coordinator = try await Coordinator.open(folder: folder, settings: settings, logger: logger)
        let transport = InProcessTransport()
        let server = GRPCServer(
            transport: transport.server, services: coordinator.services,
            interceptors: [NamedPeers(admission: coordinator.revocations)])
        let client = GRPCClient(transport: transport.client)
        return try await withThrowingTaskGroup(of: Value?.self) { group in
            group.addTask {
                try await server.serve()
                return nil
            }
            group.addTask {
                await jobsMayBegin()
                try? await coordinator.run()
                return nil
            }
            group.addTask {
                try await client.runConnections()
                return nil
            }
            group.addTask {
                defer {
                    coordinator.shutDown()
                    client.beginGracefulShutdown()
                    server.beginGracefulShutdown()
                }
                return try await body(TestServer(coordinator: coordinator, client: client))
            }
            var value: Value?
            do {
                for try await result in group { if let result { value = result } }
            } catch {
                group.cancelAll()
                throw error
            }
            guard let value else { throw CancellationError() }
            return value
        }
    }

    /// Submits a job; returns its identifier.
    func submit(
        _ specification: JobSpecification, weights: [UInt8] = Fixtures.initialBytes, token: String = ""
    ) async throws -> Tributary_V1_SubmitJobResponse {
        let json = try specification.canonicalJSON()
        return try await operations.submitJob(metadata: Self.operatorMetadata) { writer in
            try await writer.write(
                .with {
                    $0.header = .with {
                        $0.specification = json
                        $0.token = token
                        $0.weightsDigest = Fixtures.digest(weights)
                        $0.weightsBytes = UInt64(weights.count)
                        $0.trainer = ["trainer": "scripted"]
                    }
                })
            try await writer.write(.with { $0.chunk = .with { $0.data = Data(weights) } })
        }
    }

    /// Watches a job until `isDone`; returns the summary then.
    func wait(
        for job: String, until isDone: @escaping @Sendable (Tributary_V1_JobUpdate) -> Bool
    ) async throws -> Tributary_V1_JobSummary {
        try await operations.watchJob(.with { $0.job = job }, metadata: Self.operatorMetadata) { response in
            var last = Tributary_V1_JobSummary()
            for try await update in response.messages {
                last = update.summary
                if isDone(update) { return last }
            }
            return last
        }
    }

    /// Watches a job until it is over.
    func finished(_ job: String) async throws -> Tributary_V1_JobSummary {
        try await wait(for: job) { ["finished", "failed", "stopped"].contains($0.summary.state) }
    }

    /// All rounds of a job as they stand.
    func rounds(_ job: String) async throws -> [Tributary_V1_RoundRecord] {
        try await operations.watchJob(.with { $0.job = job }, metadata: Self.operatorMetadata) { response in
            for try await update in response.messages { return update.rounds }
            return []
        }
    }

    /// An export's header and bytes.
    func export(_ job: String, round: String = "last") async throws -> (Tributary_V1_ExportHeader, [UInt8]) {
        try await operations.export(
            .with {
                $0.job = job
                $0.round = round
            }, metadata: Self.operatorMetadata
        ) { response in
            var header = Tributary_V1_ExportHeader()
            var bytes: [UInt8] = []
            for try await message in response.messages {
                switch message.part {
                case .header(let received)?: header = received
                case .chunk(let chunk)?: bytes += chunk.data
                case nil: break
                }
            }
            return (header, bytes)
        }
    }

    /// The card of a job's newest weights, without these.
    func card(_ job: String) async throws -> ModelCard {
        try await operations.export(
            .with {
                $0.job = job
                $0.cardOnly = true
            }, metadata: Self.operatorMetadata
        ) { response in
            var card: ModelCard?
            for try await message in response.messages {
                guard case .header(let header)? = message.part else { throw CancellationError() }
                card = try ModelCard(json: header.card)
            }
            guard let card else { throw CancellationError() }
            return card
        }
    }

    /// Runs sites beside `body`; they end with it.
    func withSites<Value: Sendable>(
        _ sites: [ScriptedSite], _ body: @escaping @Sendable () async throws -> Value
    ) async throws -> Value {
        try await withThrowingTaskGroup(of: Value?.self) { group in
            for site in sites {
                group.addTask {
                    try await site.run(federation)
                    return nil
                }
            }
            group.addTask { try await body() }
            defer { group.cancelAll() }
            while let result = try await group.next() { if let result { return result } }
            throw CancellationError()
        }
    }
}
