import Jobs
import Privacy
import Weights
import Wire

/// What the daemon does at the masking step of secure aggregation in a job with distributed privacy.
///
/// The words of an update are then those of ``DistributedNoise/encode(tensor:start:_:into:)``, which clips, rounds and
/// noises; masks go on top. The same update of a task gets the same words after a restart: they come from the site's secret and
/// the update. Another update of the same task gets other noise, or the difference of two sums would be bare.
enum DistributedProtection {
    /// The numbers of a job's rounds; nil where the job asks for no such noise.
    ///
    /// - Parameter schema: of the update.
    /// - Throws: `JobsError` for a wrong map, `PrivacyError` where sums would not fit.
    static func numbers(
        _ specification: JobSpecification, schema: WeightsSchema
    ) throws -> DistributedGaussian? {
        let parameters = schema.floatCount
        return try DistributedNumbers(specification).map {
            try DistributedGaussian(
                clipNorm: $0.clipNorm, noiseMultiplier: $0.noiseMultiplier, cohort: $0.cohort,
                contributors: $0.contributors, parameters: parameters, range: $0.range)
        }
    }

    /// What writes a task's update as words; nil where the job asks for no such noise.
    ///
    /// - Parameters:
    ///   - file: the trainer's update.
    ///   - schema: of the update, all tensors in F32.
    /// - Throws: also ``ClientError`` for a tensor of another type, errors of the disk.
    static func noise(
        _ specification: JobSpecification, task: TaskIdentity, folder: StateFolder, file: SafetensorsFile,
        schema: WeightsSchema
    ) throws -> DistributedNoise? {
        guard let numbers = try numbers(specification, schema: schema) else { return nil }
        let digest = try UpdateDigest.of(file, schema, for: "distributed privacy")
        let read: DistributedNoise.Read = { tensor, start, values in
            try file.read(
                schema.tensors[tensor].name, byteOffset: start * 4, into: UnsafeMutableRawBufferPointer(values))
        }
        return try DistributedNoise(
            numbers, secret: folder.secret(), purpose: "distributed \(task.job) \(digest)",
            round: task.round, attempt: task.attempt, sizes: schema.tensors.map(\.elementCount), read: read)
    }
}
