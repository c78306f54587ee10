import Durability
import Foundation
import Jobs
import Logging
import Privacy
import Synchronization
import Weights
import Wire
import WireMessages

/// Carries tasks out, one at a time: weights, trainer, result into the outbox.
final class TaskWorker: Sendable {
    let client: String
    let rules: SiteRules
    let threads: Int
    let folder: StateFolder
    let pool: TrainerPool
    let transfers: TransferClient
    let courier: Courier
    let progress: ProgressReporter
    let secure: SecureRounds
    let disk: SiteDisk
    /// Working folders by job, made in this process.
    private let prepared = Mutex([String: String]())

    init(
        client: String, rules: SiteRules, threads: Int, folder: StateFolder, pool: TrainerPool,
        transfers: TransferClient, courier: Courier, progress: ProgressReporter, secure: SecureRounds, disk: SiteDisk
    ) {
        self.client = client
        self.rules = rules
        self.threads = threads
        self.folder = folder
        self.pool = pool
        self.transfers = transfers
        self.courier = courier
        self.progress = progress
        self.secure = secure
        self.disk = disk
    }

    private var crashPoints: CrashPoints { transfers.crashPoints }

    /// Carries a task out.
    ///
    /// - Parameter path: the site folder of the job's data.
    /// - Throws: ``SiteRules/Refusal`` when nothing was trained and nothing will be, ``ClientError`` and errors of the
    ///   disk when it failed, `CancellationError`.
    func perform(_ task: AcceptedTask, data path: String) async throws {
        guard let minutes = rules.minutes else { return try await performUnlimited(task, data: path) }
        try await withThrowingTaskGroup { group in
            group.addTask { try await self.performUnlimited(task, data: path) }
            group.addTask {
                try await Task.sleep(for: .seconds(minutes * 60))
                throw ClientError(.cancelled, "the task took longer than the \(minutes) minutes that this site allows")
            }
            defer { group.cancelAll() }
            try await group.next()
        }
    }

    private func performUnlimited(_ task: AcceptedTask, data path: String) async throws {
        let job = task.identity.job
        let work = try await workingFolder(job)
        try JobProtection(task.specification).hold(in: work)
        let hello = TrainerRequest.Hello(
            job: job, client: client, clientIndex: clientIndex(client), seed: task.specification.seed,
            threads: threads, model: task.specification.model, strategy: task.specification.strategy,
            corruption: task.specification.corruption,
            privacy: task.specification.privacy.isEmpty ? nil : task.specification.privacy,
            data: TrainerRequest.DataFolder(name: task.specification.data, path: path))
        // The first round of a job fetches while the trainer starts.
        async let acquired = pool.acquire(hello, work: work)
        progress.stage("fetching", task.identity)
        let fetched: Result<String, any Error>
        do {
            fetched = .success(
                try await transfers.fetch(task) { [progress] fraction in
                    progress.report(task.identity, "fetching", fraction: fraction, metrics: [:])
                })
        } catch {
            fetched = .failure(error)
        }
        let trainer = try await acquired
        do {
            let cached = try fetched.get()
            guard trainer.hello.schema == task.schemaDigest else {
                throw SiteRules.Refusal(
                    code: "schema",
                    reason: "this site's trainer (\(trainer.hello.trainer)) makes other weights for the model "
                        + "\"\(task.specification.modelName)\" than the job has")
            }
            let weights = "in/\(task.identity.round).safetensors"
            try place(cached, at: "\(work)/\(weights)")
            try crashPoints.reached(.afterFetch)
            switch task.identity.kind {
            case .train: try await train(task, trainer, weights: weights, cached: cached, work: work)
            case .evaluate: try await evaluate(task, trainer, weights: weights)
            }
        } catch {
            await pool.release(job)
            folder.clear(work)
            throw error
        }
        await pool.release(job)
        folder.clear(work)
        if task.weightsBytes >= TransferHeap.largeModel { try await FileWork.run { TransferHeap.trim() } }
    }

    /// The job's working folder; made, and old ones removed, at the first task of a job in this process.
    private func workingFolder(_ job: String) async throws -> String {
        if let known = prepared.withLock({ $0[job] }) { return known }
        let work = try folder.work(job)
        folder.clear(work)
        let removed = folder.removeOldJobs(keeping: await pool.jobs.union([job]))
        prepared.withLock { prepared in
            for old in removed { prepared[old] = nil }
            prepared[job] = work
        }
        return work
    }

    private func train(
        _ task: AcceptedTask, _ trainer: TrainerPool.Ready, weights: String, cached: String, work: String
    ) async throws {
        let (identity, specification) = (task.identity, task.specification)
        let output = "out/\(identity.round).safetensors"
        let request = TrainerRequest.Train(
            round: identity.round, attempt: identity.attempt, weights: weights, update: output, state: "state/",
            config: specification.training)
        let global = try SafetensorsFile(path: cached).schema
        // Where a model has few elements, random sums of its update would tell it whole.
        if !specification.secureAggregation.isEmpty {
            let elements = try specification.updateSchema(for: global).floatCount
            do {
                try specification.checkProjections(elements: elements)
            } catch {
                throw SiteRules.Refusal(code: "secure-aggregation", reason: error.message)
            }
        }
        progress.stage("training", identity)
        let crash = CrashWatch(crashPoints)
        let isWithheld = task.withholdsFigures
        var statistics = try await trainer.process.train(request) { [progress] figures in
            crash.reached()
            progress.report(
                identity, "training", fraction: figures.fraction, metrics: isWithheld ? [:] : figures.metrics)
        }.validated(maximumExamples: specification.limits.maximumExamples)
        try crash.finish()
        if let refusal = rules.refusal(examples: statistics.examples) {
            throw ClientError(.cancelled, refusal.reason)
        }
        if isWithheld { statistics = statistics.withheld }
        if !specification.secureAggregation.isEmpty {
            return try await deliverMasked(
                task, "\(work)/\(output)", global: global, statistics, trainer: trainer.description)
        }
        let figures = statistics
        let schema = try specification.encodedSchema(for: specification.updateSchema(for: global))
        let protection = try UpdateProtection.of(specification, task: identity, folder: folder)
        courier.expect(identity, bytes: Int64(schema.fileBytes))
        do {
            let outbox = transfers.outbox
            let entry = try await FileWork.run {
                let update = try UpdateFile.finish(
                    "\(work)/\(output)", schema: schema, global: global,
                    residuals: ResidualFiles(folder: "\(work)/encoding", round: identity.round),
                    to: outbox.updatePath(identity), protection: protection)
                let entry = OutboxEntry(
                    identity: identity, weightsDigest: task.weightsDigest, statistics: figures,
                    trainer: trainer.description, update: update)
                try outbox.add(entry)
                return entry
            }
            try crashPoints.reached(.afterUpdateWritten)
            courier.deliver(entry)
        } catch {
            courier.expectNoMore(identity)
            throw error
        }
    }

    /// Masks an update and puts it into the outbox; in the clear it stays with the trainer, whose file is removed.
    private func deliverMasked(
        _ task: AcceptedTask, _ output: String, global: WeightsSchema, _ statistics: TaskStatistics,
        trainer: [String: String]
    ) async throws {
        let identity = task.identity
        let plain = try task.specification.updateSchema(for: global)
        let protection = try UpdateProtection.of(task.specification, task: identity, folder: folder)
        let words = try MaskedUpdate.schema(of: plain)
        let masking = try await secure.masking(identity, sizes: words.tensors.map { $0.byteCount / 4 })
        courier.expect(identity, bytes: Int64(Safetensors.canonicalSize(words)))
        do {
            let outbox = transfers.outbox
            // Masks are given out once: where the disk is full only the writing is done anew, with the same words.
            let entry = try await disk.holding(identity, weightsBytes: task.weightsBytes) {
                try await FileWork.run { [folder] in
                    let (update, saturated) = try MaskedFile.finish(
                        output, plain: plain, global: global, masking: masking, protection: protection,
                        distributed: {
                            try DistributedProtection.noise(
                                task.specification, task: identity, folder: folder, file: $0, schema: plain)
                        }, to: outbox.updatePath(identity))
                    var statistics = statistics
                    if !statistics.isWithheld { statistics.sums["saturated"] = Double(saturated) }
                    let entry = OutboxEntry(
                        identity: identity, weightsDigest: task.weightsDigest, statistics: statistics,
                        trainer: trainer, update: update, isMasked: true)
                    try outbox.add(entry)
                    return entry
                }
            }
            try crashPoints.reached(.afterUpdateWritten)
            courier.deliver(entry)
        } catch {
            courier.expectNoMore(identity)
            throw error
        }
    }

    private func evaluate(_ task: AcceptedTask, _ trainer: TrainerPool.Ready, weights: String) async throws {
        let (identity, specification) = (task.identity, task.specification)
        progress.stage("evaluating", identity)
        let request = TrainerRequest.Evaluate(
            round: identity.round, weights: weights, split: specification.evaluation.split, state: "state/",
            config: specification.evaluation.settings)
        let statistics = try await trainer.process.evaluate(request) { [progress] figures in
            progress.report(identity, "evaluating", fraction: figures.fraction, metrics: figures.metrics)
        }.validated(maximumExamples: specification.limits.maximumExamples)
        let entry = OutboxEntry(
            identity: identity, weightsDigest: task.weightsDigest, statistics: statistics,
            trainer: trainer.description, update: nil)
        let outbox = transfers.outbox
        try await FileWork.run { try outbox.add(entry) }
        courier.deliver(entry)
    }

    /// The trainer gets the cached file under another name; a copy where links are not possible.
    private func place(_ cached: String, at path: String) throws {
        unlink(path)
        if link(cached, path) != 0 { try FileManager.default.copyItem(atPath: cached, toPath: path) }
    }

    /// Reaches the crash point in the middle of the training: at the first sign of life, or at the end at the latest.
    private final class CrashWatch: Sendable {
        private let crashPoints: CrashPoints
        private let state = Mutex((isReached: false, error: (any Error)?.none))

        init(_ crashPoints: CrashPoints) {
            self.crashPoints = crashPoints
        }

        func reached() {
            state.withLock { state in
                guard !state.isReached else { return }
                state.isReached = true
                do {
                    try crashPoints.reached(.inTraining)
                } catch {
                    state.error = error
                }
            }
        }

        func finish() throws {
            reached()
            if let error = state.withLock({ $0.error }) { throw error }
        }
    }
}
