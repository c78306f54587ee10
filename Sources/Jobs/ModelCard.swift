public import Foundation

/// What an export says about its weights: the job, how it went, who took part, and the digests that tie every round to
/// the next.
public struct ModelCard: Sendable, Hashable, Codable {
    /// What this document is: "tributary-model-card".
    public var format: String
    /// The version of this document's shape.
    public var version: Int
    /// The federation's name.
    public var federation: String
    /// The job.
    public var job: Job
    /// The specification as it ran.
    public var specification: JobSpecification
    /// The exported weights.
    public var weights: ExportedWeights
    /// SHA-256 of the initial weights.
    public var initialWeights: String
    /// The trainer and libraries that drew the initial weights; empty when they came from a file.
    public var initialTrainer: [String: String]
    /// The metrics of the exported weights' own evaluation; empty without one.
    public var metrics: [String: Double]
    /// The round with the best `selectBy`, when there is one.
    public var bestRound: Int?
    /// The clients, in order of their names.
    public var clients: [Client]
    /// The completed rounds, ascending.
    public var lineage: [Round]
    /// The software that wrote the card.
    public var software: String
    /// The privacy of the weights; nil for a job without.
    public var privacy: PrivacyStatement?
    /// Every site's model on every site's examples; nil for a job that did not ask for it.
    public var crossSite: CrossSiteMatrix?
    /// What each client's update contributed to the last round; nil for a job that did not ask for it.
    public var contributions: ContributionTotals?

    /// A job as a card tells it.
    public struct Job: Sendable, Hashable, Codable {
        /// The identifier.
        public var id: String
        /// Who submitted it.
        public var `operator`: String
        /// Its state when the card was written.
        public var status: JobStatus
        /// When it was submitted, milliseconds since 1970.
        public var submittedAt: Int64
        /// When it ended, milliseconds since 1970; nil while it has not.
        public var endedAt: Int64?

        /// Creates a job's entry.
        public init(id: String, operator: String, status: JobStatus, submittedAt: Int64, endedAt: Int64? = nil) {
            self.id = id
            self.operator = `operator`
            self.status = status
            self.submittedAt = submittedAt
            self.endedAt = endedAt
        }
    }

    /// The weights that go with the card.
    public struct ExportedWeights: Sendable, Hashable, Codable {
        /// SHA-256 of their canonical safetensors bytes.
        public var digest: String
        /// The size of those bytes.
        public var bytes: Int64
        /// Digest of their names, shapes and types.
        public var schema: String
        /// How many tensors.
        public var tensors: Int
        /// How many values.
        public var parameters: Int
        /// The round after which they stand; nil for the initial weights.
        public var round: Int?

        /// Creates the weights' entry.
        public init(
            digest: String, bytes: Int64, schema: String, tensors: Int, parameters: Int, round: Int?
        ) {
            self.digest = digest
            self.bytes = bytes
            self.schema = schema
            self.tensors = tensors
            self.parameters = parameters
            self.round = round
        }
    }

    /// What one client gave.
    public struct Client: Sendable, Hashable, Codable {
        /// The client.
        public var name: String
        /// In how many completed rounds it was chosen.
        public var rounds: Int
        /// In how many of them its update counted.
        public var admitted: Int
        /// Examples behind those updates, counted once a round; nil where the client withheld them.
        public var examples: Int?

        /// Creates a client's entry.
        public init(name: String, rounds: Int, admitted: Int, examples: Int?) {
            self.name = name
            self.rounds = rounds
            self.admitted = admitted
            self.examples = examples
        }
    }

    /// One completed round.
    public struct Round: Sendable, Hashable, Codable {
        /// The number, from 0.
        public var round: Int
        /// The attempt that completed, from 0.
        public var attempt: Int
        /// The clients chosen, in order of their names.
        public var cohort: [String]
        /// The updates that were folded, in order of the clients' names.
        public var admitted: [Update]
        /// The clients without an update.
        public var refusals: [Refusal]
        /// SHA-256 of the weights after the round.
        public var weights: String
        /// Training figures as ratios; without those that clients withheld.
        public var training: [String: Double]
        /// "withheld" where clients kept training figures to themselves; nil otherwise.
        public var figures: String?
        /// Evaluation metrics; empty without an evaluation.
        public var evaluation: [String: Double]
        /// Held-out examples behind the evaluation.
        public var evaluationExamples: Int
        /// When the cohort was drawn, milliseconds since 1970.
        public var startedAt: Int64
        /// When the weights were ready, milliseconds since 1970.
        public var completedAt: Int64

        /// Creates a round's entry.
        public init(
            round: Int, attempt: Int, cohort: [String], admitted: [Update], refusals: [Refusal], weights: String,
            training: [String: Double] = [:], evaluation: [String: Double] = [:], evaluationExamples: Int = 0,
            startedAt: Int64, completedAt: Int64
        ) {
            self.round = round
            self.attempt = attempt
            self.cohort = cohort
            self.admitted = admitted
            self.refusals = refusals
            self.weights = weights
            self.training = training
            self.evaluation = evaluation
            self.evaluationExamples = evaluationExamples
            self.startedAt = startedAt
            self.completedAt = completedAt
        }
    }

    /// One folded update.
    public struct Update: Sendable, Hashable, Codable {
        /// The client.
        public var client: String
        /// Examples behind it; nil where the client withheld them.
        public var examples: Int?
        /// Its weight in the round's update; nil where that is not known.
        public var weight: Double?
        /// Why the job's rules left it out of the round's update, if they did.
        public var leftOut: String?
        /// How many versions of the weights it was old when it was folded, in an asynchronous job.
        public var staleness: Int?
        /// SHA-256 of the update file.
        public var digest: String
        /// The size of that file, as the job's encoding made it: what the client sent; nil in cards before it was said.
        public var bytes: Int64?
        /// The trainer and libraries that computed it.
        public var trainer: [String: String]

        /// Creates an update's entry.
        public init(
            client: String, examples: Int?, digest: String, bytes: Int64? = nil, trainer: [String: String] = [:]
        ) {
            self.client = client
            self.examples = examples
            self.digest = digest
            self.bytes = bytes
            self.trainer = trainer
        }
    }

    /// Why a client's update is not in a round.
    public struct Refusal: Sendable, Hashable, Codable {
        /// The client.
        public var client: String
        /// A stable word.
        public var code: String
        /// The reason in a sentence.
        public var reason: String

        /// Creates a refusal's entry.
        public init(client: String, code: String, reason: String) {
            self.client = client
            self.code = code
            self.reason = reason
        }
    }

    /// Creates a card. The clients' counts are taken from the lineage, and so is ε where it is not given.
    public init(
        federation: String, job: Job, specification: JobSpecification, weights: ExportedWeights,
        initialWeights: String, initialTrainer: [String: String] = [:], metrics: [String: Double] = [:],
        bestRound: Int? = nil, lineage: [Round], software: String, epsilon: Double? = nil
    ) {
        format = Self.format
        version = 1
        self.federation = federation
        self.job = job
        self.specification = specification
        self.weights = weights
        self.initialWeights = initialWeights
        self.initialTrainer = initialTrainer
        self.metrics = metrics
        self.bestRound = bestRound
        self.lineage = lineage
        self.software = software
        clients = Self.clients(of: lineage)
        privacy = PrivacyStatement(
            specification, epsilon: epsilon ?? lineage.last?.training[PrivacyStatement.figure])
    }
}

extension ModelCard {
    /// What `format` says in every card.
    public static let format = "tributary-model-card"

    private static func clients(of lineage: [Round]) -> [Client] {
        var counts: [String: Client] = [:]
        for round in lineage {
            for name in round.cohort {
                counts[name, default: Client(name: name, rounds: 0, admitted: 0, examples: 0)].rounds += 1
            }
            for update in round.admitted {
                let none = Client(name: update.client, rounds: 0, admitted: 0, examples: 0)
                counts[update.client, default: none].admitted += 1
                let before = counts[update.client, default: none].examples
                counts[update.client]?.examples = before.flatMap { sum in update.examples.map { sum + $0 } }
            }
        }
        return counts.values.sorted { Participants.precedes($0.name, $1.name) }
    }

    /// The JSON form, indented and with sorted keys.
    ///
    /// - Throws: `JobsError` with the code `invalidDocument` when a figure is not finite.
    public func json() throws -> Data {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes, .prettyPrinted]
        do {
            return try encoder.encode(self) + Data("\n".utf8)
        } catch {
            throw JobsError(code: .invalidDocument, message: "model card: cannot be written as JSON", cause: error)
        }
    }

    /// Reads the JSON form.
    ///
    /// - Throws: `JobsError` with the code `invalidDocument`.
    public init(json: Data) throws {
        do {
            self = try JSONDecoder().decode(Self.self, from: json)
        } catch let error as DecodingError {
            throw JobsError(code: .invalidDocument, message: "model card: \(DecodingProblem.describe(error))")
        }
        guard format == Self.format, version == 1 else {
            throw JobsError(
                code: .invalidDocument,
                message: "model card: found \(format) version \(version), expected \(Self.format) version 1")
        }
    }
}
