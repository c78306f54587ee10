internal import Crypto
public import Foundation
internal import GRPCCore
internal import SwiftProtobuf
internal import WireMessages

/// Weights that `export` brought here.
public struct ExportedWeights: Sendable {
    /// The model card as JSON.
    public var card: Data
    /// SHA-256 of the weights.
    public var digest: String
    /// The round they come from; nil for the initial weights.
    public var round: Int?
}

extension OperatorConnection {
    /// Streams the weights of `round` ("last", "best", "initial" or a number) into the file at `path`.
    ///
    /// The file appears under its name only when it is whole and its digest is right; until then it is `path.part`,
    /// which is removed on failure.
    public func export(
        job: String,
        round: String,
        to path: String,
        progress: @Sendable @escaping (Double) -> Void = { _ in }
    ) async throws -> ExportedWeights {
        let part = path + ".part"
        do {
            let exported = try await translating {
                let request = Tributary_V1_ExportRequest.with {
                    $0.job = job
                    $0.round = round
                }
                return try await operations.export(request, options: options) { response in
                    try await Self.receive(response.messages, into: part, progress: progress)
                }
            }
            guard rename(part, path) == 0 else {
                throw OperatorError(.file, "\(path): cannot be written: \(String(cString: strerror(errno)))")
            }
            return exported
        } catch {
            unlink(part)
            throw error
        }
    }

    private static func receive(
        _ messages: RPCAsyncSequence<Tributary_V1_ExportResponse, any Error>,
        into part: String,
        progress: @Sendable (Double) -> Void
    ) async throws -> ExportedWeights {
        guard FileManager.default.createFile(atPath: part, contents: nil), let file = FileHandle(forWritingAtPath: part)
        else { throw OperatorError(.file, "\(part): cannot be written") }
        defer { try? file.close() }
        var header: Tributary_V1_ExportHeader?
        var hash = SHA256()
        var received: UInt64 = 0
        for try await message in messages {
            switch message.part {
            case .header(let value):
                guard header == nil else { throw OperatorError(.malformed, "the coordinator sent two export headers") }
                header = value
            case .chunk(let chunk):
                guard let header, chunk.offset == received, received + UInt64(chunk.data.count) <= header.bytes else {
                    throw OperatorError(.malformed, "the export stream has a gap at byte \(received)")
                }
                hash.update(data: chunk.data)
                do {
                    try file.write(contentsOf: chunk.data)
                } catch {
                    throw OperatorError(writing: part, error)
                }
                received += UInt64(chunk.data.count)
                progress(Double(received) / Double(max(header.bytes, 1)))
            case nil:
                continue
            }
        }
        guard let header, received == header.bytes else {
            throw OperatorError(.malformed, "the export stream ended after \(received) bytes")
        }
        let digest = hash.finalize().map { String(format: "%02x", $0) }.joined()
        guard digest == header.digest else {
            throw OperatorError(
                .malformed, "the weights have digest \(digest), the coordinator announced \(header.digest)")
        }
        do {
            try file.synchronize()
        } catch {
            throw OperatorError(writing: part, error)
        }
        return ExportedWeights(
            card: header.card,
            digest: digest,
            round: header.hasRound ? Int(header.round) : nil
        )
    }
}
