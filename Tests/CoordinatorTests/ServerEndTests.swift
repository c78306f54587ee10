import Synchronization
import Testing

@testable import Coordinator

@Suite struct ServerEndTests {
    @Test("A server that is to end before it listens ends when it does, and not before")
    func early() {
        let ends = Mutex(0)
        let end = ServerEnd { ends.withLock { $0 += 1 } }
        end.request()
        #expect(ends.withLock { $0 } == 0)
        #expect(end.began())
        #expect(ends.withLock { $0 } == 1)
    }

    @Test("A server that listens is ended at once")
    func late() {
        let ends = Mutex(0)
        let end = ServerEnd { ends.withLock { $0 += 1 } }
        #expect(!end.began())
        end.request()
        #expect(ends.withLock { $0 } == 1)
    }
}
