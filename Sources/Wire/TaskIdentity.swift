public import WireMessages

/// The kinds of task.
public enum TaskKind: String, Sendable, Hashable, Codable, CaseIterable {
    /// Train from the weights before a round and give an update.
    case train
    /// Count on the held-out split with the weights after a round.
    case evaluate
}

/// Names one task of one client: what both daemons file it under.
public struct TaskIdentity: Sendable, Hashable, Codable, CustomStringConvertible {
    /// The job's identifier.
    public var job: String
    /// The round, from 0.
    public var round: Int
    /// How often the round was started before, from 0.
    public var attempt: Int
    /// What is to be done.
    public var kind: TaskKind

    /// Creates an identity.
    public init(job: String, round: Int, attempt: Int, kind: TaskKind) {
        self.job = job
        self.round = round
        self.attempt = attempt
        self.kind = kind
    }

    /// Reads a peer's message.
    ///
    /// - Throws: ``WireError`` when the job is not a plain identifier (letters, digits, `-`), the kind is unknown or a
    ///   number is over ``WireLimits/round``.
    public init(_ message: Tributary_V1_TaskIdentity) throws {
        guard (1...WireLimits.nameBytes).contains(message.job.utf8.count), message.job.utf8.allSatisfy(Self.isPlain)
        else {
            throw WireError(.invalidMessage, "task.job: expected 1 to \(WireLimits.nameBytes) letters, digits or -")
        }
        guard message.round <= WireLimits.round, message.attempt <= WireLimits.round else {
            throw WireError(
                .invalidMessage,
                "task: found round \(message.round) attempt \(message.attempt), expected at most \(WireLimits.round)")
        }
        let kind: TaskKind
        switch message.kind {
        case .train: kind = .train
        case .evaluate: kind = .evaluate
        default:
            throw WireError(.invalidMessage, "task.kind: found \(message.kind.rawValue), expected train or evaluate")
        }
        self.init(job: message.job, round: Int(message.round), attempt: Int(message.attempt), kind: kind)
    }

    /// The identity as a message.
    public var message: Tributary_V1_TaskIdentity {
        var message = Tributary_V1_TaskIdentity()
        message.job = job
        message.round = UInt32(clamping: round)
        message.attempt = UInt32(clamping: attempt)
        message.kind = kind == .train ? .train : .evaluate
        return message
    }

    /// For logs: `job/train/3` or `job/train/3.1` for a second attempt.
    public var description: String {
        attempt == 0 ? "\(job)/\(kind.rawValue)/\(round)" : "\(job)/\(kind.rawValue)/\(round).\(attempt)"
    }

    private static func isPlain(_ byte: UInt8) -> Bool {
        switch byte {
        case 0x30...0x39, 0x41...0x5A, 0x61...0x7A, 0x2D: true
        default: false
        }
    }
}
