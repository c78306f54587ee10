/// The three corruptions of the FedMultimodal benchmark.
public enum CorruptionKind: String, Sendable, Hashable, Codable, CaseIterable {
    /// A modality is missing in all of a client's samples.
    case missingModality = "missing-modality"
    /// Samples have no label and are not trained on.
    case missingLabels = "missing-labels"
    /// Labels are replaced by wrong ones.
    case erroneousLabels = "erroneous-labels"

    /// The key of a job's `corruption` map.
    var key: String {
        switch self {
        case .missingModality: "missingModality"
        case .missingLabels: "missingLabels"
        case .erroneousLabels: "erroneousLabels"
        }
    }

    /// The paper's figure of it.
    var figure: Int {
        switch self {
        case .missingModality: 4
        case .missingLabels: 5
        case .erroneousLabels: 6
        }
    }

    /// Its name in a sentence.
    var title: String { rawValue.replacing("-", with: " ") }
}
