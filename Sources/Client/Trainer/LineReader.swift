import Foundation

/// Reads a pipe on a thread of its own, so that no blocking read ever sits on the cooperative pool.
enum LineReader {
    /// Reads until the end of the pipe and closes it.
    ///
    /// - Parameters:
    ///   - descriptor: the reading end; the thread owns it.
    ///   - name: the thread's name.
    ///   - onBytes: called on the thread with each piece; false stops handing over, and the rest is read and dropped so
    ///     that the writer does not block.
    ///   - onEnd: called once, last.
    static func start(
        _ descriptor: CInt, name: String, onBytes: @escaping @Sendable (Data) -> Bool,
        onEnd: @escaping @Sendable () -> Void
    ) {
        let thread = Thread {
            var buffer = [UInt8](repeating: 0, count: 32 << 10)
            var isWanted = true
            while true {
                let count = read(descriptor, &buffer, buffer.count)
                if count < 0 && errno == EINTR { continue }
                guard count > 0 else { break }
                if isWanted { isWanted = onBytes(Data(buffer[..<count])) }
            }
            close(descriptor)
            onEnd()
        }
        thread.name = name
        thread.stackSize = 256 << 10
        thread.start()
    }
}
