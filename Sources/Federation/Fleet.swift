public import Jobs

/// A task as a fleet hands it to a client: everything the client needs.
public struct TaskAssignment: Sendable, Hashable {
    /// The job's identifier.
    public var job: String
    /// The operator who submitted the job.
    public var `operator`: String
    /// The job.
    public var specification: JobSpecification
    /// What is to be done, from which weights, until when.
    public var offer: TaskOffer
    /// The size of the weights' canonical bytes.
    public var weightsBytes: Int64
    /// The digest of the weights' schema.
    public var schemaDigest: String

    /// Creates an assignment.
    public init(
        job: String, operator: String, specification: JobSpecification, offer: TaskOffer, weightsBytes: Int64,
        schemaDigest: String
    ) {
        self.job = job
        self.operator = `operator`
        self.specification = specification
        self.offer = offer
        self.weightsBytes = weightsBytes
        self.schemaDigest = schemaDigest
    }
}

/// Who carries out the tasks of rounds: remote clients over their sessions, virtual clients in this process, or a
/// scripted fake.
///
/// A fleet never decides anything about a round. Both calls return without waiting for the work; a client that is not
/// connected is skipped, because the engine offers its tasks again when it is ready. What comes of the work reaches
/// the round's driver as `RoundEvent`s, in any order, from the fleet's side of the transport.
public protocol Fleet: Sendable {
    /// Hands the task to the client. The same task may come again.
    func assign(_ assignment: TaskAssignment, to client: String) async

    /// Tells the client that a task is not wanted any more. The client may never have had it.
    func cancel(_ task: RoundTask, job: String, client: String, reason: String) async
}
