import Foundation
import Jobs
import Synchronization
import Testing
import Training

/// The status the service wanted to end the process with.
private final class ExitStatus: Sendable {
    private let status = Mutex<Int32?>(nil)

    /// The first status counts, as for a process.
    func set(_ value: Int32) { status.withLock { $0 = $0 ?? value } }

    var value: Int32? { status.withLock { $0 } }
}

/// A trainer service on a thread of its own, with pipes at both ends.
private final class RunningTrainer: Sendable {
    private let requests = Pipe()
    private let replies = Pipe()
    private let ended = DispatchSemaphore(value: 0)
    private let status = ExitStatus()
    private let lines = Mutex((buffer: TrainerLineBuffer(), ready: [Data]()))

    init(_ session: @escaping @Sendable (TrainerRequest.Hello) throws -> any TrainerSession) {
        let service = TrainerService(
            input: Self.lasting(requests.fileHandleForReading), output: Self.lasting(replies.fileHandleForWriting),
            exitProcess: { [status] in status.set($0) })
        Thread { [self] in
            _ = service.run(session)
            ended.signal()
        }.start()
    }

    /// A descriptor of the service's own, which is never closed, as in a trainer process. Where the process does not end
    /// with the service, its input thread still reads after the test is over; closed, the number would by then be another
    /// test's, whose bytes that thread would take. The thread ends with the pipe's other end.
    private static func lasting(_ handle: FileHandle) -> Int32 {
        fcntl(handle.fileDescriptor, F_DUPFD_CLOEXEC, 0)
    }

    func send(_ text: String) throws {
        try requests.fileHandleForWriting.write(contentsOf: Data((text + "\n").utf8))
    }

    func send(_ request: TrainerRequest) throws {
        try requests.fileHandleForWriting.write(contentsOf: TrainerLine.encode(request))
    }

    func closeInput() throws { try requests.fileHandleForWriting.close() }

    func receive() throws -> TrainerReply {
        while true {
            if let line = lines.withLock({ $0.ready.isEmpty ? nil : $0.ready.removeFirst() }) {
                return try TrainerLine.decodeReply(line)
            }
            let data = replies.fileHandleForReading.availableData
            try #require(!data.isEmpty)
            try lines.withLock { $0.ready += try $0.buffer.append(data) }
        }
    }

    func receiveFailure() throws -> TrainerReply.Failed {
        let reply = try receive()
        guard case .failed(let failure) = reply else {
            Issue.record("expected a failure, got \(reply)")
            return .init(code: "", reason: "")
        }
        return failure
    }

    func exitStatus() -> Int32? {
        ended.wait()
        return status.value
    }
}

/// Trains until it is told to stop, so that tests never depend on time.
private final class EndlessSession: TrainerSession {
    let greeting = TrainerReply.Hello(trainer: "endless", threads: 1, libraries: [:], schema: "0")

    func initialise(_ request: TrainerRequest.Initialise) throws {
        throw TrainingError(.output, "no place for \(request.output)")
    }

    func train(_ request: TrainerRequest.Train, _ monitor: TrainerMonitor) throws -> TaskStatistics {
        while true { try monitor.update(fraction: 0.5, metrics: ["loss": 1]) }
    }

    func evaluate(_ request: TrainerRequest.Evaluate, _ monitor: TrainerMonitor) throws -> TaskStatistics {
        TaskStatistics(examples: request.round, sums: ["loss": 0.5], confusion: [[1]])
    }
}

@Suite(.timeLimit(.minutes(10))) struct TrainerServiceTests {
    private let hello = TrainerRequest.hello(Fixtures.hello(["name": "x"]))
    private let train = TrainerRequest.train(
        .init(round: 0, attempt: 0, weights: "w", update: "u", state: "s", config: [:]))
    private let evaluate = TrainerRequest.evaluate(.init(round: 5, weights: "w", split: "test", config: [:]))

    private func start() throws -> RunningTrainer {
        let trainer = RunningTrainer { _ in EndlessSession() }
        try trainer.send(hello)
        guard case .hello(let greeting) = try trainer.receive() else {
            Issue.record("expected hello")
            return trainer
        }
        #expect(greeting.trainer == "endless")
        return trainer
    }

    @Test func answersInOrder() throws {
        let trainer = try start()
        try trainer.send(evaluate)
        #expect(
            try trainer.receive()
                == .done(.init(statistics: TaskStatistics(examples: 5, sums: ["loss": 0.5], confusion: [[1]]))))
        try trainer.send(.initialise(.init(output: "there")))
        let failure = try trainer.receiveFailure()
        #expect(failure == .init(code: "output", reason: "no place for there"))
        try trainer.send(evaluate)
        _ = try trainer.receive()
        try trainer.send(.bye)
        #expect(trainer.exitStatus() == 0)
    }

    @Test func cancelEndsTheRequestAndNothingElse() throws {
        let trainer = try start()
        try trainer.send(.cancel)
        try trainer.send(train)
        #expect(try trainer.receive() == .progress(.init(fraction: 0.5, metrics: ["loss": 1])))
        try trainer.send(.cancel)
        var reply = try trainer.receive()
        while case .progress = reply { reply = try trainer.receive() }
        guard case .failed(let failure) = reply else {
            Issue.record("expected a failure, got \(reply)")
            return
        }
        #expect(failure.code == "cancelled")
        try trainer.send(evaluate)
        _ = try trainer.receive()
        try trainer.closeInput()
        #expect(trainer.exitStatus() == 0)
    }

    @Test(arguments: [true, false])
    func byeAndEndOfInputEndItInTheMiddleOfWork(isBye: Bool) throws {
        let trainer = try start()
        try trainer.send(train)
        _ = try trainer.receive()
        if isBye { try trainer.send(.bye) } else { try trainer.closeInput() }
        #expect(trainer.exitStatus() == 0)
    }

    @Test(arguments: [
        "{\"type\":\"dance\"}", "not JSON", "{}", "[]", "{\"type\":\"train\"}",
        String(repeating: " ", count: (1 << 20) + 1),
    ])
    func linesOutsideTheContractEndIt(line: String) throws {
        let trainer = try start()
        try trainer.send(line)
        #expect(try trainer.receiveFailure().code == "message")
        #expect(trainer.exitStatus() == 2)
    }

    @Test func requestsOutOfOrderEndIt() throws {
        let early = RunningTrainer { _ in EndlessSession() }
        try early.send(evaluate)
        #expect(try early.receiveFailure().reason.contains("before hello"))
        #expect(early.exitStatus() == 2)

        let twice = try start()
        try twice.send(hello)
        #expect(try twice.receiveFailure().reason.contains("second hello"))
        #expect(twice.exitStatus() == 2)

        let busy = try start()
        try busy.send(train)
        _ = try busy.receive()
        try busy.send(evaluate)
        var reply = try busy.receive()
        while case .progress = reply { reply = try busy.receive() }
        guard case .failed(let failure) = reply else {
            Issue.record("expected a failure, got \(reply)")
            return
        }
        #expect(failure.code == "message")
        #expect(busy.exitStatus() == 2)
    }

    @Test func anotherVersionIsRefused() throws {
        let trainer = RunningTrainer { _ in EndlessSession() }
        var body = Fixtures.hello(["name": "x"])
        body.version = 2
        try trainer.send(.hello(body))
        #expect(try trainer.receiveFailure().reason.contains("version 2"))
        #expect(trainer.exitStatus() == 2)
    }

    @Test func aModelThatCannotBeMadeIsAnAnswer() throws {
        let trainer = RunningTrainer { try TrainerSessions.make($0) }
        try trainer.send(.hello(Fixtures.hello(["name": "ecco"])))
        let failure = try trainer.receiveFailure()
        #expect(failure.code == "model")
        #expect(failure.reason.contains("did you mean 'echo'?"))
        // The daemon may try again.
        try trainer.send(.hello(Fixtures.hello(["name": "echo"])))
        guard case .hello = try trainer.receive() else {
            Issue.record("expected hello")
            return
        }
        try trainer.send(.bye)
        #expect(trainer.exitStatus() == 0)
    }
}
