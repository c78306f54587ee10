extension PartitionScheme.Parameters {
    /// The benchmark's own partition of a data set, with what these parameters change of it.
    ///
    /// - Parameter benchmark: the data set; of data that are none of the benchmark's, UCI-HAR's way is taken.
    /// - Throws: `DatasetError` with code `invalidArgument` for a parameter that this data set's way does not have.
    func fedMultimodal(_ benchmark: BenchmarkDataset) throws(DatasetError) -> FedMultimodalPartitioner {
        guard let seed = UInt32(exactly: seed ?? Self.defaultSeed) else {
            throw DatasetError(
                .invalidArgument, "seed is \(seed ?? 0), expected 0...\(UInt32.max) for the scheme 'fedmultimodal'")
        }
        func refuse(_ key: String, _ isGiven: Bool) throws(DatasetError) {
            guard !isGiven else {
                throw DatasetError(
                    .invalidArgument,
                    "scheme 'fedmultimodal' does not use \(key) for \(benchmark.title), whose dealing is "
                        + benchmark.dealing.summary)
            }
        }
        try benchmark.check(fold: fold)
        let form: FedMultimodalPartitioner.Form
        let least: Int
        switch benchmark.dealing {
        case .natural(let minimum):
            try refuse("alpha", alpha != nil)
            try refuse("clients", clients != nil)
            try refuse("clientsPerSubject", clientsPerSubject != nil)
            form = .natural
            least = minimum
        case .dirichlet(let count, let minimum):
            try refuse("clientsPerSubject", clientsPerSubject != nil)
            form = .global(clients: clients ?? count)
            least = minimum
        case .withinSubjects(let count, let minimum):
            try refuse("clients", clients != nil)
            form = .withinSubjects(clients: clientsPerSubject ?? count)
            least = minimum
        }
        var development: FedMultimodalPartitioner.Keys?
        if case .drawn(let keys) = benchmark.development { development = keys }
        if form != .natural, alpha == nil {
            throw DatasetError(
                .invalidArgument, "scheme 'fedmultimodal' needs alpha; the benchmark uses 0.1 and 5.0")
        }
        var partitioner = FedMultimodalPartitioner(
            form, alpha: alpha, minimum: minimum ?? least, development: development, seed: seed)
        partitioner.numbersClients = benchmark.numbersClients
        return partitioner
    }
}

extension BenchmarkDataset.Dealing {
    /// The dealing in a few words.
    var summary: String {
        switch self {
        case .natural: "by who recorded the data"
        case .dirichlet: "one Dirichlet draw over all rows"
        case .withinSubjects: "a Dirichlet draw within each subject"
        }
    }
}
