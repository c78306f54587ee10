extension PartitionScheme.Parameters {
    /// A parameter that is given and changes nothing, given the others, with the reason; nil when all do something.
    ///
    /// A job may say such a thing, above all `seed`, by which a simulation also draws what clients hold out for
    /// themselves. Who types it for one partition means something by it, so `tributary partition` refuses it.
    ///
    /// - Parameter source: the data set that is partitioned.
    public func idle(for source: SitePartition.Source) -> (key: String, reason: String)? {
        if faithful == true, source.isGenerated || !source.benchmark.hasReadingMistakes {
            return (
                "faithful",
                "the data set '\(source.name)' is read the same without it; it is for "
                    + BenchmarkDataset.all.filter(\.hasReadingMistakes).map(\.name).joined(separator: " and ")
            )
        }
        let dealing = scheme.parameterKeys.contains("base") ? base ?? .iid : scheme
        if dealing == .sizeSkew, spread != nil, let law, law == .linear || law == .square {
            return ("spread", "the law '\(law.rawValue)' has none; it is for exponential and log-normal")
        }
        if dealing == .continuousSkew {
            if strictness == 0, by != nil || modality != nil {
                return (by == nil ? "modality" : "by", "rows are not sorted where strictness is 0")
            }
            if modality != nil, let by, by == .label || by == .subject {
                return ("modality", "rows are sorted by \(by.rawValue), which no modality decides")
            }
        }
        guard seed != nil, scheme != .featureSkew, !draws(dealing, source.benchmark) else { return nil }
        return ("seed", "nothing is drawn: the scheme '\(scheme.rawValue)' deals '\(source.name)' in one way only")
    }

    /// Whether a scheme draws anything.
    private func draws(_ dealing: PartitionScheme, _ benchmark: BenchmarkDataset) -> Bool {
        switch dealing {
        case .subject, .natural: false
        case .continuousSkew: (strictness ?? 1) < 1
        case .fedMultimodal: benchmark.development != .given || !benchmark.alphas.isEmpty
        case .iid, .grouped, .dirichlet, .innerDirichlet, .pathological, .shards, .sampled, .sizeSkew,
            .naturalDirichlet, .featureSkew, .vertical:
            true
        }
    }
}
