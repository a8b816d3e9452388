import CMantaHTTP

#if canImport(Glibc)
    import Glibc
#endif

/// A socket that listens. It is bound before the server starts, so that a port in use is known by its own words.
package enum ListeningSocket {
    /// Binds and listens.
    ///
    /// - Parameters:
    ///   - host: The address or name.
    ///   - port: The port; 0 takes any that is free.
    /// - Returns: The descriptor, which the caller owns, and the address with its real port.
    /// - Throws: ``HTTPServerError`` that names the address.
    package static func open(
        host: String, port: Int
    ) throws(HTTPServerError) -> (descriptor: Int32, address: HTTPAddress) {
        let wanted = HTTPAddress(host: host, port: port)
        var hints = unsafe addrinfo()
        unsafe hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
        unsafe hints.ai_flags = AI_PASSIVE
        var found: UnsafeMutablePointer<addrinfo>?
        let error = unsafe getaddrinfo(host.isEmpty ? nil : host, String(port), &hints, &found)
        guard error == 0, let first = unsafe found else {
            throw HTTPServerError("can't listen on \(wanted): \(unsafe String(cString: gai_strerror(error)))")
        }
        defer { unsafe freeaddrinfo(first) }
        let kind = unsafe first.pointee.ai_socktype | Int32(SOCK_CLOEXEC.rawValue | SOCK_NONBLOCK.rawValue)
        let descriptor = unsafe socket(first.pointee.ai_family, kind, 0)
        guard descriptor >= 0 else { throw failure(wanted) }
        var yes: Int32 = 1
        unsafe setsockopt(descriptor, SOL_SOCKET, SO_REUSEADDR, &yes, socklen_t(MemoryLayout<Int32>.size))
        guard unsafe bind(descriptor, first.pointee.ai_addr, first.pointee.ai_addrlen) == 0,
            listen(descriptor, SOMAXCONN) == 0
        else {
            let error = failure(wanted)
            close(descriptor)
            throw error
        }
        return (descriptor, HTTPAddress(host: host, port: boundPort(descriptor) ?? port))
    }

    /// A connection that was accepted, for others to own.
    package struct Accepted {
        /// Neither its reads nor its writes block.
        package let descriptor: Int32
        private var storage: sockaddr_storage
        private let length: socklen_t

        fileprivate init(descriptor: Int32, storage: sockaddr_storage, length: socklen_t) {
            (self.descriptor, self.storage, self.length) = (descriptor, storage, length)
        }

        /// The client's address in text, without the port.
        package var host: String {
            var host = "-"
            unsafe withAddress { address, _ in host = unsafe SocketAddress.host(of: address) }
            return host
        }

        /// Calls `body` with the client's address.
        func withAddress(_ body: (UnsafePointer<sockaddr>, socklen_t) -> Void) {
            unsafe withUnsafePointer(to: storage) { pointer in
                unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { unsafe body($0, length) }
            }
        }
    }

    /// The next connection that waits, if any does.
    package static func accept(_ socket: Int32) -> Accepted? {
        var storage = sockaddr_storage()
        var length = socklen_t(MemoryLayout<sockaddr_storage>.size)
        let descriptor = unsafe withUnsafeMutablePointer(to: &storage) { pointer in
            unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                unsafe manta_accept(socket, $0, &length)
            }
        }
        return descriptor < 0 ? nil : Accepted(descriptor: descriptor, storage: storage, length: length)
    }

    private static func failure(_ address: HTTPAddress) -> HTTPServerError {
        switch errno {
        case EADDRINUSE: HTTPServerError("can't listen on \(address): the port is in use")
        case EACCES: HTTPServerError("can't listen on \(address): ports below 1024 need a privilege")
        default: HTTPServerError("can't listen on \(address): \(unsafe String(cString: strerror(errno)))")
        }
    }

    private static func boundPort(_ descriptor: Int32) -> Int? {
        var storage = sockaddr_storage()
        var length = socklen_t(MemoryLayout<sockaddr_storage>.size)
        return unsafe withUnsafeMutablePointer(to: &storage) { pointer in
            unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { address in
                guard unsafe getsockname(descriptor, address, &length) == 0 else { return nil }
                return unsafe SocketAddress.port(of: address)
            }
        }
    }
}

/// Reads socket addresses.
enum SocketAddress {
    /// The port.
    static func port(of address: UnsafePointer<sockaddr>) -> Int? {
        switch Int32(unsafe address.pointee.sa_family) {
        case AF_INET:
            unsafe address.withMemoryRebound(to: sockaddr_in.self, capacity: 1) {
                Int(UInt16(bigEndian: unsafe $0.pointee.sin_port))
            }
        case AF_INET6:
            unsafe address.withMemoryRebound(to: sockaddr_in6.self, capacity: 1) {
                Int(UInt16(bigEndian: unsafe $0.pointee.sin6_port))
            }
        default: nil
        }
    }

    /// The address in text, without the port.
    static func host(of address: UnsafePointer<sockaddr>) -> String {
        var text = [CChar](repeating: 0, count: Int(INET6_ADDRSTRLEN))
        switch Int32(unsafe address.pointee.sa_family) {
        case AF_INET:
            unsafe address.withMemoryRebound(to: sockaddr_in.self, capacity: 1) { pointer in
                var bytes = unsafe pointer.pointee.sin_addr
                _ = unsafe inet_ntop(AF_INET, &bytes, &text, socklen_t(text.count))
            }
        case AF_INET6:
            unsafe address.withMemoryRebound(to: sockaddr_in6.self, capacity: 1) { pointer in
                var bytes = unsafe pointer.pointee.sin6_addr
                _ = unsafe inet_ntop(AF_INET6, &bytes, &text, socklen_t(text.count))
            }
        default: return "-"
        }
        return String(decoding: text.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
    }
}
