/// A model that the clients evaluate once the rounds are over, for a cross-site evaluation or for contribution scores.
public struct StudiedModel: Sendable, Hashable, Codable {
    /// How it comes about.
    public enum Kind: String, Sendable, Hashable, Codable {
        /// The weights after the last round.
        case global
        /// What a site trained from them.
        case site
        /// What the last round would have given with the updates of some clients alone.
        case coalition
    }

    /// How it comes about.
    public var kind: Kind
    /// The site, or the coalition in order of the clients' names.
    public var clients: [String]

    /// The weights after the last round.
    public static let global = StudiedModel(kind: .global, clients: [])

    /// What a site trained from the weights after the last round.
    public static func site(_ name: String) -> StudiedModel { StudiedModel(kind: .site, clients: [name]) }

    /// What the last round would have given with these clients' updates alone.
    public static func coalition(_ clients: [String]) -> StudiedModel {
        StudiedModel(kind: .coalition, clients: clients)
    }

    /// Whether it is part of a cross-site evaluation; otherwise of contribution scores.
    public var isAcross: Bool { kind != .coalition }
}

/// A studied model that is to be made.
public struct ModelOrder: Sendable, Hashable {
    /// Its number among the studied models, from 0.
    public var number: Int
    /// The model.
    public var model: StudiedModel
    /// SHA-256 of the weights that it is, or from which `fold` makes it.
    public var weightsDigest: String
    /// What is folded; nil when the model is there already. A site's own model is the plain sum of the weights and its
    /// update, a coalition's what the job's aggregation makes.
    public var fold: AggregationOrder?

    /// Creates an order.
    public init(number: Int, model: StudiedModel, weightsDigest: String, fold: AggregationOrder?) {
        self.number = number
        self.model = model
        self.weightsDigest = weightsDigest
        self.fold = fold
    }
}

/// The sites' own models as they came in: what is committed before they are evaluated.
public struct OwnModelsResult: Sendable, Hashable {
    /// The number of the round that would come next.
    public var round: Int
    /// The updates that make them from the weights after the last round, in order of the sites' names.
    public var updates: [AdmittedUpdate]
    /// The sites without a model, in order of their names.
    public var refusals: [TaskRefusal]
    /// When the last came in, or the deadline passed, milliseconds since 1970.
    public var completedAt: Int64

    /// Creates a result.
    public init(round: Int, updates: [AdmittedUpdate], refusals: [TaskRefusal], completedAt: Int64) {
        self.round = round
        self.updates = updates
        self.refusals = refusals
        self.completedAt = completedAt
    }
}

/// A studied model as it is committed before it is evaluated.
public struct StudyRecord: Sendable, Hashable {
    /// The model.
    public var model: StudiedModel
    /// Its evaluation: the round is the job's number of rounds and the model's number.
    public var evaluation: EvaluationRecord
    /// Why there is no model; its evaluation is over then before it begins.
    public var failure: String?

    /// Creates a record.
    public init(model: StudiedModel, evaluation: EvaluationRecord, failure: String? = nil) {
        self.model = model
        self.evaluation = evaluation
        self.failure = failure
    }
}
