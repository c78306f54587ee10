import Dispatch
import Foundation
public import Jobs
import Synchronization

extension TrainerProcess {
    /// Says hello and checks the answer.
    ///
    /// - Throws: ``ClientError`` when the trainer ends, breaks the contract or speaks another version.
    public func greet(_ hello: TrainerRequest.Hello) async throws -> TrainerReply.Hello {
        switch try await exchange(.hello(hello), onProgress: nil) {
        case .hello(let answer):
            guard answer.version == TrainerRequest.version else {
                let error = ClientError(
                    .trainer,
                    "the trainer speaks version \(answer.version) of the contract, expected \(TrainerRequest.version)")
                fail(error)
                throw error
            }
            state.withLock { $0.saidHello = true }
            return answer
        case .failed(let failed):
            throw ClientError(.trainer, "the trainer refuses the job (\(failed.code)): \(failed.reason)")
        case .done, .progress:
            throw broken("expected hello as the first answer")
        }
    }

    /// Draws initial weights and writes them to `output`, relative to the working folder.
    public func initialise(output: String) async throws {
        _ = try await done(.initialise(TrainerRequest.Initialise(output: output)), onProgress: nil)
    }

    /// Trains; returns what was counted.
    ///
    /// Cancelling the task sends `cancel`; a trainer that does not answer it in ``patience`` is ended.
    public func train(
        _ request: TrainerRequest.Train, onProgress: (@Sendable (TrainerReply.Progress) -> Void)? = nil
    ) async throws -> TaskStatistics {
        try await counted(.train(request), onProgress: onProgress)
    }

    /// Evaluates; returns what was counted. Cancellation is as in ``train(_:onProgress:)``.
    public func evaluate(
        _ request: TrainerRequest.Evaluate, onProgress: (@Sendable (TrainerReply.Progress) -> Void)? = nil
    ) async throws -> TaskStatistics {
        try await counted(.evaluate(request), onProgress: onProgress)
    }

    private func counted(
        _ request: TrainerRequest, onProgress: (@Sendable (TrainerReply.Progress) -> Void)?
    ) async throws -> TaskStatistics {
        guard let statistics = try await done(request, onProgress: onProgress).statistics else {
            throw broken("`done` without `examples`")
        }
        return statistics
    }

    private func done(
        _ request: TrainerRequest, onProgress: (@Sendable (TrainerReply.Progress) -> Void)?
    ) async throws -> TrainerReply.Done {
        switch try await exchange(request, onProgress: onProgress) {
        case .done(let done):
            return done
        case .failed(let failed):
            let code: ClientError.Code = failed.code == "cancelled" ? .cancelled : .trainer
            throw ClientError(code, "the trainer failed (\(failed.code)): \(failed.reason)")
        case .hello, .progress:
            throw broken("expected done or failed")
        }
    }

    private func broken(_ what: String) -> ClientError {
        let error = ClientError(.trainer, "the trainer broke the contract: \(what)")
        fail(error)
        return error
    }

    private func exchange(
        _ request: TrainerRequest, onProgress: (@Sendable (TrainerReply.Progress) -> Void)?
    ) async throws -> TrainerReply {
        let line = try TrainerLine.encode(request)
        let number = state.withLock { state in
            state.request += 1
            // A cancellation that came too late for the request before is not meant for this one.
            state.isCancelled = false
            return state.request
        }
        return try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { continuation in
                let refusal: (any Error)? = state.withLock { state in
                    if let failure = state.failure { return failure }
                    if let ending = state.ending { return unexpected(ending) }
                    if state.waiting != nil { return ClientError(.trainer, "the trainer is busy with another request") }
                    if state.isCancelled && state.request == number {
                        state.isCancelled = false
                        return ClientError(.cancelled, "given up before it began")
                    }
                    state.waiting = continuation
                    state.onProgress = onProgress
                    state.lastSign = .now
                    // Queued under the lock: its `cancel` must not overtake it.
                    send(line)
                    return nil
                }
                if let refusal { continuation.resume(throwing: refusal) }
            }
        } onCancel: {
            cancel(request: number)
        }
    }

    /// Cancels a request that runs or is about to; nothing happens when it has its answer and another one followed.
    func cancel(request number: Int) {
        let line = try? TrainerLine.encode(TrainerRequest.cancel)
        let isRunning = state.withLock { state in
            guard state.request == number else { return false }
            state.isCancelled = state.waiting == nil
            guard state.waiting != nil else { return false }
            // Queued under the lock: it must not reach the trainer after the next request.
            if let line { send(line) }
            return true
        }
        guard isRunning else { return }
        DispatchQueue.global().asyncAfter(deadline: .now() + Self.patience.seconds) {
            let isStillRunning = self.state.withLock { $0.request == number && $0.waiting != nil }
            if isStillRunning {
                self.fail(ClientError(.cancelled, "the trainer did not give the task up in time"))
            }
        }
    }

    /// On the reader's thread: takes the next bytes of the child's output. Returns whether more is wanted.
    func receive(_ bytes: Data) -> Bool {
        do {
            for line in try state.withLock({ try $0.lines.append(bytes) }) {
                try take(TrainerLine.decodeReply(line))
            }
            return true
        } catch let error as ClientError {
            fail(error)
        } catch {
            fail(ClientError(.trainer, "the trainer broke the contract", cause: error))
        }
        return false
    }

    private func take(_ reply: TrainerReply) throws {
        let (waiting, onProgress) = state.withLock { state in
            state.lastSign = .now
            if case .progress = reply {
                return (
                    CheckedContinuation<TrainerReply, any Error>?.none, state.waiting == nil ? nil : state.onProgress
                )
            }
            defer {
                state.waiting = nil
                state.onProgress = nil
            }
            return (state.waiting, nil)
        }
        switch reply {
        case .progress(let progress):
            onProgress?(progress)
        case .hello, .done, .failed:
            guard let waiting else {
                throw ClientError(.trainer, "the trainer broke the contract: an answer that nobody asked for")
            }
            waiting.resume(returning: reply)
        }
    }

    /// On the monitor's queue: holds the child to its limits.
    func inspect() {
        let (isScanDue, silence, limit): (Bool, Duration?, Duration) = state.withLock { state in
            // Before the hello there is no way to show progress, and the data are loaded.
            let limit = state.saidHello ? configuration.stall : max(configuration.stall, Self.startLimit)
            return (ContinuousClock.now >= state.nextScan, state.waiting == nil ? nil : .now - state.lastSign, limit)
        }
        let resident = isScanDue ? residentBytes() : 0
        if resident > configuration.memory {
            fail(
                ClientError(
                    .memory,
                    "the trainer holds \(resident >> 20) MiB, the site allows \(configuration.memory >> 20) MiB"))
        } else if let silence, silence > limit {
            fail(
                ClientError(
                    .stalled,
                    "no sign of life from the trainer for \(silence.roundedSeconds) s, the site allows "
                        + "\(limit.roundedSeconds) s"))
        }
    }
    /// Walks all processes of the machine; never more than about 2 % of one core goes into it.
    private func residentBytes() -> Int64 {
        let begin = ContinuousClock.now
        let resident = ProcessTable.members(of: group).reduce(0) { $0 + $1.residentBytes }
        let end = ContinuousClock.now
        state.withLock { state in
            state.peakResident = max(state.peakResident, resident)
            state.nextScan = end + (end - begin) * 50
        }
        return resident
    }
}
