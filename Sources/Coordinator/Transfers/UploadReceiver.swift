internal import Aggregation
internal import Durability
internal import Federation
internal import Foundation
internal import GRPCCore
internal import Jobs
internal import Wire
internal import WireMessages

/// Takes one update off the wire into the spool: in principle 3's order up to the synchronised folder. The row and the
/// acknowledgement are the caller's.
struct UploadReceiver: Sendable {
    let spool: Spool
    let board: ActivityBoard
    let crash: CrashPoints
    let update: UpdateDescription
    let client: String
    let plan: JobPlan
    /// Whether the update is still wanted; asked with every chunk.
    let isWanted: @Sendable () -> Bool

    /// What became of the bytes.
    enum Result: Sendable, Hashable {
        /// The update is in the spool for good, durable: under its final name, or in the pack of its round from an offset on.
        case complete(packOffset: Int64?)
        /// It is not wanted any more.
        case unwanted
    }

    /// Takes the chunks.
    ///
    /// - Parameters:
    ///   - moved: called with every chunk.
    ///   - complete: called when all bytes are in the part: what follows waits for the disk and needs no slot.
    /// - Throws: `AdmissionRefusal` when the update is bad for good; ``CoordinatorError`` or `WireError` when the
    ///   transfer is, and may be tried again.
    func receive<Messages: AsyncSequence & Sendable>(
        _ messages: Messages, moved: @Sendable () -> Void, complete: @Sendable () -> Void
    ) async throws -> Result where Messages.Element == Tributary_V1_SubmitUpdateRequest {
        let part = try spool.part(
            job: plan.id, task: update.identity.roundTask, client: client, digest: update.digest)
        defer { part.suspend() }
        do {
            try part.truncate(to: update.offset)
            var state = try UpdateIntake(part, plan: plan)
            var chunks = ChunkSequence(from: update.offset, totalBytes: update.totalBytes)
            board.enter(
                .uploading, task: update.identity, client: client,
                fraction: Double(update.offset) / Double(max(1, update.totalBytes)), bytes: update.offset,
                totalBytes: update.totalBytes)
            if !chunks.isComplete {
                for try await message in messages {
                    guard case .chunk(let chunk)? = message.part else {
                        throw WireError(.outOfOrder, "update: expected a chunk after the header")
                    }
                    let bytes = try chunks.accept(chunk)
                    moved()
                    guard isWanted() else { return .unwanted }
                    try state.check(bytes) { try part.append($0) }
                    board.moved(part.bytes, task: update.identity, client: client)
                    if part.bytes * 2 >= update.totalBytes, !state.isPastHalf {
                        state.isPastHalf = true
                        try crash.reached(.halfUpload)
                    }
                    if chunks.isComplete { break }
                }
            }
            guard chunks.isComplete else {
                throw CoordinatorError(
                    .invalidRequest, "the upload ended after \(chunks.position) of \(update.totalBytes) bytes")
            }
            complete()
            try state.finish(update, isWhole: update.offset == 0) { try part.read(into: $0, at: Int64($1)) }
            try crash.reached(.afterDigestCheck)
            guard isWanted() else { return .unwanted }
            try await part.commit { try crash.reached(.afterRename) }
            return .complete(packOffset: nil)
        } catch let error as AdmissionRefusal {
            part.discard()
            throw error
        } catch let error as CoordinatorError where error.code == .corrupt {
            part.discard()
            throw error
        } catch let error as AggregationError {
            part.discard()
            // Bytes that were here before may have been damaged by a crash: only a whole upload is judged for good.
            guard update.offset == 0 else {
                throw CoordinatorError(.corrupt, "the resumed update is damaged: send it again from its start")
            }
            throw UpdateAdmission.refusal(error)
        } catch let error as DurabilityError where error.code == .noSpace {
            part.discard()
            throw CoordinatorError(.noSpace, DiskGuard.reason, cause: error)
        }
    }
}
