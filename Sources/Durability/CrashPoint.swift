/// A named place in the code at which a crash is most interesting.
///
/// Tests end the process there with SIGKILL and check that a restart loses nothing and repeats nothing.
public struct CrashPoint: RawRepresentable, Hashable, Sendable, CustomStringConvertible {
    /// The name, as TRIBUTARY_CRASH_POINT spells it.
    public let rawValue: String

    /// A point with a name.
    public init(rawValue: String) {
        self.rawValue = rawValue
    }

    /// The name.
    public var description: String { rawValue }

    // MARK: Coordinator

    /// The cohort of a round is committed, no task has been sent.
    public static let afterSelectCommit = CrashPoint(rawValue: "afterSelectCommit")
    /// A training task was handed to a client's session.
    public static let afterTaskSent = CrashPoint(rawValue: "afterTaskSent")
    /// Half of an upload's bytes are in its part.
    public static let halfUpload = CrashPoint(rawValue: "halfUpload")
    /// The digest of a complete upload is right, nothing is synchronised.
    public static let afterDigestCheck = CrashPoint(rawValue: "afterDigestCheck")
    /// The upload has its final name, there is no row.
    public static let afterRename = CrashPoint(rawValue: "afterRename")
    /// The row of an upload is committed, the client has no acknowledgement.
    public static let afterRowCommit = CrashPoint(rawValue: "afterRowCommit")
    /// Half of the new weights are folded.
    public static let halfFold = CrashPoint(rawValue: "halfFold")
    /// The new weights have their final name, the round is not committed.
    public static let afterBlobRename = CrashPoint(rawValue: "afterBlobRename")
    /// The round is committed, what follows it has not begun.
    public static let afterRoundCommit = CrashPoint(rawValue: "afterRoundCommit")

    // MARK: Client

    /// The global weights are on disk, training has not begun.
    public static let afterFetch = CrashPoint(rawValue: "afterFetch")
    /// The trainer is at work.
    public static let inTraining = CrashPoint(rawValue: "inTraining")
    /// The update is in the outbox, nothing is uploaded.
    public static let afterUpdateWritten = CrashPoint(rawValue: "afterUpdateWritten")
    /// Half of the update is sent.
    public static let halfClientUpload = CrashPoint(rawValue: "halfClientUpload")
    /// The update is acknowledged, the outbox still holds it.
    public static let afterAcknowledgement = CrashPoint(rawValue: "afterAcknowledgement")

    /// In a round with secure aggregation: everybody's keys are here, nothing is shared.
    public static let beforeSharing = CrashPoint(rawValue: "beforeSharing")
    /// The list of arrived updates is here, nothing is signed.
    public static let beforeSigning = CrashPoint(rawValue: "beforeSigning")
    /// The signatures of the list are here, no share was given.
    public static let beforeUnmasking = CrashPoint(rawValue: "beforeUnmasking")

    /// The points of the coordinator, in the order of a round.
    public static let coordinator: [CrashPoint] = [
        .afterSelectCommit, .afterTaskSent, .halfUpload, .afterDigestCheck, .afterRename, .afterRowCommit, .halfFold,
        .afterBlobRename, .afterRoundCommit,
    ]

    /// The points of the client, in the order of a task.
    public static let client: [CrashPoint] = [
        .afterFetch, .inTraining, .afterUpdateWritten, .halfClientUpload, .afterAcknowledgement,
    ]

    /// The points of a client that only rounds with secure aggregation have, in their order.
    public static let secureAggregation: [CrashPoint] = [.beforeSharing, .beforeSigning, .beforeUnmasking]
}
