internal import Foundation
internal import GRPCCore
internal import SwiftProtobuf
internal import Wire
internal import WireMessages

/// A job and its initial weights, ready to be sent.
public struct JobSubmission: Sendable {
    /// The job specification as JSON.
    public var specification: [UInt8]
    /// The initial weights: a safetensors file in canonical form.
    public var weightsPath: String
    /// SHA-256 of that file.
    public var weightsDigest: String
    /// Its size.
    public var weightsBytes: Int
    /// Makes the submission idempotent; empty for none.
    public var token: String
    /// The trainer and the libraries that made the weights.
    public var trainer: [String: String]

    /// A submission of the file at `weightsPath`.
    public init(
        specification: [UInt8],
        weightsPath: String,
        weightsDigest: String,
        weightsBytes: Int,
        token: String = "",
        trainer: [String: String] = [:]
    ) {
        self.specification = specification
        self.weightsPath = weightsPath
        self.weightsDigest = weightsDigest
        self.weightsBytes = weightsBytes
        self.token = token
        self.trainer = trainer
    }
}

/// The coordinator's answer to a submission.
public struct SubmissionReceipt: Codable, Sendable, Equatable {
    /// The job's identifier.
    public var job: String
    /// Whether the token had been used before, so that nothing new was started.
    public var existed: Bool
}

extension OperatorConnection {
    /// Sends a job; `progress` hears the fraction of the weights sent.
    public func submit(
        _ submission: JobSubmission,
        progress: @Sendable @escaping (Double) -> Void = { _ in }
    ) async throws -> SubmissionReceipt {
        try await translating {
            let response = try await operations.submitJob(options: options) { writer in
                try await writer.write(
                    .with {
                        $0.header = .with {
                            $0.specification = Data(submission.specification)
                            $0.token = submission.token
                            $0.weightsDigest = submission.weightsDigest
                            $0.weightsBytes = UInt64(submission.weightsBytes)
                            $0.trainer = submission.trainer
                        }
                    }
                )
                guard let file = FileHandle(forReadingAtPath: submission.weightsPath) else {
                    throw OperatorError(.file, "\(submission.weightsPath): cannot be read")
                }
                defer { try? file.close() }
                var offset = 0
                while let data = try file.read(upToCount: WireLimits.sentChunkBytes), !data.isEmpty {
                    let start = UInt64(offset)
                    try await writer.write(
                        .with {
                            $0.chunk = .with {
                                $0.offset = start
                                $0.data = data
                            }
                        }
                    )
                    offset += data.count
                    progress(Double(offset) / Double(max(submission.weightsBytes, 1)))
                }
            }
            return SubmissionReceipt(job: response.job, existed: response.existed)
        }
    }
}
