import Durability
import Foundation
import GRPCCore
import Logging
import SwiftProtobuf
import Wire
import WireMessages

/// Moves files between the coordinator and this daemon, each on a slot that the coordinator granted, in blocks of at
/// most 1 MiB, and goes on where an earlier attempt stopped.
struct TransferClient: Sendable {
    /// How often a transfer is tried on sessions that stay up before it counts as failed.
    static let attempts = 5

    let link: SessionLink
    let cache: WeightsCache
    let outbox: Outbox
    let crashPoints: CrashPoints
    let logger: Logger

    // MARK: Weights

    /// The path of the weights of a task in the cache, fetched when they are not there.
    ///
    /// Waits through outages; each session continues where the last one stopped.
    ///
    /// - Parameter onProgress: called with the fraction that is there after each block.
    /// - Throws: ``ClientError`` (`transfer`) when the bytes are wrong or the coordinator refuses, `DurabilityError` from
    ///   the disk, `CancellationError`.
    func fetch(_ task: AcceptedTask, onProgress: @Sendable @escaping (Double) -> Void) async throws -> String {
        if let path = cache.path(task.weightsDigest) {
            link.release(task.fetchGrant)
            return path
        }
        if let weights = task.weights {
            do {
                return try cache.keep(weights, as: task.weightsDigest)
            } catch let error as ClientError {
                logger.warning("the weights that came with the task are not used", metadata: ["reason": "\(error)"])
            }
        }
        var grant = task.fetchGrant
        var failures = 0
        while true {
            let live = try await link.live()
            do {
                if grant == 0 {
                    guard let request = link.request(.fetch, for: task.identity, bytes: task.weightsBytes) else {
                        continue
                    }
                    grant = try await link.grant(request)
                }
                defer { grant = 0 }
                return try await fetch(task, grant: grant, live: live, onProgress: onProgress)
            } catch let error as RPCError {
                grant = 0
                try await pause(after: error, &failures, "the weights cannot be fetched")
            } catch let error as RuntimeError {
                // The session's connection closed between two steps.
                let lost = RPCError(code: .unavailable, message: error.message)
                try await pause(after: lost, &failures, "the weights cannot be fetched")
            } catch let error as ClientError where error.code == .transfer && failures == 0 {
                // A partial file of a lost machine: once more from the start.
                failures += 1
                logger.warning("fetching again", metadata: ["reason": "\(error.message)"])
            }
        }
    }

    private func fetch(
        _ task: AcceptedTask, grant: UInt64, live: SessionLink.Live, onProgress: @Sendable @escaping (Double) -> Void
    ) async throws -> String {
        let reception = try cache.receive(task.weightsDigest, bytes: task.weightsBytes)
        var request = Tributary_V1_FetchWeightsRequest()
        request.grant = grant
        request.identity = task.identity.message
        request.digest = task.weightsDigest
        request.offset = UInt64(reception.offset)
        let complete = try await live.client.fetchWeights(request, options: Self.options) { response in
            var reception = reception
            var chunks = ChunkSequence(from: reception.offset, totalBytes: reception.totalBytes)
            for try await chunk in response.messages {
                try reception.append(try chunks.accept(chunk))
                onProgress(Double(reception.offset) / Double(max(1, reception.totalBytes)))
            }
            return reception
        }
        guard complete.offset == complete.totalBytes else {
            throw RPCError(code: .unavailable, message: "the stream of the weights ended early")
        }
        return try cache.finish(complete)
    }

    // MARK: Updates

    /// Uploads the update of an entry and returns the coordinator's final word.
    ///
    /// - Parameters:
    ///   - request: a slot that was asked for already; nil to ask now.
    ///   - mayBePartial: whether an earlier attempt may have left bytes there, or an answer.
    /// - Throws: `RPCError` when it has to be tried again, `DurabilityError` from the disk.
    func upload(
        _ entry: OutboxEntry, _ update: OutboxEntry.Update, on live: SessionLink.Live, request: SessionLink.Request?,
        mayBePartial: Bool, onProgress: @Sendable @escaping (Double) -> Void
    ) async throws -> Tributary_V1_UpdateReceipt {
        var offset: Int64 = 0
        if mayBePartial {
            var question = Tributary_V1_ResumePointRequest()
            question.identity = entry.identity.message
            question.digest = update.digest
            let answer = try await live.client.resumePoint(question, options: Self.options)
            if answer.hasReceipt {
                if let request { link.abandon(request) }
                return answer.receipt
            }
            offset = Int64(exactly: answer.offset).map { $0 <= update.bytes ? $0 : 0 } ?? 0
        }
        let description = UpdateDescription(
            grant: 0, identity: entry.identity, digest: update.digest, totalBytes: update.bytes, offset: offset,
            weightsDigest: entry.weightsDigest, statistics: entry.statistics, trainer: entry.trainer)
        if !mayBePartial, let message = try inlineUpdate(entry, update, description, on: live) {
            if let request { link.abandon(request) }
            return try await link.submit(message, on: live)
        }
        guard let request = request ?? link.request(.upload, for: entry.identity, bytes: update.bytes - offset) else {
            throw SessionLink.lost
        }
        var header = description.message
        header.grant = try await link.grant(request)
        let file = try outbox.openUpdate(entry)
        defer { file.close() }
        let (start, first) = (offset, header)
        let crashPoints = crashPoints
        return try await live.client.submitUpdate(
            request: StreamingClientRequest { writer in
                var message = Tributary_V1_SubmitUpdateRequest()
                message.header = first
                // The call's own result tells why the coordinator stopped reading.
                guard (try? await writer.write(message)) != nil else { return }
                // Two blocks at least, so that a small update too is half sent for a moment.
                let half = (update.bytes + 1) / 2
                let block = max(1, min(Int64(WireLimits.sentChunkBytes), half))
                var position = start
                while position < update.bytes {
                    let count = Int(min(block, update.bytes - position))
                    message.chunk.offset = UInt64(position)
                    message.chunk.data = try ChunkData.filled(count: count) { buffer in
                        let got = try file.read(into: buffer, at: position)
                        guard got == count else {
                            throw ClientError(.disk, "\(file.path) ended after \(position + Int64(got)) bytes")
                        }
                    }
                    guard (try? await writer.write(message)) != nil else { return }
                    let before = position
                    position += Int64(count)
                    if before < half && position >= half { try crashPoints.reached(.halfClientUpload) }
                    onProgress(Double(position) / Double(update.bytes))
                }
            }, options: Self.options)
    }

    /// Whether an update of so many bytes will go in a session message, as far as that is known.
    func isInline(_ bytes: Int64) -> Bool { link.takesInline && InlineTransfer.fits(bytes) }

    /// The session message with a small update; nil for one that needs a call.
    private func inlineUpdate(
        _ entry: OutboxEntry, _ update: OutboxEntry.Update, _ description: UpdateDescription, on live: SessionLink.Live
    ) throws -> Tributary_V1_InlineUpdate? {
        guard live.takesInline, InlineTransfer.fits(update.bytes) else { return nil }
        var message = Tributary_V1_InlineUpdate()
        message.header = description.message
        // A large confusion matrix would hold up the session's other messages.
        guard try message.serializedData().count <= WireLimits.inlineBytes else { return nil }
        let file = try outbox.openUpdate(entry)
        defer { file.close() }
        message.data = Data(try file.read(at: 0, count: Int(update.bytes)))
        try crashPoints.reached(.halfClientUpload)
        return message
    }

    // MARK: Trying again

    private static let options: CallOptions = {
        var options = TransportSettings.callOptions()
        options.waitForReady = false
        return options
    }()

    /// Waits until it makes sense to try again.
    ///
    /// - Throws: ``ClientError`` (`transfer`) after ``attempts`` failures on a session that stays.
    private func pause(
        after error: RPCError, _ failures: inout Int, _ what: String
    ) async throws {
        try Task.checkCancellation()
        if error.code == .unavailable || error.code == .cancelled {
            // The connection: the session notices too, or this one is fit again.
            try await Task.sleep(for: .milliseconds(100))
            return
        }
        failures += 1
        guard failures < Self.attempts else {
            throw ClientError(
                .transfer, "\(what): \(PeerText.clean(error.message)) (\(error.code))", cause: error.cause)
        }
        logger.info("\(what), trying again", metadata: ["reason": "\(PeerText.clean(error.message))"])
        try await Task.sleep(for: .milliseconds(50 << failures))
    }
}
