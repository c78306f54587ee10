internal import Foundation

#if canImport(Glibc)
internal import Glibc
#elseif canImport(Musl)
internal import Musl
#else
internal import Darwin
#endif

extension MachineLimits {
    /// Plain TCP over 127.0.0.1 between two threads of this process, writes of 1 MiB: GB/s.
    public static func loopbackSpeed(repetitions: Int = 5, bytes: Int = 1 << 30) throws -> [Double] {
        let listener = try checked(socket(AF_INET, streamType, 0), "socket")
        defer { close(listener) }
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        try withUnsafeMutablePointer(to: &address) { pointer in
            try pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { pointer in
                _ = try checked(bind(listener, pointer, length), "bind")
                _ = try checked(listen(listener, 1), "listen")
                _ = try checked(getsockname(listener, pointer, &length), "getsockname")
            }
        }
        let sender = try checked(socket(AF_INET, streamType, 0), "socket")
        defer { close(sender) }
        try withUnsafePointer(to: &address) { pointer in
            try pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { pointer in
                _ = try checked(connect(sender, pointer, length), "connect")
            }
        }
        let receiver = try checked(accept(listener, nil, nil), "accept")
        defer { close(receiver) }
        let block = [UInt8](repeating: 8, count: 1 << 20)
        let blocks = bytes / block.count
        return try speeds(bytes: blocks * block.count, repetitions: repetitions) {
            let done = DispatchSemaphore(value: 0)
            let thread = Thread {
                receive(blocks << 20, from: receiver)
                done.signal()
            }
            thread.start()
            for _ in 0..<blocks { try send(block, to: sender) }
            done.wait()
        }
    }

    private static func receive(_ bytes: Int, from descriptor: CInt) {
        var buffer = [UInt8](repeating: 0, count: 1 << 20)
        var left = bytes
        while left > 0 {
            let count = read(descriptor, &buffer, min(left, buffer.count))
            guard count > 0 else { return }
            left -= count
        }
    }

    private static func send(_ block: [UInt8], to descriptor: CInt) throws {
        try block.withUnsafeBytes { bytes in
            var done = 0
            while done < bytes.count {
                let rest = UnsafeRawBufferPointer(rebasing: bytes[done...])
                let count = write(descriptor, rest.baseAddress, rest.count)
                guard count > 0 else { throw MeasurementError("write: \(String(cString: strerror(errno)))") }
                done += count
            }
        }
    }

    private static func checked(_ result: CInt, _ call: String) throws -> CInt {
        guard result >= 0 else { throw MeasurementError("\(call): \(String(cString: strerror(errno)))") }
        return result
    }

    #if canImport(Glibc)
    private static var streamType: CInt { CInt(SOCK_STREAM.rawValue) }
    #else
    private static var streamType: CInt { SOCK_STREAM }
    #endif
}
