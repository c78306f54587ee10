import Foundation
import Jobs
import Logging

/// The trainers that are alive, one for each job, so that a round does not pay for starting one.
actor TrainerPool {
    /// A trainer that answered the hello.
    struct Ready: Sendable {
        var process: TrainerProcess
        var hello: TrainerReply.Hello

        /// What the lineage records.
        var description: [String: String] {
            var map = Dictionary(
                hello.libraries.sorted { $0.key < $1.key }.prefix(64).map { ($0.key, $0.value) },
                uniquingKeysWith: { first, _ in first })
            map["trainer"] = hello.trainer
            map["threads"] = String(hello.threads)
            return map
        }
    }

    private struct Entry {
        var ready: Ready
        var isBusy: Bool
        var lastUse: ContinuousClock.Instant
    }

    /// How long a trainer without work stays alive.
    static let idleLimit: Duration = .seconds(600)

    private let configuration: TrainerConfiguration
    private let limit: Int
    private let folder: StateFolder
    private let logger: Logger
    private var entries: [String: Entry] = [:]

    init(configuration: TrainerConfiguration, limit: Int, folder: StateFolder, logger: Logger) {
        self.configuration = configuration
        self.limit = max(1, limit)
        self.folder = folder
        self.logger = logger
    }

    /// The trainer of a job; started when there is none that lives. Give it back with ``release(_:)``.
    ///
    /// - Parameters:
    ///   - hello: the hello of the job.
    ///   - work: the job's working folder.
    func acquire(_ hello: TrainerRequest.Hello, work: String) async throws -> Ready {
        let job = hello.job
        if let entry = entries[job], entry.ready.process.isAlive {
            entries[job]?.isBusy = true
            return entry.ready
        }
        if let dead = entries.removeValue(forKey: job) { await dead.ready.process.end() }
        // Room first: two trainers at the limit of memory may be more than the machine has.
        while entries.count >= limit,
            let oldest = entries.filter({ !$0.value.isBusy }).min(by: { $0.value.lastUse < $1.value.lastUse })
        {
            entries[oldest.key] = nil
            await oldest.value.ready.process.end()
        }
        let process = try TrainerProcess.start(
            configuration, folder: work, logPath: "\(work)/trainer.log", records: folder.trainers, logger: logger)
        do {
            let answer = try await process.greet(hello)
            logger.info(
                "trainer started",
                metadata: [
                    "job": "\(job)", "trainer": "\(answer.trainer)", "process": "\(process.processIdentifier)",
                    "libraries": "\(answer.libraries.sorted { $0.key < $1.key }.map { "\($0.key) \($0.value)" })",
                ])
            let ready = Ready(process: process, hello: answer)
            entries[job] = Entry(ready: ready, isBusy: true, lastUse: .now)
            return ready
        } catch {
            await process.end(patience: .zero)
            throw error
        }
    }

    /// The task is over; the trainer waits for the next.
    func release(_ job: String) {
        entries[job]?.isBusy = false
        entries[job]?.lastUse = .now
    }

    /// The jobs whose trainers live.
    var jobs: Set<String> { Set(entries.keys) }

    /// Ends trainers that had no work for long; forever, until the task is cancelled.
    func endIdleOnes() async {
        while !Task.isCancelled {
            try? await Task.sleep(for: Self.idleLimit / 10)
            for (job, entry) in entries where !entry.isBusy && ContinuousClock.now - entry.lastUse > Self.idleLimit {
                entries[job] = nil
                await entry.ready.process.end()
            }
        }
    }

    /// Ends all trainers.
    func endAll(patience: Duration = .seconds(2)) async {
        let processes = entries.values.map(\.ready.process)
        entries = [:]
        await withTaskGroup { group in
            for process in processes { group.addTask { await process.end(patience: patience) } }
        }
    }
}
