public import Foundation
import Jobs
public import WireMessages

/// One round, as `--json` prints it.
public struct RoundView: Codable, Sendable, Equatable {
    /// A client without an update in the round.
    public struct Refusal: Codable, Sendable, Equatable {
        /// The client.
        public var client: String
        /// A stable word for the reason.
        public var code: String
        /// The reason in a sentence.
        public var reason: String
    }

    /// The number, from 0.
    public var round: Int
    /// The attempt, from 0.
    public var attempt: Int
    /// selecting, training, aggregating, completed or failed.
    public var phase: String
    /// The clients chosen.
    public var cohort: [String]
    /// The clients whose updates were admitted.
    public var admitted: [String]
    /// Clients without an update.
    public var refusals: [Refusal]
    /// Training metrics over the admitted updates.
    public var training: [String: Double]
    /// Training examples behind them; absent where the clients withheld them.
    public var trainingExamples: Int?
    /// "withheld" where clients kept their training figures to themselves; absent otherwise.
    public var figures: String?
    /// How many versions old the update of each client was, in an asynchronous job; absent in others.
    public var staleness: [String: Int]?
    /// Evaluation metrics; empty until the evaluation is in.
    public var evaluation: [String: Double]
    /// Held-out examples behind them.
    public var evaluationExamples: Int
    /// SHA-256 of the weights after the round.
    public var digest: String
    /// When the cohort was committed.
    public var started: Date
    /// Seconds from there to the round's commit; absent before.
    public var seconds: Double?

    /// Reads the wire form.
    public init(_ record: Tributary_V1_RoundRecord) {
        round = Int(record.round)
        attempt = Int(record.attempt)
        phase = record.phase
        cohort = record.cohort
        admitted = record.admitted
        refusals = record.refusals.map { Refusal(client: $0.client, code: $0.code, reason: $0.reason) }
        training = record.training
        figures = record.figuresWithheld ? ReportedFigures.withheld.rawValue : nil
        let isUnknown = record.figuresWithheld && record.trainingExamples == 0
        trainingExamples = isUnknown ? nil : Int(clamping: record.trainingExamples)
        staleness = record.staleness.isEmpty ? nil : record.staleness.mapValues(Int.init)
        evaluation = record.evaluation
        evaluationExamples = Int(clamping: record.evaluationExamples)
        digest = record.weightsDigest
        started = Date(milliseconds: record.startedMilliseconds)
        if record.completedMilliseconds > record.startedMilliseconds {
            seconds = Double(record.completedMilliseconds - record.startedMilliseconds) / 1000
        } else {
            seconds = record.completedMilliseconds == 0 ? nil : 0
        }
    }
}
