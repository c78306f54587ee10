import GRPCCore
import GRPCInProcessTransport
import GRPCProtobuf
import SwiftProtobuf
import Synchronization
import Testing
import WireMessages

@testable import Operator

@Suite struct JobFollowerTests {
    /// A coordinator that ends after each message of a watch, as one that crashes does.
    private final class Crashing: RegistrableRPCService {
        /// What it says before each of its ends.
        let says: @Sendable (Int) -> Tributary_V1_JobSummary
        let watches = Mutex(0)

        init(says: @escaping @Sendable (Int) -> Tributary_V1_JobSummary) { self.says = says }

        func registerMethods<Transport: ServerTransport>(with router: inout RPCRouter<Transport>) {
            router.registerHandler(
                forMethod: Tributary_V1_Operations.Method.WatchJob.descriptor,
                deserializer: ProtobufDeserializer<Tributary_V1_WatchJobRequest>(),
                serializer: ProtobufSerializer<Tributary_V1_JobUpdate>()
            ) { _, _ in
                let number = self.watches.withLock { count in
                    defer { count += 1 }
                    return count
                }
                let summary = self.says(number)
                return StreamingServerResponse { writer in
                    try await writer.write(.with { $0.summary = summary })
                    guard summary.state == "finished" else { throw RPCError(code: .unavailable, message: "gone") }
                    return [:]
                }
            }
        }
    }

    private func follow(_ coordinator: Crashing) async throws -> JobView {
        let transport = InProcessTransport()
        return try await withGRPCServer(transport: transport.server, services: [coordinator]) { _ in
            try await withGRPCClient(transport: transport.client) { client in
                try await JobFollower(printer: Printer(json: true), pause: .zero)
                    .follow("har", on: OperatorConnection(client: client, address: "here:1"))
            }
        }
    }

    @Test("Follows over any number of crashes while rounds are completed")
    func progress() async throws {
        let coordinator = Crashing { number in
            .with {
                $0.job = "har-1"
                $0.name = "har"
                $0.state = number == 40 ? "finished" : "running"
                $0.roundsCompleted = UInt32(number / 4)
                $0.roundsTotal = 10
            }
        }
        #expect(try await follow(coordinator).rounds == 10)
    }

    @Test("Gives up on a coordinator that crashes again and again without completing a round, and says how far it is")
    func crashLoop() async throws {
        let coordinator = Crashing { _ in
            .with {
                $0.job = "har-1"
                $0.name = "har"
                $0.state = "running"
                $0.roundsCompleted = 3
                $0.roundsTotal = 10
            }
        }
        let error = try await #require(throws: OperatorError.self) { try await follow(coordinator) }
        #expect(error.code == .lost)
        #expect(error.message.contains("ended 11 times while no round was completed"))
        #expect(error.message.contains("job har had completed 3 of 10 rounds"))
        #expect(error.message.contains("tributary watch har-1"))
        #expect(coordinator.watches.withLock { $0 } == Outages.most + 1)
    }
}
