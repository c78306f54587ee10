import Randomness

/// Draws what happens to the samples of a client, by a `CorruptionDescription`.
///
/// In the mode `right` every draw comes from a stream of (seed, purpose, round 0, client, layer):
///
/// | purpose | layer | draws |
/// |---|---|---|
/// | `corruption-rates` | 0, 1, 2 | this client's rate of missing modalities, missing labels, wrong labels |
/// | `missing-modality` | modality | missing when uniform < rate: one draw, or one a sample |
/// | `missing-labels` | 0 | the label of sample j is missing when the j-th uniform < rate |
/// | `label-noise` | 0, 1 | the zeros of the `LabelNoiseMatrix`; the label of sample j by the j-th uniform |
///
/// For held-out data the purposes begin with `evaluation/SPLIT/`. The outcome depends on nothing else, so it is the
/// same in every round and on every machine. The mode `faithful` is described at `FaithfulCorruption`.
public struct CorruptionSimulator: Sendable, Hashable {
    /// The largest number of modalities.
    public static let maximumModalities = 1024

    /// What is done.
    public let description: CorruptionDescription
    /// The seed of the draws in the mode `right`.
    public let seed: UInt64

    /// Checks the description.
    ///
    /// - Throws: `DatasetError` with code `invalidArgument`.
    public init(_ description: CorruptionDescription, seed: UInt64) throws(DatasetError) {
        try description.validate()
        self.description = description
        self.seed = seed
    }

    /// What happens to a client's training samples.
    ///
    /// - Parameters:
    ///   - client: in the mode `right` any number of the client's own; in the mode `faithful` its position in the
    ///     benchmark's partition, from 2 on for UCI-HAR.
    ///   - labels: the class of each sample.
    ///   - classes: K.
    ///   - modalities: how many modalities there are.
    /// - Throws: `DatasetError` for a label outside the classes, or sizes out of range.
    public func training(
        client: UInt32,
        labels: [Int],
        classes: Int,
        modalities: Int
    ) throws(DatasetError) -> ClientCorruption {
        try check(labels, classes, modalities)
        switch description.mode {
        case .faithful: return try faithful(client, labels, classes, modalities)
        case .right:
            let draws = Draws(seed: seed, client: client, prefix: "", labels: labels, classes: classes)
            return try draws.outcome(
                modalities: modalities, unit: description.unit, missingModality: description.missingModality,
                missingLabels: description.missingLabels, erroneousLabels: description.erroneousLabels,
                sparsity: description.sparsity)
        }
    }

    /// What happens to a client's samples of a held-out split; modalities are missing sample by sample.
    ///
    /// - Parameter split: the split's name; splits draw independently.
    /// - Throws: as `training`.
    public func evaluation(
        client: UInt32,
        split: String,
        labels: [Int],
        classes: Int,
        modalities: Int
    ) throws(DatasetError) -> ClientCorruption {
        try check(labels, classes, modalities)
        let draws = Draws(
            seed: seed, client: client, prefix: "evaluation/\(split)/", labels: labels, classes: classes)
        return try draws.outcome(
            modalities: modalities, unit: .sample, missingModality: description.evaluationMissingModality,
            missingLabels: .zero, erroneousLabels: description.evaluationErroneousLabels,
            sparsity: description.sparsity)
    }

    private func check(_ labels: [Int], _ classes: Int, _ modalities: Int) throws(DatasetError) {
        guard (1...Self.maximumModalities).contains(modalities) else {
            throw DatasetError(
                .invalidArgument,
                "corruption: found \(modalities) modalities, expected 1 to \(Self.maximumModalities)")
        }
        if let wrong = labels.first(where: { !(0..<max(0, classes)).contains($0) }) {
            throw DatasetError(.invalidArgument, "corruption: found the label \(wrong), expected 0..<\(classes)")
        }
    }

    private func faithful(
        _ client: UInt32,
        _ labels: [Int],
        _ classes: Int,
        _ modalities: Int
    ) throws(DatasetError) -> ClientCorruption {
        let rates = ClientCorruption.Rates(
            missingModality: description.missingModality.mean, missingLabels: description.missingLabels.mean,
            erroneousLabels: description.erroneousLabels.mean)
        var absence = ClientCorruption.Absence.nothing
        if rates.missingModality > 0 {
            absence = .client(
                (0..<modalities).map { modality in
                    FaithfulCorruption.isMissing(modality: modality, client: client, rate: rates.missingModality)
                })
        }
        var changed = labels
        if rates.erroneousLabels > 0 {
            guard classes <= LabelNoiseMatrix.maximumClasses else {
                throw DatasetError(
                    .tooLarge,
                    "label errors: found \(classes) classes, expected at most \(LabelNoiseMatrix.maximumClasses)")
            }
            let map = FaithfulCorruption.classMap(
                client: client, classes: classes, rate: rates.erroneousLabels, sparsity: description.sparsity)
            changed = labels.map { map[$0] }
        }
        let unlabelled =
            rates.missingLabels > 0
            ? FaithfulCorruption.unlabelled(client: client, count: labels.count, rate: rates.missingLabels) : []
        return ClientCorruption(
            modalityCount: modalities, absence: absence, original: labels, labels: changed,
            unlabelled: unlabelled, rates: rates)
    }
}

/// The independent draws for one client.
private struct Draws {
    let seed: UInt64
    let client: UInt32
    let prefix: String
    let labels: [Int]
    let classes: Int

    func outcome(
        modalities: Int,
        unit: CorruptionDescription.Unit,
        missingModality: CorruptionRate,
        missingLabels: CorruptionRate,
        erroneousLabels: CorruptionRate,
        sparsity: Double
    ) throws(DatasetError) -> ClientCorruption {
        let rates = ClientCorruption.Rates(
            missingModality: rate(missingModality, 0), missingLabels: rate(missingLabels, 1),
            erroneousLabels: rate(erroneousLabels, 2))
        return ClientCorruption(
            modalityCount: modalities, absence: absence(modalities, unit, rates.missingModality),
            original: labels, labels: try observed(rates.erroneousLabels, sparsity),
            unlabelled: hits(rates.missingLabels, "missing-labels", 0, count: labels.count), rates: rates)
    }

    private func stream(_ purpose: String, _ layer: Int) -> RandomStream {
        RandomStream(
            seed: seed, purpose: prefix + purpose, client: client, layer: UInt32(truncatingIfNeeded: layer))
    }

    private func rate(_ rate: CorruptionRate, _ layer: Int) -> Double {
        var stream = stream("corruption-rates", layer)
        return rate.draw(&stream)
    }

    /// One flag a draw; empty at rate 0.
    private func hits(_ rate: Double, _ purpose: String, _ layer: Int, count: Int) -> [Bool] {
        guard rate > 0 else { return [] }
        var stream = stream(purpose, layer)
        return (0..<count).map { _ in stream.uniform() < rate }
    }

    private func absence(
        _ modalities: Int,
        _ unit: CorruptionDescription.Unit,
        _ rate: Double
    ) -> ClientCorruption.Absence {
        guard rate > 0 else { return .nothing }
        switch unit {
        case .client:
            return .client((0..<modalities).flatMap { hits(rate, "missing-modality", $0, count: 1) })
        case .sample:
            return .samples((0..<modalities).map { hits(rate, "missing-modality", $0, count: labels.count) })
        }
    }

    private func observed(_ rate: Double, _ sparsity: Double) throws(DatasetError) -> [Int] {
        // With a single class there is no wrong label.
        guard rate > 0, classes > 1 else { return labels }
        var zeros = stream("label-noise", 0)
        let matrix = try LabelNoiseMatrix(classes: classes, errorRatio: rate, sparsity: sparsity, &zeros)
        var draws = stream("label-noise", 1)
        return labels.map { matrix.observed($0, uniform: draws.uniform()) }
    }
}
