internal import Aggregation
internal import Federation
internal import Jobs
internal import Privacy
internal import Weights

/// What follows from a job's specification and the schema of its weights, worked out once.
struct JobPlan: Sendable {
    /// The job as it was submitted; its state may be old.
    let job: JobRecord
    /// The global weights' tensors.
    let schema: WeightsSchema
    /// The tensors of every update.
    let updateSchema: WeightsSchema
    /// How they are written; with secure aggregation as masked words, of which nothing else can be made.
    let encoded: EncodedSchema
    /// The exact size of every update.
    let updateBytes: Int64
    /// All tensors of the global weights as the fold sees them in an update.
    let foldSchema: WeightsSchema
    /// How each tensor comes out of a round.
    let rules: TensorRules
    /// The fold.
    let strategy: any AggregationStrategy
    /// The weights and an update, added: what a site's own model is.
    let sum: any AggregationStrategy
    /// How many numbers an update has.
    let parameters: Int

    var id: String { job.id }

    /// Whether updates that come in session messages share one file for each round. Where each is kept, or goes when it is
    /// folded, or is read as a masked one, each has a file of its own.
    var packsUpdates: Bool {
        !specification.keepUpdates && specification.asynchronous == nil && specification.secureAggregation.isEmpty
    }
    var specification: JobSpecification { job.specification }

    /// Works a job out.
    ///
    /// - Throws: `JobsError` when the specification and the weights do not fit; `AggregationError` when a rule does not.
    init(job: JobRecord, schema: WeightsSchema) throws {
        self.job = job
        self.schema = schema
        updateSchema = try job.specification.updateSchema(for: schema)
        encoded =
            job.specification.secureAggregation.isEmpty
            ? try job.specification.encodedSchema(for: updateSchema)
            : try EncodedSchema(MaskedUpdate.schema(of: updateSchema))
        updateBytes = Int64(encoded.fileBytes)
        foldSchema = try schema.updateSchema()
        rules = try job.specification.tensorRules(for: schema)
        strategy = try job.specification.aggregationStrategy()
        sum = try AggregationStrategies.make(.weightedMean)
        parameters = updateSchema.floatCount
    }

    /// Works a job out from its initial weights.
    init(job: JobRecord, blobs: BlobStore) throws {
        let tensors = try StoredTensors(try blobs.open(job.weightsDigest))
        try self.init(job: job, schema: tensors.schema)
    }
}
