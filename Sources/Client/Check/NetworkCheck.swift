import Foundation
import GRPCCore
import Identity
import Logging
import Synchronization
import Wire
import WireMessages

/// The part of ``SiteCheck`` that talks to the coordinator: name, port, session and clock.
struct NetworkCheck: Sendable {
    let configuration: ClientConfiguration
    let logger: Logger

    private var address: String { "\(configuration.coordinator.host):\(configuration.coordinator.port)" }

    func run(isDaemonRunning: Bool) async -> [CheckResult] {
        let (host, port) = (configuration.coordinator.host, configuration.coordinator.port)
        let reached =
            (try? await FileWork.run { Reachability.probe(host: host, port: port, timeout: 5) }) ?? .unknownName("")
        switch reached {
        case .unknownName(let reason):
            return [
                CheckResult(
                    "name", .failed, "\(host): \(reason)",
                    remedy: "correct `coordinator.host`, or ask the federation for its address")
            ]
        case .closed(let reason):
            return [
                CheckResult("name", .ok, host),
                CheckResult(
                    "port", .failed, "\(address): \(reason)",
                    remedy:
                        "is the coordinator running, is `coordinator.port` right, does a firewall let this site out?"),
            ]
        case .open:
            let results = [CheckResult("name", .ok, host), CheckResult("port", .ok, address)]
            return results + (await session(isDaemonRunning: isDaemonRunning))
        }
    }

    private func session(isDaemonRunning: Bool) async -> [CheckResult] {
        let connector = TLSConnector(
            coordinator: configuration.coordinator, files: configuration.identity.files, logger: logger)
        do {
            if isDaemonRunning {
                // A second session would end the daemon's own, so only a question is asked.
                try await connector.withConnection { connection in
                    var question = Tributary_V1_ResumePointRequest()
                    question.identity = TaskIdentity(job: "check", round: 0, attempt: 0, kind: .train).message
                    question.digest = String(repeating: "0", count: 64)
                    do {
                        _ = try await connection.client.resumePoint(question, options: Self.options)
                    } catch let error as RPCError where Self.isAnswer(error) {}
                }
                return [
                    CheckResult("session", .ok, "\(address) admits this certificate; the daemon is running"),
                    CheckResult("clock", .ok, "the running daemon compares it"),
                ]
            }
            let welcome = try await connector.withConnection { try await greet($0.client) }
            return [
                CheckResult("session", .ok, "\(address) welcomes \(PeerText.clean(welcome.client))"), clock(welcome),
            ]
        } catch {
            let ending = SessionEnding(error)
            let reason =
                switch ending {
                case .refused(let reason), .outage(let reason): reason
                case .drained(let reason, _): reason
                case .stopped: "it ended"
                }
            return [
                CheckResult(
                    "session", .failed, "\(address): \(PeerText.clean(reason))",
                    remedy: "certificate and CA have to be of the coordinator's federation and not revoked, and "
                        + "`coordinator.serverName` a name in its certificate")
            ]
        }
    }

    /// The coordinator's handler answered, whatever it said: the certificate is admitted.
    private static func isAnswer(_ error: RPCError) -> Bool {
        switch error.code {
        case .notFound, .invalidArgument, .failedPrecondition, .outOfRange, .aborted: true
        default: false
        }
    }

    private static let options: CallOptions = {
        var options = TransportSettings.callOptions()
        options.waitForReady = false
        options.timeout = .seconds(10)
        return options
    }()

    /// Hello without data, so that no task comes, then goodbye.
    private func greet(_ client: any Tributary_V1_Federation.ClientProtocol) async throws -> Tributary_V1_Welcome {
        let request = StreamingClientRequest<Tributary_V1_ClientMessage> { writer in
            var message = Tributary_V1_ClientMessage()
            message.hello = ClientHello(software: ClientDaemon.software, datasets: []).message
            try await writer.write(message)
            message.goodbye.reason = "only a check"
            try await writer.write(message)
        }
        return try await client.connect(request: request, options: Self.options) { response in
            for try await message in response.messages {
                if case .welcome(let welcome) = message.message { return welcome }
            }
            throw RPCError(code: .unavailable, message: "the coordinator ended the session without a welcome")
        }
    }

    private func clock(_ welcome: Tributary_V1_Welcome) -> CheckResult {
        guard welcome.clockMilliseconds > 0 else {
            return CheckResult("clock", .warning, "the coordinator does not tell its time")
        }
        let seconds = Date().timeIntervalSince1970 - Double(welcome.clockMilliseconds) / 1000
        let text = "\(seconds < 0 ? "behind" : "ahead of") the coordinator's by \(abs(Int(seconds.rounded()))) s"
        let remedy = "set this machine's clock, for instance with NTP; certificates depend on it"
        switch abs(seconds) {
        case ..<5: return CheckResult("clock", .ok, text)
        case ..<300: return CheckResult("clock", .warning, text, remedy: remedy)
        default: return CheckResult("clock", .failed, text, remedy: remedy)
        }
    }
}
