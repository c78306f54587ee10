import Foundation
public import Jobs

/// The trainers that this program knows, by the job's `model.name`.
public enum TrainerSessions {
    /// Name and version, as `hello` reports them.
    public static let trainerName = "tributary-lab 0.1.0"

    /// Makes the session that a `hello` asks for; its log goes to standard error.
    ///
    /// `echo` gets an `EchoTrainer`, which leaves LibTorch alone; everything else a `ModelTrainer`.
    public static func make(_ hello: TrainerRequest.Hello) throws -> any TrainerSession {
        if hello.model["name"]?.stringValue == EchoTrainer.modelName {
            return try EchoTrainer(hello)
        }
        return try ModelTrainer(hello) { line in
            FileHandle.standardError.write(Data("trainer: \(line)\n".utf8))
        }
    }
}
