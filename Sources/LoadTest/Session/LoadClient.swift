internal import Foundation
internal import GRPCCore
internal import GRPCNIOTransportHTTP2Posix
internal import Identity
internal import Jobs
internal import Logging
internal import Synchronization
internal import Wire
internal import WireMessages

/// One client of a load test: a session over mutual TLS like a daemon's, without trainer and state.
struct LoadClient: Sendable {
    /// What it does with its tasks.
    enum Conduct: Sendable {
        /// Fetches the weights and sends an update or a report at once.
        case echo
        /// Takes the task and says nothing more.
        case silent
        /// Stops in the middle of its fetch.
        case stallsFetching
        /// Stops in the middle of its upload.
        case stallsUploading
    }

    let material: IdentityMaterial
    let conduct: Conduct
    /// The split of which it has ten examples: `train` or `test`.
    var split = "train"
    /// What it sends; without a model it takes no part in transfers.
    let model: EchoModel?
    /// Where received weights go; without a folder they are only hashed.
    var cacheFolder: String?
    let recorder: LoadRecorder

    typealias Federation = Tributary_V1_Federation.Client<HTTP2ClientTransport.Posix>
    typealias Outbound = AsyncStream<Tributary_V1_ClientMessage>.Continuation

    /// Runs the session until the coordinator ends it or the task is cancelled.
    ///
    /// - Parameter onWelcome: called once when the session is open.
    func run(port: Int, onWelcome: @Sendable @escaping () -> Void) async throws {
        var logger = Logger(label: "load")
        logger.logLevel = .error
        let host = "127.0.0.1"
        let transport = try HTTP2ClientTransport.Posix(
            target: .ipv4(address: host, port: port),
            transportSecurity: MutualTLS.clientSecurity(material: material, serverName: host, logger: logger),
            config: TransportSettings.clientConfiguration(authority: host),
            serviceConfig: TransportSettings.serviceConfiguration())
        try await withGRPCClient(transport: transport) { client in
            try await converse(Federation(wrapping: client), onWelcome)
        }
    }

    static let options = TransportSettings.callOptions()

    private func converse(_ federation: Federation, _ onWelcome: @Sendable @escaping () -> Void) async throws {
        let (messages, outbound) = AsyncStream.makeStream(of: Tributary_V1_ClientMessage.self)
        var hello = Tributary_V1_ClientMessage()
        hello.hello =
            ClientHello(
                software: "tributary-load", datasets: [DatasetCard(name: LoadFederation.dataset, examples: [split: 10])]
            ).message
        outbound.yield(hello)
        let desk = GrantDesk(outbound)
        try await federation.connect(options: Self.options) { writer in
            for await message in messages { try await writer.write(message) }
        } onResponse: { response in
            defer { outbound.finish() }
            // A task that fails ends the session: its round would wait for ever.
            let failure = FirstError()
            try await withThrowingTaskGroup(of: Void.self) { group in
                defer { group.cancelAll() }
                for try await message in response.messages {
                    switch message.message {
                    case .welcome(let welcome)?:
                        desk.welcomed(welcome)
                        onWelcome()
                        group.addTask { try await beat(every: welcome.heartbeatMilliseconds, outbound) }
                    case .task(let task)?:
                        recorder.taskCame()
                        let work = LoadTask(client: self, task: task, federation: federation, desk: desk)
                        group.addTask {
                            do {
                                try await work.run(outbound)
                            } catch {
                                failure.note(error)
                                outbound.finish()
                            }
                        }
                    case .grant(let grant)?: desk.answer(grant)
                    case .update(let receipt)?: desk.answer(receipt)
                    case .drain(let drain)?: throw LoadTestError("a session was drained: \(drain.reason)")
                    default: break
                    }
                }
            }
            if let error = failure.error { throw error }
        }
    }

    private func beat(every milliseconds: UInt32, _ outbound: Outbound) async throws {
        // Not all in step: the first one comes somewhere in the interval.
        try await Task.sleep(for: .milliseconds(Int64.random(in: 0...Int64(milliseconds))))
        var message = Tributary_V1_ClientMessage()
        while true {
            message.heartbeat.sequence += 1
            outbound.yield(message)
            try await Task.sleep(for: .milliseconds(Int64(milliseconds)))
        }
    }
}

/// What went wrong first.
private final class FirstError: Sendable {
    private let first = Mutex<(any Error)?>(nil)

    var error: (any Error)? { first.withLock { $0 } }

    func note(_ error: any Error) { first.withLock { $0 = $0 ?? error } }
}
