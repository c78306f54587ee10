import Foundation
import Jobs
import Logging
import Synchronization
import TestSupport
import Testing

@testable import Client

@Suite(.enabled(if: ScriptedTrainer.isAvailable, "python3 is not installed"))
struct TrainerProcessTests {
    /// A working folder and a trainer in it that said hello.
    struct Site {
        let folder: TemporaryFolder
        let trainer: TrainerProcess
        let hello: TrainerReply.Hello

        static func with(
            _ mode: String, memory: Int64 = 1 << 30, stall: Duration = .seconds(60), _ body: (Site) async throws -> Void
        ) async throws {
            let folder = try TemporaryFolder()
            for name in ["in", "out", "state", "records"] {
                try FileManager.default.createDirectory(atPath: folder.file(name), withIntermediateDirectories: true)
            }
            try folder.write([1, 2, 3], to: "in/0.safetensors")
            let configuration = try ScriptedTrainer.configuration(mode, in: folder, memory: memory, stall: stall)
            let trainer = try TrainerProcess.start(
                configuration, folder: folder.path, logPath: folder.file("trainer.log"),
                records: folder.file("records"),
                logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
            do {
                let hello = try await trainer.greet(TrainerProcessTests.hello)
                try await body(Site(folder: folder, trainer: trainer, hello: hello))
                await trainer.end(patience: .milliseconds(200))
            } catch {
                await trainer.end(patience: .zero)
                throw error
            }
            #expect(!ProcessTable.members(of: trainer.group).contains { !$0.isZombie })
            #expect(try FileManager.default.contentsOfDirectory(atPath: folder.file("records")).isEmpty)
        }

        func train(onProgress: (@Sendable (TrainerReply.Progress) -> Void)? = nil) async throws -> TaskStatistics {
            try await trainer.train(
                TrainerRequest.Train(
                    round: 0, attempt: 0, weights: "in/0.safetensors", update: "out/0.safetensors", state: "state/",
                    config: [:]),
                onProgress: onProgress)
        }
    }

    static let hello = TrainerRequest.Hello(
        job: "j", client: "c", clientIndex: 1, seed: 8, model: ["name": "softmax"], data: nil)

    private func code(of body: () async throws -> Void) async -> ClientError? {
        do {
            try await body()
            return nil
        } catch {
            return error as? ClientError
        }
    }

    @Test("Hello, progress, training and evaluation")
    func conversation() async throws {
        try await Site.with("ok") { site in
            #expect(site.hello.trainer == "scripted")
            let (fractions, sink) = AsyncStream.makeStream(of: Double.self)
            let statistics = try await site.train { sink.yield($0.fraction) }
            sink.finish()
            #expect(statistics == TaskStatistics(examples: 10, sums: ["loss": 12.5]))
            var seen: [Double] = []
            for await fraction in fractions { seen.append(fraction) }
            #expect(seen == [0.5])
            #expect(try site.folder.read("out/0.safetensors") == [1, 2, 3])
            let counted = try await site.trainer.evaluate(
                TrainerRequest.Evaluate(round: 0, weights: "in/0.safetensors", split: "test", config: [:]))
            #expect(counted.confusion == [[1, 1], [0, 2]])
            #expect(site.trainer.isAlive)
        }
    }

    @Test("A trainer's own failure is an error and the trainer stays")
    func ownFailure() async throws {
        try await Site.with("fails") { site in
            let error = await code { _ = try await site.train() }
            #expect(error?.code == .trainer)
            #expect(error?.message.contains("a label is missing") == true)
            #expect(site.trainer.isAlive)
        }
    }

    @Test("Breaking the contract ends the trainer", arguments: ["flood", "unknown", "garbage"])
    func brokenContract(mode: String) async throws {
        try await Site.with(mode) { site in
            let error = await code { _ = try await site.train() }
            #expect(error?.code == .trainer)
            #expect(error?.description.contains("contract") == true)
            #expect(!site.trainer.isAlive)
        }
    }

    @Test("A trainer that ends is reported with its status and last words")
    func crash() async throws {
        try await Site.with("crash") { site in
            let error = await code { _ = try await site.train() }
            #expect(error?.code == .trainer)
            #expect(error?.message.contains("status 3") == true)
            #expect(error?.description.contains("out of luck") == true)
            let again = await code { _ = try await site.train() }
            #expect(again?.code == .trainer)
        }
    }

    @Test("The last words of a trainer are waited for, however much it said before")
    func lastWords() async throws {
        try await Site.with("last-words") { site in
            let error = await code { _ = try await site.train() }
            #expect(error?.message.contains("status 3") == true)
            #expect(error?.description.contains("out of luck") == true)
        }
    }

    @Test("Without a sign of life the trainer is ended")
    func stalled() async throws {
        try await Site.with("hang", stall: .milliseconds(300)) { site in
            #expect(await code { _ = try await site.train() }?.code == .stalled)
        }
    }

    @Test("Above the memory limit the trainer is ended")
    func memory() async throws {
        try await Site.with("hog", memory: 100 << 20) { site in
            #expect(await code { _ = try await site.train() }?.code == .memory)
            #expect(site.trainer.peakResidentBytes > 100 << 20)
        }
    }

    @Test("Another version of the contract is refused")
    func version() async throws {
        await #expect(throws: ClientError.self) { try await Site.with("newer") { _ in } }
    }

    @Test("Cancelling the task cancels the request, and the trainer stays")
    func cancel() async throws {
        try await Site.with("cancellable") { site in
            let (started, begin) = AsyncStream.makeStream(of: Void.self)
            let work = Task { try await site.train { _ in begin.yield() } }
            for await _ in started { break }
            work.cancel()
            let error = await code { _ = try await work.value }
            #expect(error?.code == .cancelled)
            #expect(site.trainer.isAlive)
        }
    }

    @Test("A cancellation that comes after the answer does not hit the next request")
    func lateCancellation() async throws {
        try await Site.with("ok") { site in
            _ = try await site.train()
            site.trainer.cancel(request: site.trainer.state.withLock { $0.request })
            #expect(try await site.train().examples == 10)
            #expect(site.trainer.isAlive)
        }
    }

    @Test("A trainer that ignores the end of its input is ended")
    func deaf() async throws {
        try await Site.with("deaf") { _ in }
    }

    @Test("What a trainer started goes with it")
    func grandchild() async throws {
        let grandchild = Grandchild()
        try await Site.with("grandchild") { site in
            let text = String(decoding: try site.folder.read("state/grandchild"), as: UTF8.self)
            let process = try #require(pid_t(text))
            #expect(ProcessTable.entry(process)?.group == site.trainer.group)
            await grandchild.set(process)
        }
        let process = await grandchild.process
        try await eventually("the grandchild lives") { ProcessTable.entry(process)?.isZombie ?? true }
    }

    private actor Grandchild {
        var process: pid_t = 0
        func set(_ process: pid_t) { self.process = process }
    }

    @Test("A word to a trainer that is gone never reaches another one")
    func staleInput() async throws {
        try await Site.with("crash") { gone in
            _ = await code { _ = try await gone.train() }
            try await Site.with("ok") { other in
                // The number of the closed pipe may belong to the other trainer by now.
                await gone.trainer.end()
                _ = try await other.train()
                #expect(other.trainer.isAlive)
            }
        }
    }

    @Test("The log of a talkative trainer is bounded")
    func boundedLog() async throws {
        let folder = try TemporaryFolder()
        let log = TrainerLog(
            path: folder.file("log"), logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
        let line = Data((String(repeating: "x", count: 1000) + "\n").utf8)
        for _ in 0..<4000 { log.append(line) }
        log.append(Data(repeating: 0x79, count: 3 << 20))
        log.finish()
        for name in ["log", "log.1"] {
            #expect(try folder.read(name).count <= TrainerLog.maximumBytes)
        }
        #expect(log.tail.hasSuffix("yyy"))
    }

    @Test("A missing program is an error that says where it was looked for")
    func missingProgram() throws {
        #expect(throws: ClientError.self) {
            try TrainerConfiguration(command: ["no-such-trainer-anywhere"]).resolvedCommand(relativeTo: "/")
        }
        #expect(throws: ClientError.self) {
            try TrainerConfiguration(command: ["./nothing"]).resolvedCommand(relativeTo: "/")
        }
        #expect(try TrainerConfiguration(command: ["sh", "-c"]).resolvedCommand(relativeTo: "/")[0].hasSuffix("/sh"))
    }

    @Test("A group that an earlier process left is ended at start, and another process is not")
    func leftovers() async throws {
        let folder = try TemporaryFolder()
        func start() throws -> pid_t {
            try ChildProcess.start(
                ["sleep", "1000"], environment: ProcessInfo.processInfo.environment, streams: .init(), group: .new)
        }
        let (left, other) = (try start(), try start())
        TrainerRecord(folder: folder.path, group: left, members: [left]).write()
        // The same number at another time is another process.
        let entry = try #require(ProcessTable.entry(other))
        let record =
            #"{"boot":"\#(ProcessTable.bootIdentifier)","group":\#(other),"members":"#
            + #"[{"process":\#(other),"startTime":\#(entry.startTime + 1)}]}"#
        try folder.write(Array(record.utf8), to: "\(other).json")
        try folder.write(Array("nonsense".utf8), to: "nonsense.json")
        #expect(TrainerRecord.endLeftovers(in: folder.path) == [left])
        if case .signalled(let number) = ChildProcess.wait(for: left) {
            #expect(number == SIGKILL)
        } else {
            Issue.record("the group was not ended")
        }
        #expect(ProcessTable.entry(other)?.isZombie == false)
        kill(other, SIGKILL)
        _ = ChildProcess.wait(for: other)
        #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path).isEmpty)
    }

    @Test("Processes with odd names are read")
    func processNames() {
        let text = "12 (a) b (c) S 1 77 77 0 -1 4194560 1 0 0 0 1 2 3 4 20 0 1 0 4242 1000 25 184"
        let entry = ProcessTable.parse(Array(text.utf8), 12)
        #expect(entry?.group == 77)
        #expect(entry?.startTime == 4242)
        #expect(entry.map { $0.residentBytes > 25 } == true)
        #expect(ProcessTable.parse(Array("12 (x".utf8), 12) == nil)
    }
}
