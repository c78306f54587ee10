/// The facts of one data set of the FedMultimodal benchmark (T. Feng et al., "FedMultimodal: a benchmark for multimodal
/// federated learning", KDD 2023, and its code): what an example is, how it is dealt to clients, what is held out, and
/// the numbers of the published runs.
///
/// Nothing here reads a file; see ``read(path:isFaithful:fold:)``. The ten are listed in ``all``; ``images`` are declared in
/// the same form and belong to other benchmarks.
public struct BenchmarkDataset: Sendable, Hashable {
    /// How training rows become clients.
    public enum Dealing: Sendable, Hashable {
        /// Everybody who recorded data is a client; who has fewer than `minimum` training rows is left out.
        case natural(minimum: Int)
        /// One Dirichlet draw over all rows, to so many clients of at least `minimum` rows.
        case dirichlet(clients: Int, minimum: Int)
        /// A Dirichlet draw within the rows of each subject.
        case withinSubjects(clients: Int, minimum: Int)
    }

    /// Where the split `dev` comes from.
    public enum Development: Sendable, Hashable {
        /// The publisher gives one.
        case given
        /// A fifth of the training rows, drawn before they are dealt: of each subject's, or where the dealing is
        /// ``Dealing/dirichlet(clients:minimum:)`` of all.
        case drawn(FedMultimodalPartitioner.Keys)
    }

    /// What the repetitions of a run differ in.
    public enum Repetition: Sendable, Hashable {
        /// The seeds of training; the data are the same.
        case seeds([UInt64])
        /// The fold of the data; the seed is the same.
        case folds(Int, seed: UInt64)
    }

    /// The numbers of the published runs.
    public struct Training: Sendable, Hashable {
        /// The clients' step size.
        public var learningRate: Double
        /// Examples of a step.
        public var batchSize = 16
        /// How many rounds.
        public var rounds = 200
        /// The part of the clients that a round takes.
        public var clientRate = 0.1
        /// The server's step size under FedOpt.
        public var serverLearningRate: ServerLearningRate
        /// μ of FedProx.
        public var proximalTerm = 0.01
        /// The rounds between evaluations.
        public var evaluatesEvery = 1

        /// The first round that is evaluated, where that is not after ``evaluatesEvery`` rounds: the code evaluates the
        /// rounds whose numbers, from 0, it divides.
        public var firstEvaluated: Int? { evaluatesEvery > 1 ? 0 : nil }

        /// Gathers the numbers that every data set has its own of.
        public init(learningRate: Double, serverLearningRate: ServerLearningRate) {
            self.learningRate = learningRate
            self.serverLearningRate = serverLearningRate
        }
    }

    /// The server's step size under FedOpt, which differs between the published runs.
    public struct ServerLearningRate: Sendable, Hashable {
        /// In the runs on clean data.
        public var base: Double
        /// In the runs on corrupted data.
        public var ablation: Double
    }

    /// How many examples a split has.
    public struct Counts: Sendable, Hashable {
        /// Training rows; where ``Development/drawn``, those of `dev` among them.
        public var train: Int
        /// Rows of a given `dev`, else 0.
        public var dev: Int
        /// Rows of `test`.
        public var test: Int
        /// Relative frequencies of the classes where they are known; even otherwise.
        public var classes: [Double]?
        /// The smallest and the largest natural client where they are known or guessed.
        public var clients: ClosedRange<Int>?

        /// Gathers the counts.
        public init(
            train: Int, dev: Int = 0, test: Int, classes: [Double]? = nil, clients: ClosedRange<Int>? = nil
        ) {
            self.train = train
            self.dev = dev
            self.test = test
            self.classes = classes
            self.clients = clients
        }
    }

    /// The name in jobs and folders, e.g. `crema-d`.
    public var name: String
    /// The name for people.
    public var title: String
    /// The class names in the order of their numbers. Those of MiT are not part of the benchmark and are numbered.
    public var classes: [String]
    /// Whether an example may have any number of classes.
    public var isMultilabel = false
    /// The inputs; the first number of a shape is the largest that is kept, for data that carry lengths.
    public var modalities: [Modality]
    /// How training rows become clients.
    public var dealing: Dealing
    /// How many clients the benchmark's code makes.
    public var clients: Int
    /// How many clients the paper's table counts, where that is another number.
    public var publishedClients: Int
    /// Where `dev` comes from.
    public var development: Development
    /// What repetitions differ in.
    public var repetition: Repetition = .seeds([8, 16, 24, 32, 40])
    /// The number of the first client in the draws of the benchmark's corruption: where its files list the two held-out
    /// splits before the clients, 2.
    public var firstCorruptionIndex = 0
    /// Whether the benchmark's clients are numbers, the places of natural clients in its list, and not their names.
    public var numbersClients = false
    /// Whether there is a mistake of the benchmark's code in reading the data that `isFaithful` makes too.
    public var hasReadingMistakes = false
    /// The metric that rounds are chosen by and reported in, as metrics are named here.
    public var metric: String
    /// The numbers of the published runs.
    public var training: Training
    /// The model, by its name in jobs.
    public var model: String
    /// How many examples there are.
    public var counts: Counts
    /// Where the data can be had.
    public var origin: String

    /// Whether the publisher's names of the classes are known here.
    public var namesClasses: Bool { !classes.contains(Self.numberedClass(0)) }

    /// The concentrations of the published runs; none where clients are natural.
    public var alphas: [Double] {
        if case .natural = dealing { [] } else { [5.0, 0.1] }
    }

    /// The clients of a round: the rate of the clients, rounded down.
    public var clientsPerRound: Int { max(1, Int(training.clientRate * Double(clients))) }

    /// How many folds the data have; nil where there is one division into splits.
    public var folds: Int? {
        if case .folds(let count, _) = repetition { count } else { nil }
    }

    /// Refuses a fold that the data do not have.
    ///
    /// - Throws: `DatasetError` with code `invalidArgument`.
    func check(fold: Int?) throws(DatasetError) {
        guard let fold else { return }
        guard let folds else {
            throw DatasetError(.invalidArgument, "fold is \(fold), expected none: \(title) has no folds")
        }
        guard (1...folds).contains(fold) else {
            throw DatasetError(.invalidArgument, "fold is \(fold), expected 1...\(folds) for \(title)")
        }
    }

    /// The splits that come with the data beside `train`.
    public var heldOutSplits: [String] { development == .given ? ["dev", "test"] : ["test"] }

    /// The name of a class that has none.
    static func numberedClass(_ number: Int) -> String { "action-\(number)" }

    /// The data set of a name, of ``all`` or ``images``.
    public static func named(_ name: String) -> BenchmarkDataset? { (all + images).first { $0.name == name } }
}
