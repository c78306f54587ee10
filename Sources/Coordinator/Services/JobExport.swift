internal import Durability
internal import Foundation
internal import GRPCCore
internal import Jobs
internal import SwiftProtobuf
internal import Weights
internal import Wire
internal import WireMessages

/// The weights of one round with their model card: the model's tensors, without the strategy's own (`aux.`).
struct JobExport: Sendable {
    /// The largest card that is sent; beyond it a cross-site matrix loses all metrics but one, and then lineages lose their
    /// oldest rounds.
    static let cardBytes = WireLimits.operatorMessageBytes - (1 << 20)

    let core: CoordinatorCore
    let job: JobRecord
    /// The round; nil for the initial weights.
    let round: Int?
    let digest: String

    /// Finds the weights: "last", "best", "initial" or a round's number; empty means "last".
    ///
    /// - Throws: ``CoordinatorError`` `notFound` when there are none, or not any more.
    init(core: CoordinatorCore, job: JobRecord, round reference: String) async throws {
        self.core = core
        self.job = job
        let number: Int
        switch reference {
        case "last", "": number = job.completedRounds - 1
        case "initial": number = -1
        case "best":
            guard let best = job.bestRound else {
                throw CoordinatorError(
                    .notFound,
                    "job \(job.id) has no best round: no evaluation gave \(job.specification.selectBy.metric) yet")
            }
            number = best
        default:
            guard let given = Int(reference), given >= 0 else {
                throw CoordinatorError(
                    .invalidRequest,
                    "round: found \"\(PeerText.clean(reference))\", expected last, best, initial or a number")
            }
            number = given
        }
        guard number < job.completedRounds else {
            throw CoordinatorError(.notFound, "round \(number) of job \(job.id) is not complete")
        }
        guard let digest = try await core.store.checkpoint(job: job.id, round: number) else {
            throw CoordinatorError(
                .notFound,
                "the weights of round \(number) are not kept (kept: the last 3, the best, and every checkpointEvery)")
        }
        self.digest = digest
        round = number < 0 ? nil : number
    }

    /// Sends the header and the weights.
    func send(_ response: RPCWriter<Tributary_V1_ExportResponse>, pace: WritePace) async throws {
        let watch = StallWatch(limit: core.settings.stall, what: "export of \(job.id)")
        try await watch.watching {
            try await withBlockingWork {
                let blob = try core.blobs.open(digest)
                defer { blob.close() }
                let tensors = try StoredTensors(try core.blobs.open(digest))
                let view = try ModelTensorsView(tensors)
                let file: any OpenFile = view ?? blob
                let header = try await header(tensors, view, of: file)
                try await response.write(.with { $0.header = header })
                try await BlobSender.send(file, from: 0, pace: pace) { _ in
                    watch.moved()
                } write: { chunk in
                    try await response.write(.with { $0.chunk = chunk })
                }
            }
        }
    }

    /// Sends the header alone, for who wants the card.
    func sendCard(_ response: RPCWriter<Tributary_V1_ExportResponse>) async throws {
        let watch = StallWatch(limit: core.settings.stall, what: "card of \(job.id)")
        try await watch.watching {
            try await withBlockingWork {
                let blob = try core.blobs.open(digest)
                defer { blob.close() }
                let tensors = try StoredTensors(try core.blobs.open(digest))
                let view = try ModelTensorsView(tensors)
                let header = try await header(tensors, view, of: view ?? blob)
                try await response.write(.with { $0.header = header })
            }
        }
    }

    private func header(
        _ tensors: StoredTensors, _ view: ModelTensorsView?, of file: any OpenFile
    ) async throws -> Tributary_V1_ExportHeader {
        let digest = try view?.digest() ?? digest
        let bytes = try file.size()
        let card = try await card(view?.schema ?? tensors.schema, digest: digest, bytes: bytes)
        return .with {
            $0.card = card
            $0.digest = digest
            $0.bytes = UInt64(clamping: bytes)
            if let round { $0.round = UInt32(clamping: round) }
        }
    }

    private func card(_ schema: WeightsSchema, digest: String, bytes: Int64) async throws -> Data {
        let lineage = try await core.store.lineage(job: job.id, through: round ?? -1)
        var card = ModelCard(
            federation: core.settings.federation,
            job: ModelCard.Job(
                id: job.id, operator: job.operator, status: job.status, submittedAt: job.submittedAt,
                endedAt: job.endedAt),
            specification: job.specification,
            weights: ModelCard.ExportedWeights(
                digest: digest, bytes: bytes, schema: schema.digest, tensors: schema.tensors.count,
                parameters: schema.elementCount, round: round),
            initialWeights: job.initialDigest, initialTrainer: job.trainer,
            metrics: lineage.last?.evaluation ?? [:], bestRound: job.bestRound, lineage: lineage,
            software: CoordinatorVersion.software)
        card.crossSite = try await core.store.crossSite(of: job)
        card.contributions = try await core.store.contributions(of: job)
        var data = try card.json()
        if data.count > Self.cardBytes, let matrix = card.crossSite {
            card.crossSite = matrix.condensed
            data = try card.json()
        }
        while data.count > Self.cardBytes, !card.lineage.isEmpty {
            card.lineage.removeFirst((card.lineage.count + 1) / 2)
            data = try card.json()
        }
        return data
    }
}
