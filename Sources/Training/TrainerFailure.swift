import Datasets
import Jobs
import Tensors
import Weights

/// How errors of all layers become the contract's `failed`.
enum TrainerFailure {
    /// The code and the reason of an error.
    static func describe(_ error: any Error) -> TrainerReply.Failed {
        let reason = String("\(error)".prefix(4096))
        return TrainerReply.Failed(code: code(of: error).rawValue, reason: reason)
    }

    private static func code(of error: any Error) -> TrainingError.Code {
        switch error {
        case let error as TrainingError: error.code
        case is DatasetError: .data
        case is WeightsError: .weights
        case is JobsError: .message
        case let error as TensorError:
            switch error.code {
            case .outOfMemory: .memory
            case .mismatch: .weights
            case .refused, .invalidArgument: .numerics
            }
        default: .numerics
        }
    }
}
