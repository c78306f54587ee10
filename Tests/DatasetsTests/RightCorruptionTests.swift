import Datasets
import Randomness
import Testing

@Suite struct RightCorruptionTests {
    private func outcome(
        _ description: CorruptionDescription, client: UInt32 = 3, count: Int = 60, classes: Int = 6,
        modalities: Int = 2, seed: UInt64 = 8
    ) throws -> ClientCorruption {
        try CorruptionSimulator(description, seed: seed).training(
            client: client, labels: (0..<count).map { $0 % classes }, classes: classes, modalities: modalities)
    }

    /// Whether a count of hits is within four standard deviations of a binomial's mean.
    private func expectBinomial(
        _ hits: Int, of count: Int, _ rate: Double, _ what: String = "",
        sourceLocation: SourceLocation = #_sourceLocation
    ) {
        let deviation = (Double(count) * rate * (1 - rate)).squareRoot()
        #expect(
            abs(Double(hits) - Double(count) * rate) <= 4 * deviation, "\(what): \(hits) of \(count), expected \(rate)",
            sourceLocation: sourceLocation)
    }

    @Test(arguments: [0.1, 0.3, 0.7])
    func clientsLackModalitiesIndependently(rate: Double) throws {
        let clients = 4000
        let description = CorruptionDescription(missingModality: .constant(rate))
        var hits = [0, 0, 0]
        var both = 0
        var skipped = 0
        for client in 0..<UInt32(clients) {
            let outcome = try outcome(description, client: client, count: 2, modalities: 3)
            let flags = (0..<3).map { outcome.isMissing(modality: $0, sample: 0) }
            #expect(flags == (0..<3).map { outcome.isMissing(modality: $0, sample: 1) })
            for modality in 0..<3 where flags[modality] { hits[modality] += 1 }
            both += flags[0] && flags[1] ? 1 : 0
            skipped += outcome.isSkipped ? 1 : 0
            #expect(outcome.isSkipped == (flags == [true, true, true]))
        }
        for modality in 0..<3 { expectBinomial(hits[modality], of: clients, rate, "modality \(modality)") }
        expectBinomial(both, of: clients, rate * rate, "two modalities")
        expectBinomial(skipped, of: clients, rate * rate * rate, "all modalities")
    }

    @Test func samplesLackModalitiesIndependently() throws {
        let count = 20_000
        let outcome = try outcome(
            CorruptionDescription(missingModality: .constant(0.4), unit: .sample), count: count, modalities: 3)
        for modality in 0..<3 { expectBinomial(outcome.missingCounts[modality], of: count, 0.4) }
        expectBinomial(count - outcome.kept().count, of: count, 0.064, "samples with nothing left")
        let pairs = (0..<count).count {
            outcome.isMissing(modality: 0, sample: $0) && outcome.isMissing(modality: 2, sample: $0)
        }
        expectBinomial(pairs, of: count, 0.16)
    }

    @Test func labelsGoMissing() throws {
        let outcome = try outcome(CorruptionDescription(missingLabels: .constant(0.25)), count: 20_000)
        expectBinomial(outcome.unlabelled.count { $0 }, of: 20_000, 0.25)
        #expect(outcome.kept() == (0..<20_000).filter { !outcome.unlabelled[$0] })
        #expect(outcome.changedLabels == 0 && outcome.missingCounts == [0, 0])
    }

    @Test func labelsGoWrongSampleBySample() throws {
        let count = 60_000
        let outcome = try outcome(CorruptionDescription(erroneousLabels: .constant(0.3)), count: count)
        var cells = Array(repeating: Array(repeating: 0, count: 6), count: 6)
        for sample in 0..<count { cells[sample % 6][outcome.labels[sample]] += 1 }
        expectBinomial(outcome.changedLabels, of: count, 0.3)
        var zeros = 0
        for label in 0..<6 {
            expectBinomial(cells[label][label], of: count / 6, 0.7, "class \(label)")
            let targets = (0..<6).filter { $0 != label && cells[label][$0] > 0 }
            zeros += 5 - targets.count
            for target in targets {
                expectBinomial(
                    cells[label][target], of: count / 6, 0.3 / Double(targets.count), "\(label) to \(target)")
            }
        }
        #expect(zeros == 12, "40 % of 30")
    }

    @Test(arguments: [2, 3, 4, 6, 51], [0, 0.2, 0.4, 0.7, 1])
    func sparsityIsExact(classes: Int, sparsity: Double) throws {
        let cells = classes * (classes - 1)
        for client in 0..<UInt32(20) {
            var stream = RandomStream(seed: 1, purpose: "test", client: client)
            let matrix = try LabelNoiseMatrix(
                classes: classes, errorRatio: 0.2, sparsity: sparsity, &stream)
            let zeros = min(Int((Double(cells) * sparsity).rounded()), classes * (classes - 2))
            #expect(matrix.targets.reduce(0) { $0 + $1.count } == cells - zeros)
            #expect(abs(matrix.sparsity - Double(zeros) / Double(cells)) < 1e-12)
            for label in 0..<classes {
                #expect(!matrix.targets[label].isEmpty && !matrix.targets[label].contains(label))
                let sum = (0..<classes).reduce(0.0) { $0 + matrix.probability(of: $1, given: label) }
                #expect(abs(sum - 1) < 1e-12)
                #expect(matrix.observed(label, uniform: 0) == label)
                #expect(matrix.observed(label, uniform: 0.79) == label)
                #expect(matrix.observed(label, uniform: 0.8000001) == matrix.targets[label].first)
                #expect(matrix.observed(label, uniform: 1.0.nextDown) == matrix.targets[label].last)
            }
        }
    }

    @Test func aHigherRateHitsWhatALowerOneHits() throws {
        var last = try outcome(.none, count: 500)
        #expect(last.changesNothing)
        for rate in [0.05, 0.2, 0.5, 0.9, 1] {
            let next = try outcome(
                CorruptionDescription(
                    missingModality: .constant(rate), unit: .sample, missingLabels: .constant(rate),
                    erroneousLabels: .constant(rate)), count: 500)
            for sample in 0..<500 {
                for modality in 0..<2 where last.isMissing(modality: modality, sample: sample) {
                    #expect(next.isMissing(modality: modality, sample: sample))
                }
                if !last.unlabelled.isEmpty && last.unlabelled[sample] { #expect(next.unlabelled[sample]) }
                if last.labels[sample] != sample % 6 { #expect(next.labels[sample] != sample % 6) }
            }
            last = next
        }
        #expect(last.isSkipped && last.changedLabels == 500)
    }

    @Test func drawsFollowSeedAndClientOnly() throws {
        let description = CorruptionDescription(
            missingModality: .constant(0.5), unit: .sample, missingLabels: .constant(0.5),
            erroneousLabels: .constant(0.5))
        let first = try outcome(description)
        #expect(try outcome(description) == first)
        #expect(try outcome(description, client: 4) != first)
        #expect(try outcome(description, seed: 9) != first)
        // Combining kinds changes none of them.
        #expect(try outcome(CorruptionDescription(missingLabels: .constant(0.5))).unlabelled == first.unlabelled)
        #expect(try outcome(CorruptionDescription(erroneousLabels: .constant(0.5))).labels == first.labels)
        let modalities = try outcome(CorruptionDescription(missingModality: .constant(0.5), unit: .sample))
        #expect(modalities.absence == first.absence)
        // A slow reference of what is left.
        var kept: [Int] = []
        for sample in 0..<first.count where !first.unlabelled[sample] {
            if !(first.isMissing(modality: 0, sample: sample) && first.isMissing(modality: 1, sample: sample)) {
                kept.append(sample)
            }
        }
        #expect(first.kept() == kept)
        #expect(
            first.kept(modalities: [1])
                == kept.filter { !first.isMissing(modality: 1, sample: $0) })
    }

    @Test func evaluationHasItsOwnRatesAndDraws() throws {
        let description = CorruptionDescription(
            missingModality: .constant(1), missingLabels: .constant(1), evaluationMissingModality: .constant(0.3),
            evaluationErroneousLabels: .constant(0.1))
        let simulator = try CorruptionSimulator(description, seed: 8)
        let labels = (0..<20_000).map { $0 % 6 }
        func evaluate(_ split: String) throws -> ClientCorruption {
            try simulator.evaluation(client: 3, split: split, labels: labels, classes: 6, modalities: 2)
        }
        let test = try evaluate("test")
        expectBinomial(test.missingCounts[0], of: 20_000, 0.3)
        expectBinomial(test.missingCounts[1], of: 20_000, 0.3)
        expectBinomial(test.changedLabels, of: 20_000, 0.1)
        #expect(test.unlabelled.isEmpty)
        #expect(try evaluate("test") == test)
        #expect(try evaluate("dev") != test)
        let clean = try CorruptionSimulator(CorruptionDescription(missingModality: .constant(1)), seed: 8)
        #expect(
            try clean.evaluation(client: 3, split: "test", labels: labels, classes: 6, modalities: 2).changesNothing)
    }

    @Test func clientsDrawTheirOwnRates() throws {
        func rates(_ rate: CorruptionRate) throws -> [Double] {
            try (0..<UInt32(4000)).map {
                try outcome(CorruptionDescription(missingLabels: rate), client: $0, count: 1).rates.missingLabels
            }
        }
        func moments(_ values: [Double]) -> (mean: Double, variance: Double) {
            let mean = values.reduce(0, +) / Double(values.count)
            return (mean, values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(values.count))
        }
        let uniform = try rates(.uniform(low: 0.2, high: 0.6))
        #expect(uniform.allSatisfy { (0.2..<0.6).contains($0) })
        #expect(abs(moments(uniform).mean - 0.4) < 4 * 0.4 / 12.0.squareRoot() / 4000.0.squareRoot())
        #expect(abs(moments(uniform).variance - 0.16 / 12) < 0.001)
        for concentration in [0.1, 2, 50] {
            let beta = try rates(.beta(mean: 0.3, concentration: concentration))
            #expect(beta.allSatisfy { (0...1).contains($0) })
            let variance = 0.3 * 0.7 / (concentration + 1)
            #expect(abs(moments(beta).mean - 0.3) < 4 * (variance / 4000).squareRoot())
            #expect(abs(moments(beta).variance / variance - 1) < 0.12, "\(concentration)")
        }
        #expect(try rates(.beta(mean: 0.3, concentration: 1e-6)).allSatisfy { $0 < 0.01 || $0 > 0.99 })
        #expect(Set(try rates(.constant(0.25))) == [0.25])
    }

    @Test func aSingleClassCannotBeWrong() throws {
        let outcome = try outcome(CorruptionDescription(erroneousLabels: .constant(1)), classes: 1)
        #expect(outcome.changesNothing)
    }

    @Test(arguments: [
        CorruptionDescription(missingModality: .constant(1.1)), .init(missingLabels: .constant(-0.1)),
        .init(erroneousLabels: .constant(.nan)), .init(sparsity: 2),
        .init(missingLabels: .uniform(low: 0.5, high: 0.4)), .init(missingLabels: .beta(mean: 0.5, concentration: 0)),
        .init(evaluationMissingModality: .constant(2)), .init(evaluationErroneousLabels: .uniform(low: 0, high: 2)),
        .init(mode: .faithful, missingModality: .uniform(low: 0, high: 1)), .init(mode: .faithful, unit: .sample),
        .init(mode: .faithful, erroneousLabels: .constant(1)),
        .init(mode: .faithful, evaluationMissingModality: .constant(0.1)),
    ])
    func impossibleDescriptionsAreRefused(description: CorruptionDescription) throws {
        let error = try #require(throws: DatasetError.self) { try CorruptionSimulator(description, seed: 1) }
        #expect(error.code == .invalidArgument)
    }

    @Test func impossibleSizesAreRefused() throws {
        let simulator = try CorruptionSimulator(CorruptionDescription(erroneousLabels: .constant(0.1)), seed: 1)
        for (labels, classes, modalities) in [([6], 6, 2), ([-1], 6, 2), ([0], 0, 2), ([0], 6, 0), ([0], 6, 2000)] {
            #expect(throws: DatasetError.self) {
                try simulator.training(client: 1, labels: labels, classes: classes, modalities: modalities)
            }
        }
        for mode in CorruptionDescription.Mode.allCases {
            let simulator = try CorruptionSimulator(
                CorruptionDescription(mode: mode, erroneousLabels: .constant(0.1)), seed: 1)
            let error = try #require(throws: DatasetError.self) {
                try simulator.training(client: 1, labels: [0], classes: 1 << 30, modalities: 1)
            }
            #expect(error.code == .tooLarge)
        }
    }
}
