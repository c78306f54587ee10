internal import Dispatch
internal import Foundation
internal import Synchronization

/// Takes away what load tests started when this process is told to end: the programs, then the folders.
enum Interruption {
    private struct State {
        var federations: [ObjectIdentifier: LoadFederation] = [:]
        var sources: [any DispatchSourceSignal] = []
    }

    private static let state = Mutex(State())

    private static var running: [LoadFederation] { state.withLock { Array($0.federations.values) } }

    static func add(_ federation: LoadFederation) {
        state.withLock { state in
            state.federations[ObjectIdentifier(federation)] = federation
            guard state.sources.isEmpty else { return }
            for number in [SIGINT, SIGTERM, SIGHUP] {
                signal(number, SIG_IGN)
                let source = DispatchSource.makeSignalSource(signal: number, queue: .global())
                source.setEventHandler {
                    for federation in running { federation.closeNow() }
                    exit(128 + number)
                }
                source.resume()
                state.sources.append(source)
            }
        }
    }

    static func remove(_ federation: LoadFederation) {
        state.withLock { _ = $0.federations.removeValue(forKey: ObjectIdentifier(federation)) }
    }
}
