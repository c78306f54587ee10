import Foundation
import Jobs
import Privacy
import Wire
import WireMessages

/// A task that the site's rules let through.
struct AcceptedTask: Sendable {
    /// Which task.
    var identity: TaskIdentity
    /// The job.
    var specification: JobSpecification
    /// The global weights to start from.
    var weightsDigest: String
    /// Their size.
    var weightsBytes: Int64
    /// The digest of their schema.
    var schemaDigest: String
    /// A slot to fetch them, 0 for none.
    var fetchGrant: UInt64
    /// What the clients of a round have to agree on: see ``RoundTerms``.
    var terms: RoundTerms
    /// Whether the figures of the task stay here.
    var withholdsFigures = false
    /// The weights themselves, when they came with the task; their digest is not checked yet.
    var weights: Data?

    /// Reads a task.
    ///
    /// - Throws: `WireError` or `JobsError` naming the field.
    init(_ task: Tributary_V1_Task, identity: TaskIdentity) throws {
        self.identity = identity
        specification = try JobSpecification(json: task.specification)
        weightsDigest = try PeerText.digest(task.weightsDigest, field: "task.weights_digest")
        weightsBytes = Int64(try PeerText.count(task.weightsBytes, field: "task.weights_bytes"))
        schemaDigest = try PeerText.digest(task.schemaDigest, field: "task.schema_digest")
        fetchGrant = task.fetchGrant
        terms = RoundTerms(specification: task.specification, weightsDigest: weightsDigest)
        guard !task.weights.isEmpty else { return }
        guard Int64(task.weights.count) == weightsBytes, InlineTransfer.fits(weightsBytes) else {
            throw WireError(
                .invalidMessage,
                "task.weights: found \(task.weights.count) bytes, expected weights_bytes (\(weightsBytes)), at most "
                    + "\(WireLimits.inlineBytes)")
        }
        weights = task.weights
    }
}
