public import WireMessages

/// One change of a watched job.
public struct JobProgress: Sendable {
    /// What one client does for the running round.
    public struct Activity: Codable, Sendable, Equatable {
        /// The client.
        public var client: String
        /// waiting, offered, fetching, training, uploading, evaluating, done, refused or away.
        public var stage: String
        /// Between 0 and 1 within the stage.
        public var fraction: Double
        /// Figures of the running task.
        public var metrics: [String: Double]
        /// Bytes moved so far.
        public var bytes: Int
        /// Bytes of the whole transfer; 0 when none runs.
        public var totalBytes: Int
    }

    /// Where the job stands.
    public var job: JobView
    /// Rounds that are new or changed.
    public var rounds: [RoundView]
    /// The clients of the running round.
    public var activity: [Activity]

    /// Reads the wire form.
    public init(_ update: Tributary_V1_JobUpdate) {
        job = JobView(update.summary)
        rounds = update.rounds.map(RoundView.init)
        activity = update.activity.map {
            Activity(
                client: $0.client,
                stage: $0.stage,
                fraction: $0.fraction,
                metrics: $0.metrics,
                bytes: Int(clamping: $0.bytes),
                totalBytes: Int(clamping: $0.totalBytes)
            )
        }
    }
}
