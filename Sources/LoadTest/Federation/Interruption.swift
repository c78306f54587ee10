internal import Dispatch
internal import Foundation
internal import Synchronization

/// Takes away what load tests started when this process is told to end: the programs, then the folders.
enum Interruption {
    private struct State {
        var programs: [ObjectIdentifier: ChildProgram] = [:]
        var folders: Set<String> = []
        var sources: [any DispatchSourceSignal] = []
        var isRaised = false
    }

    private static let state = Mutex(State())

    /// Starts a program, which is ended with this process. Once that was told to end nothing is started.
    static func start(_ make: () throws -> ChildProgram) throws -> ChildProgram {
        try state.withLock { state in
            guard !state.isRaised else { throw LoadTestError("interrupted") }
            let program = try make()
            state.programs[ObjectIdentifier(program)] = program
            return program
        }
    }

    /// Remembers a folder, before it is made, that is removed with this process.
    static func add(folder: String) {
        state.withLock { state in
            state.folders.insert(folder)
            guard state.sources.isEmpty else { return }
            for number in [SIGINT, SIGTERM, SIGHUP] {
                signal(number, SIG_IGN)
                let source = DispatchSource.makeSignalSource(signal: number, queue: .global())
                source.setEventHandler { end(128 + number) }
                // Until the source is in place, which is not when `resume` returns, a signal would be lost.
                let inPlace = DispatchSemaphore(value: 0)
                source.setRegistrationHandler { inPlace.signal() }
                source.resume()
                inPlace.wait()
                state.sources.append(source)
            }
        }
    }

    /// What was ended and removed by others.
    static func remove(_ programs: [ChildProgram], folder: String) {
        state.withLock { state in
            for program in programs { state.programs[ObjectIdentifier(program)] = nil }
            state.folders.remove(folder)
        }
    }

    /// Returns unless this process was told to end: what fails then fails for that reason, and the process is about to end.
    static func giveWay() async {
        while state.withLock({ $0.isRaised }) { try? await Task.sleep(for: .seconds(1)) }
    }

    private static func end(_ status: Int32) {
        let (programs, folders) = state.withLock { state in
            state.isRaised = true
            return (Array(state.programs.values), state.folders)
        }
        for program in programs { program.signal(SIGTERM) }
        for program in programs { program.wait() }
        for folder in folders { try? FileManager.default.removeItem(atPath: folder) }
        exit(status)
    }
}
