import Durability
import Foundation
import GRPCCore
import Identity
import Jobs
import Logging
import SwiftProtobuf
import Synchronization
import TestSupport
import Testing
import Weights
import Wire
import WireMessages

@testable import Client

/// A site with data, a scripted trainer, and daemons on its state folder, one after the other.
struct TestSite: Sendable {
    let folder: TemporaryFolder
    let coordinator: ScriptedCoordinator
    let weights: Weights
    let blob: Data
    let digest: String

    /// - Parameter heartbeat: by itself so long that no test outlasts the heartbeats without an answer.
    init(heartbeat: UInt32 = 300_000, values: Int = 6) throws {
        folder = try TemporaryFolder()
        coordinator = ScriptedCoordinator(heartbeat: heartbeat)
        weights = try Weights([
            (name: "weight", shape: [values], values: (0..<values).map { Float($0) / 4 }),
            (name: "bias", shape: [2], values: [0.5, -0.5]),
        ])
        blob = Data(Safetensors.encode(weights))
        digest = coordinator.add(blob)
        try FileManager.default.createDirectory(atPath: folder.file("site"), withIntermediateDirectories: true)
        let manifest = """
            {"format": "tributary-site", "version": 1, "dataset": "blobs", "classes": 2,
             "modalities": [{"name": "x", "shape": [3]}],
             "splits": {"train": [{"file": "train-0.safetensors", "examples": 10}],
                        "test": [{"file": "test-0.safetensors", "examples": 4}]}}
            """
        try folder.write(Array(manifest.utf8), to: "site/site.json")
    }

    static let specification = JobSpecification(
        name: "test", model: ["name": "scripted"], data: "blobs", rounds: 5, training: ["epochs": 1])

    func task(
        _ round: UInt32, kind: Tributary_V1_TaskKind = .train, specification: JobSpecification = specification,
        grant: UInt64 = 0
    ) throws -> Tributary_V1_Task {
        let json = try specification.canonicalJSON()
        return .with {
            $0.identity = .with {
                $0.job = "job-1"
                $0.round = round
                $0.kind = kind
            }
            $0.operator = "alice"
            $0.jobName = "test"
            $0.weightsDigest = digest
            $0.weightsBytes = UInt64(blob.count)
            $0.schemaDigest = weights.schema.digest
            $0.specification = json
            $0.fetchGrant = grant
        }
    }

    func daemon(
        _ mode: String = "ok", rules: SiteRules = SiteRules(), identity: IdentityMaterial? = nil,
        crashPoints: CrashPoints = .none
    ) throws -> ClientDaemon {
        let parts = ClientDaemon.Parts(
            client: "site-1", state: folder.file("state"), data: [folder.file("site")],
            trainer: try ScriptedTrainer.configuration(mode, schema: weights.schema.digest, in: folder), rules: rules,
            crashPoints: crashPoints)
        return try ClientDaemon(
            parts, connector: InProcessConnector(service: coordinator, identity: identity),
            backoff: Backoff(first: .milliseconds(1), longest: .milliseconds(20), afterRefusal: .milliseconds(20)),
            logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
    }

    /// Runs a daemon while `body` runs.
    func running(_ daemon: ClientDaemon, _ body: () async throws -> Void) async throws {
        async let run: Void = daemon.run()
        do {
            try await body()
        } catch {
            daemon.shutDown()
            try await run
            throw error
        }
        daemon.shutDown()
        try await run
    }

    /// Trainings so far, by round.
    var trainings: [String] {
        let text = (try? folder.read("state/jobs/job-1/state/calls")).map { String(decoding: $0, as: UTF8.self) } ?? ""
        return text.split(separator: "\n").map(String.init)
    }

    var outboxFiles: Int {
        (try? FileManager.default.contentsOfDirectory(atPath: folder.file("state/outbox")).count) ?? 0
    }

    /// Waits until an upload is complete and the outbox is clear.
    func uploaded(_ count: Int = 1) async throws {
        try await eventually("no upload") { coordinator.state.withLock { $0.uploads.count } >= count }
        try await eventually("the outbox stays full") { outboxFiles == 0 }
    }
}
