import Foundation

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// Whether a TCP port can be reached. Blocks; not for the cooperative pool.
enum Reachability {
    enum Outcome: Sendable {
        case open
        /// The name cannot be resolved, with the reason.
        case unknownName(String)
        /// No address of the name takes a connection, with the last reason.
        case closed(String)
    }

    static func probe(host: String, port: Int, timeout: Double) -> Outcome {
        var hints = addrinfo()
        hints.ai_family = AF_UNSPEC
        #if canImport(Darwin)
        hints.ai_socktype = SOCK_STREAM
        #else
        hints.ai_socktype = CInt(SOCK_STREAM.rawValue)
        #endif
        var list: UnsafeMutablePointer<addrinfo>?
        let result = getaddrinfo(host, String(port), &hints, &list)
        guard result == 0 else { return .unknownName(String(cString: gai_strerror(result))) }
        defer { freeaddrinfo(list) }
        var reason = "no address"
        var next = list
        while let address = next {
            let number = connect(address.pointee, timeout: timeout)
            if number == 0 { return .open }
            reason = String(cString: strerror(number))
            next = address.pointee.ai_next
        }
        return .closed(reason)
    }

    /// 0, or the reason as an `errno`.
    private static func connect(_ address: addrinfo, timeout: Double) -> CInt {
        let descriptor = socket(address.ai_family, address.ai_socktype, address.ai_protocol)
        guard descriptor >= 0 else { return errno }
        defer { close(descriptor) }
        _ = fcntl(descriptor, F_SETFD, FD_CLOEXEC)
        _ = fcntl(descriptor, F_SETFL, O_NONBLOCK)
        if systemConnect(descriptor, address.ai_addr, address.ai_addrlen) == 0 { return 0 }
        guard errno == EINPROGRESS else { return errno }
        var waiting = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
        guard poll(&waiting, 1, CInt(timeout * 1000)) > 0 else { return ETIMEDOUT }
        var number: CInt = 0
        var length = socklen_t(MemoryLayout<CInt>.size)
        guard getsockopt(descriptor, SOL_SOCKET, SO_ERROR, &number, &length) == 0 else { return errno }
        return number
    }
}

/// `connect(2)`, under a name that the method above does not hide.
private func systemConnect(
    _ descriptor: CInt, _ address: UnsafePointer<sockaddr>?, _ length: socklen_t
) -> CInt {
    connect(descriptor, address, length)
}
