import Durability
import Foundation
import Synchronization
import TestSupport
import Testing

@Suite("Crash points and locks")
struct CrashPointTests {
    struct Crash: Error {}

    @Test("the N-th time only", arguments: [("halfFold", 1), ("halfFold@1", 1), ("halfFold@3", 3)])
    func occurrence(text: String, expected: Int) throws {
        let points = try CrashPoints.parsing(text) { _ in throw Crash() }
        for attempt in 1...5 {
            try points.reached(.afterRename)
            if attempt == expected {
                #expect(throws: Crash.self) { try points.reached(.halfFold) }
            } else {
                try points.reached(.halfFold)
            }
        }
    }

    @Test(
        "values that make no sense are errors", arguments: ["nowhere", "halfFold@0", "halfFold@x", "halfFold@", "@2"])
    func nonsense(text: String) {
        expect(.invalidArgument) { _ = try CrashPoints.parsing(text) { _ in } }
    }

    @Test("nothing happens without a point")
    func none() throws {
        for point in CrashPoint.coordinator + CrashPoint.client + CrashPoint.secureAggregation {
            try CrashPoints.none.reached(point)
            try CrashPoints.parsing("") { _ in throw Crash() }.reached(point)
        }
        #expect(Set(CrashPoint.coordinator + CrashPoint.client + CrashPoint.secureAggregation).count == 17)
    }

    @Test("a handler sees every point")
    func handler() throws {
        let seen = Mutex<[CrashPoint]>([])
        let points = CrashPoints { point in seen.withLock { $0.append(point) } }
        try points.reached(.afterFetch)
        try points.reached(.inTraining)
        #expect(seen.withLock { $0 } == [.afterFetch, .inTraining])
    }

    @Test("the environment ends the process with SIGKILL")
    func environment() async {
        await #expect(processExitsWith: .signal(SIGKILL)) {
            setenv("TRIBUTARY_CRASH_POINT", "afterBlobRename@2", 1)
            try CrashPoints.fromEnvironment.reached(.afterBlobRename)
            try CrashPoints.fromEnvironment.reached(.afterRoundCommit)
            try CrashPoints.fromEnvironment.reached(.afterBlobRename)
        }
        await #expect(processExitsWith: .success) {
            unsetenv("TRIBUTARY_CRASH_POINT")
            for point in CrashPoint.coordinator { try CrashPoints.fromEnvironment.reached(point) }
            exit(0)
        }
    }

    @Test("a second daemon is refused and told who holds the lock")
    func lock() throws {
        let folder = try TemporaryFolder()
        let first = try InstanceLock(path: folder.file("lock"))
        #expect {
            _ = try InstanceLock(path: folder.file("lock"))
        } throws: { error in
            guard let error = error as? DurabilityError else { return false }
            return error.code == .locked && error.message.contains("process \(getpid())")
        }
        first.release()
        first.release()
        let second = try InstanceLock(path: folder.file("lock"))
        #expect(String(decoding: try folder.read("lock"), as: UTF8.self) == "\(getpid())\n")
        second.release()
    }

    @Test("one who holds the lock for a moment, as a check does, is waited for")
    func momentaryLock() throws {
        let folder = try TemporaryFolder()
        let first = try InstanceLock(path: folder.file("lock"))
        Thread {
            usleep(50_000)
            first.release()
        }.start()
        try InstanceLock(path: folder.file("lock"), patience: .seconds(600)).release()
    }
}
