internal import Durability
internal import Foundation
internal import Identity
internal import Synchronization

/// Many sessions of this process with one coordinator.
struct LoadFleet: Sendable {
    /// Connections that are being made at once: so many that neither side waits, so few that each handshake ends in time.
    static let opening = 64

    let federation: LoadFederation
    /// The clients' identities, with keys.
    let materials: [IdentityMaterial]
    /// What each of them does, by index.
    var conduct: @Sendable (Int) -> LoadClient.Conduct = { _ in .echo }
    /// The split of which each of them has examples.
    var split: @Sendable (Int) -> String = { _ in "train" }
    /// What they send.
    var model: EchoModel?
    /// Whether received weights are written to files, as daemons do.
    var writesWeights = false

    /// A fleet whose clients get certificates now.
    init(_ federation: LoadFederation, clients: Int, first: Int = 0) throws {
        self.federation = federation
        materials = try (first..<(first + clients)).map { index in
            try .issued(
                ParticipantIdentity(
                    federation: LoadFederation.name, role: .client, name: String(format: "load-%05d", index)),
                by: federation.authority, validDays: 60)
        }
    }

    /// Opens all sessions, runs `body`, and ends the sessions.
    ///
    /// - Parameter body: gets what the clients record and the seconds that opening took.
    func run<Result: Sendable>(
        _ body: @Sendable @escaping (LoadRecorder, _ opening: Double) async throws -> Result
    ) async throws -> Result {
        // The programs are started already: they raise their own limits.
        OpenFileLimit.raise()
        let recorder = LoadRecorder()
        let places = Places(Self.opening)
        let start = ContinuousClock.now
        return try await withThrowingTaskGroup(of: Result?.self) { group in
            for (index, material) in materials.enumerated() {
                let client = LoadClient(
                    material: material, conduct: conduct(index), split: split(index), model: model,
                    cacheFolder: writesWeights ? "\(federation.folder)/cache-\(index)" : nil, recorder: recorder)
                group.addTask { [port = federation.port] in
                    let place = await places.take()
                    defer { place.giveBack() }
                    try await client.run(port: port) {
                        recorder.sessionOpened()
                        place.giveBack()
                    }
                    throw LoadTestError("the coordinator ended the session of \(material.identity.name)")
                }
            }
            group.addTask {
                try await recorder.wait { $0.sessions == materials.count }
                return try await body(recorder, (ContinuousClock.now - start) / .seconds(1))
            }
            defer { group.cancelAll() }
            while let result = try await group.next() {
                if let result { return result }
            }
            throw CancellationError()
        }
    }
}

/// A number of places for tasks that wait for one.
private final class Places: Sendable {
    /// A place that is given back once, however often that is asked.
    final class Place: Sendable {
        private let places: Places
        private let isTaken = Mutex(true)

        fileprivate init(_ places: Places) { self.places = places }

        func giveBack() {
            let wasTaken = isTaken.withLock { isTaken in
                defer { isTaken = false }
                return isTaken
            }
            if wasTaken { places.free() }
        }
    }

    private struct State {
        var free: Int
        var waiting: [CheckedContinuation<Void, Never>] = []
        var head = 0
    }

    private let state: Mutex<State>

    init(_ count: Int) {
        state = Mutex(State(free: count))
    }

    func take() async -> Place {
        await withCheckedContinuation { continuation in
            let isFree = state.withLock { state in
                if state.free > 0 {
                    state.free -= 1
                    return true
                }
                state.waiting.append(continuation)
                return false
            }
            if isFree { continuation.resume() }
        }
        return Place(self)
    }

    private func free() {
        let next = state.withLock { state -> CheckedContinuation<Void, Never>? in
            guard state.head < state.waiting.count else {
                state.free += 1
                return nil
            }
            state.head += 1
            return state.waiting[state.head - 1]
        }
        next?.resume()
    }
}
