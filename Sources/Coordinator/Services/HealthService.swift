internal import GRPCCore
internal import SwiftProtobuf
internal import Synchronization
internal import WireMessages

/// Whether the coordinator takes calls.
final class HealthState: Sendable {
    private struct State {
        var isServing = true
        var next = 0
        var watchers: [Int: AsyncStream<Bool>.Continuation] = [:]
    }

    private let state = Mutex(State())

    /// Whether it does now.
    var isServing: Bool { state.withLock { $0.isServing } }

    /// It takes no more calls.
    func shutDown() {
        let watchers = state.withLock { state in
            state.isServing = false
            defer { state.watchers = [:] }
            return Array(state.watchers.values)
        }
        for watcher in watchers {
            watcher.yield(false)
            watcher.finish()
        }
    }

    /// Hands `body` the state now and every change of it, until the coordinator has shut down.
    func watch(_ body: (Bool) async throws -> Void) async throws {
        let (changes, continuation) = AsyncStream<Bool>.makeStream(bufferingPolicy: .bufferingNewest(1))
        let number = state.withLock { state in
            continuation.yield(state.isServing)
            if !state.isServing { continuation.finish() }
            state.next += 1
            state.watchers[state.next] = continuation
            return state.next
        }
        defer { state.withLock { _ = $0.watchers.removeValue(forKey: number) } }
        for await isServing in changes { try await body(isServing) }
    }
}

/// `grpc.health.v1.Health`, for load balancers and for operators: the whole ("") and each of our services.
struct HealthService: Grpc_Health_V1_Health.SimpleServiceProtocol {
    private static let services: Set<String> = [
        "", "tributary.v1.Federation", "tributary.v1.Operations", "grpc.health.v1.Health",
    ]

    let health: HealthState

    func check(
        request: Grpc_Health_V1_HealthCheckRequest, context: ServerContext
    ) async throws -> Grpc_Health_V1_HealthCheckResponse {
        guard Self.services.contains(request.service) else {
            throw RPCError(code: .notFound, message: "there is no service of that name")
        }
        return .with { $0.status = health.isServing ? .serving : .notServing }
    }

    func watch(
        request: Grpc_Health_V1_HealthCheckRequest,
        response: RPCWriter<Grpc_Health_V1_HealthCheckResponse>,
        context: ServerContext
    ) async throws {
        let isKnown = Self.services.contains(request.service)
        try await health.watch { isServing in
            try await response.write(
                .with { $0.status = !isKnown ? .serviceUnknown : isServing ? .serving : .notServing })
        }
    }
}
