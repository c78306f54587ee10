public import ArgumentParser
public import Datasets

/// The numbers of a partition scheme. Every one left out is the scheme's default; one that the scheme does not read is
/// refused.
struct PartitionOptions: ParsableArguments {
    @Option(help: "How many clients, where the scheme does not follow the subjects; 10 by default.")
    var clients: Int?

    @Option(help: "The concentration of Dirichlet draws: small is heterogeneous. 0.5 by default.")
    var alpha: Double?

    @Option(help: "pathological: classes of a client, 2 by default.")
    var classesPerClient: Int?

    @Option(help: "shards: shards of a client, 2 by default.")
    var shardsPerClient: Int?

    @Option(help: "sampled: the most rows of a client, 10 by default.")
    var rowsPerClient: Int?

    @Option(help: "grouped: subjects of a client, 2 by default.")
    var groupSize: Int?

    @Option(help: "natural-dirichlet, fedmultimodal: clients that a subject becomes, 5 by default.")
    var clientsPerSubject: Int?

    @Option(help: "size-skew: how sizes relate, log-normal by default.")
    var law: SizeLaw?

    @Option(help: "size-skew, inner-dirichlet: the rate or sigma of the sizes.")
    var spread: Double?

    @Option(
        help:
            "The fewest rows of a client; 1 by default, for fedmultimodal the data set's own, for sampled --rows-per-client."
    )
    var minimum: Int?

    @Flag(help: "fedmultimodal: read the data with the mistakes of the benchmark's code.")
    var faithful = false

    @Option(help: "fedmultimodal: which fold of the data is read, 1 by default; of ku-har, crema-d and ucf101.")
    var fold: Int?

    @Flag(help: "dirichlet, natural-dirichlet: even out the sizes.")
    var balanced = false

    @Option(help: "continuous-skew: how strictly rows are sorted, 0 to 1.")
    var strictness: Double?

    @Option(help: "continuous-skew: what rows are sorted by, roughness by default.")
    var by: RowStatistic?

    @Option(help: "continuous-skew: the modality whose values are used, from 0; 0 by default.")
    var modality: Int?

    @Option(help: "feature-skew, vertical: the scheme that deals the rows, iid by default.")
    var base: PartitionScheme?

    @Option(help: "feature-skew: the spread of the gains' logarithm.")
    var gainSpread: Double?

    @Option(help: "feature-skew: the spread of the offsets.")
    var offsetSpread: Double?

    @Option(help: "feature-skew: the noise of the last client.")
    var noise: Double?

    @Option(help: "vertical: modalities of a client, 1 by default.")
    var modalitiesPerClient: Int?

    @Flag(help: "vertical: several parties hold the same rows, each with other modalities.")
    var sharedRows = false

    @Option(help: "The seed of the partition's draws, 8 by default.")
    var partitionSeed: UInt64?

    /// Whether none is given.
    var areDefaults: Bool { parameters(.subject) == .init(scheme: .subject) }

    /// The parameters of a scheme.
    func parameters(_ scheme: PartitionScheme) -> PartitionScheme.Parameters {
        var result = PartitionScheme.Parameters(scheme: scheme, clients: clients, alpha: alpha, seed: partitionSeed)
        result.classesPerClient = classesPerClient
        result.shardsPerClient = shardsPerClient
        result.rowsPerClient = rowsPerClient
        result.groupSize = groupSize
        result.clientsPerSubject = clientsPerSubject
        result.law = law
        result.spread = spread
        result.minimum = minimum
        result.faithful = faithful ? true : nil
        result.fold = fold
        result.balanced = balanced ? true : nil
        result.strictness = strictness
        result.by = by
        result.modality = modality
        result.base = base
        result.gainSpread = gainSpread
        result.offsetSpread = offsetSpread
        result.noise = noise
        result.modalitiesPerClient = modalitiesPerClient
        result.sharedRows = sharedRows ? true : nil
        return result
    }
}

extension SizeLaw: ExpressibleByArgument {}
extension RowStatistic: ExpressibleByArgument {}
extension PartitionScheme: ExpressibleByArgument {}
