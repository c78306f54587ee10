internal import Aggregation
internal import Durability
internal import Federation
internal import Foundation
internal import Wire

extension UploadReceiver {
    /// Takes an update that came whole in one message, with the checks of one that streams. Nothing of it is on disk before
    /// it is found good, so there is nothing to resume.
    ///
    /// - Throws: `AdmissionRefusal` when the update is bad for good; ``CoordinatorError`` or `DurabilityError` when it could
    ///   not be stored.
    func receive(whole bytes: Data) async throws -> Result {
        try check(bytes)
        try crash.reached(.afterDigestCheck)
        guard isWanted() else { return .unwanted }
        let (job, task) = (plan.id, update.identity.roundTask)
        do {
            guard plan.packsUpdates else {
                return try await withBlockingWork { try await keepAsFile(bytes) }
            }
            let offset = try await spool.keep(bytes, job: job, task: task) { [crash] in
                try crash.reached(.halfUpload)
            }
            try crash.reached(.afterRename)
            return .complete(packOffset: offset)
        } catch let error as DurabilityError where error.code == .noSpace {
            throw CoordinatorError(.noSpace, DiskGuard.reason, cause: error)
        }
    }

    private func check(_ bytes: Data) throws {
        guard bytes.count <= WireLimits.inlineBytes else {
            throw AdmissionRefusal(
                code: "inline",
                reason: "a session message has an update of \(bytes.count) bytes, at most \(WireLimits.inlineBytes) may"
            )
        }
        guard update.offset == 0, Int64(bytes.count) == update.totalBytes else {
            throw AdmissionRefusal(
                code: "size",
                reason: "a session message has \(bytes.count) bytes of an update, its header says \(update.totalBytes) "
                    + "from \(update.offset) on")
        }
        do {
            var intake = UpdateIntake(plan)
            try intake.check(bytes)
            try intake.finish(update, isWhole: true) { buffer, offset in
                let part = bytes.dropFirst(offset).prefix(buffer.count)
                guard part.count == buffer.count else {
                    throw CoordinatorError(.corrupt, "the update ended before \(offset + buffer.count) bytes")
                }
                buffer.copyBytes(from: part)
            }
        } catch let error as AggregationError {
            throw UpdateAdmission.refusal(error)
        }
    }

    /// In a file of its own, where updates are kept or go one by one.
    private func keepAsFile(_ bytes: Data) async throws -> Result {
        let part = try spool.part(
            job: plan.id, task: update.identity.roundTask, client: client, digest: update.digest)
        defer { part.suspend() }
        do {
            try part.truncate(to: 0)
            for region in bytes.regions { try region.withUnsafeBytes { try part.append($0) } }
            try crash.reached(.halfUpload)
            try await part.commit { try crash.reached(.afterRename) }
            return .complete(packOffset: nil)
        } catch let error as DurabilityError where error.code == .noSpace {
            part.discard()
            throw error
        }
    }
}
