import MantaThreads
import MantaTime

#if canImport(Glibc)
    import Glibc
#endif

/// A client that sends exactly the bytes it is told to. It blocks, so use it within ``onThread(_:)``.
package final class SocketClient {
    /// What went wrong on the socket.
    package struct Failure: Error, CustomStringConvertible {
        package let description: String

        /// A failure with these words.
        package init(_ description: String) {
            self.description = description
        }
    }

    /// A reply as it came.
    package struct Reply: Sendable {
        package var status: Int
        package var headers: [(name: String, value: String)]
        package var body: [UInt8]

        /// The body as text.
        package var text: String { String(decoding: body, as: UTF8.self) }

        /// The value of the header field of this name.
        package subscript(name: String) -> String? {
            headers.first { $0.name.lowercased() == name.lowercased() }?.value
        }
    }

    /// The port it is connected to.
    package let port: Int
    private let descriptor: Int32
    private var received: [UInt8] = []
    private var isClosed = false

    /// Connects to a port, of this machine unless another address is given.
    package init(host: String = "127.0.0.1", port: Int) throws {
        self.port = port
        descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = in_port_t(UInt16(port).bigEndian)
        address.sin_addr.s_addr = unsafe inet_addr(host)
        let status = unsafe withUnsafePointer(to: &address) { pointer in
            unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                unsafe connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        guard status == 0 else { throw Failure("can't connect: \(errno)") }
        // No test waits longer for the server than this; a test that gets here has failed.
        setReceiveTimeout(seconds: 20)
    }

    deinit {
        if !isClosed { close(descriptor) }
    }

    /// Sends these bytes.
    package func send(_ bytes: [UInt8]) throws {
        var rest = bytes[...]
        while !rest.isEmpty {
            let count = unsafe rest.withUnsafeBytes {
                unsafe Glibc.send(descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
            }
            guard count > 0 else { throw Failure("can't send: \(errno)") }
            rest = rest.dropFirst(count)
        }
    }

    /// Sends this text.
    package func send(_ text: String) throws {
        try send(Array(text.utf8))
    }

    /// Sends a byte now and then until the server has had enough; returns what it said.
    package func dribble() -> [UInt8] {
        setReceiveTimeout(microseconds: 20_000)
        repeat {
            var byte: UInt8 = 0
            let count = unsafe recv(descriptor, &byte, 1, Int32(MSG_PEEK))
            if count >= 0 || errno != EAGAIN { break }
        } while (try? send("x")) != nil
        return readToEnd()
    }

    /// Tries to connect until a server refuses to let anybody new in.
    package static func waitUntilRefused(port: Int) {
        while (try? SocketClient(port: port)) != nil { sched_yield() }
    }

    /// Whether the server has closed the connection, as clients look before they use a kept one again.
    package var isClosedByServer: Bool {
        var byte: UInt8 = 0
        return unsafe recv(descriptor, &byte, 1, Int32(MSG_PEEK | MSG_DONTWAIT)) == 0
    }

    /// Waits until something has come, without taking it.
    package func waitForBytes() {
        var byte: UInt8 = 0
        _ = unsafe recv(descriptor, &byte, 1, Int32(MSG_PEEK))
    }

    /// Takes what has come, and waits for it at most so long.
    ///
    /// - Returns: What came; nothing if the time was over or the connection has ended.
    package func takeBytes(within limit: Duration) -> [UInt8] {
        let milliseconds = limit.components.seconds * 1000 + limit.components.attoseconds / 1_000_000_000_000_000
        var waiting = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
        if received.isEmpty, unsafe poll(&waiting, 1, Int32(milliseconds)) == 1 { _ = receive() }
        defer { received = [] }
        return received
    }

    /// Waits until this text is in what has come, without taking it.
    ///
    /// - Throws: ``Failure`` if the connection ends before.
    package func waitForText(_ text: String) throws {
        while !String(decoding: received, as: UTF8.self).contains(text) {
            guard receive() else { throw Failure("closed before \(text) came") }
        }
    }

    /// Closes the sending side only.
    package func halfClose() {
        shutdown(descriptor, Int32(SHUT_WR))
    }

    /// Closes the connection.
    package func leave() {
        isClosed = true
        close(descriptor)
    }

    /// Closes the connection so that the server gets a reset.
    package func reset() {
        var abort = linger(l_onoff: 1, l_linger: 0)
        unsafe setsockopt(descriptor, SOL_SOCKET, SO_LINGER, &abort, socklen_t(MemoryLayout<linger>.size))
        leave()
    }

    /// Keeps the kernel from taking much for us while we don't read.
    package func shrinkReceiveBuffer() {
        var size: Int32 = 4096
        unsafe setsockopt(descriptor, SOL_SOCKET, SO_RCVBUF, &size, socklen_t(MemoryLayout<Int32>.size))
    }

    /// Reads one reply, interim ones (100 Continue) included.
    ///
    /// - Parameter isHead: Whether the reply has no body whatever its header fields say.
    /// - Returns: The reply.
    /// - Throws: ``Failure`` if the connection ends before the reply does.
    package func reply(isHead: Bool = false) throws -> Reply {
        let head = try line(upTo: "\r\n\r\n")
        let lines = head.split(separator: "\r\n")
        guard let status = lines.first?.split(separator: " ").dropFirst().first.flatMap({ Int($0) }) else {
            throw Failure("not a status line: \(head)")
        }
        let headers = lines.dropFirst().map { line in
            let parts = line.split(separator: ":", maxSplits: 1)
            return (
                name: String(parts[0]), value: parts.count > 1 ? String(parts[1].drop { $0 == " " }) : ""
            )
        }
        var reply = Reply(status: status, headers: headers, body: [])
        if isHead || status < 200 { return reply }
        if reply["Transfer-Encoding"] == "chunked" {
            while let size = Int(try line(upTo: "\r\n").prefix { $0 != ";" }, radix: 16), size > 0 {
                reply.body += try bytes(size)
                _ = try bytes(2)
            }
            _ = try bytes(2)
        } else {
            reply.body = try bytes(Int(reply["Content-Length"] ?? "0") ?? 0)
        }
        return reply
    }

    /// Sends a request and reads its reply.
    ///
    /// - Parameters:
    ///   - method: Such as POST.
    ///   - path: The path and query.
    ///   - headers: Lines that follow Host and, with a body, its length.
    ///   - body: The body, if there is one.
    /// - Returns: The reply.
    /// - Throws: ``Failure`` if the connection ends before the reply does.
    package func request(
        _ method: String, _ path: String, headers: [String] = [], body: [UInt8]? = nil
    ) throws -> Reply {
        var lines = ["\(method) \(path) HTTP/1.1", "Host: localhost"] + headers
        if let body { lines.append("Content-Length: \(body.count)") }
        try send(Array((lines + ["", ""]).joined(separator: "\r\n").utf8) + (body ?? []))
        return try reply(isHead: method == "HEAD")
    }

    /// Reads until the server closes; what came is returned. A reset counts as a close.
    @discardableResult
    package func readToEnd() -> [UInt8] {
        while receive() {}
        defer { received = [] }
        return received
    }

    private func setReceiveTimeout(seconds: Int = 0, microseconds: Int = 0) {
        var limit = timeval(tv_sec: seconds, tv_usec: microseconds)
        unsafe setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
    }

    private func line(upTo end: String) throws -> String {
        let end = Array(end.utf8)
        var searched = 0
        while true {
            // The library's search for a byte: tests run without optimisation, and load tests read a lot.
            while let last = received[searched...].firstIndex(of: end[end.count - 1]) {
                searched = last + 1
                guard received[..<searched].suffix(end.count) == end[...] else { continue }
                defer { received.removeFirst(searched) }
                return String(decoding: received[..<(searched - end.count)], as: UTF8.self)
            }
            searched = received.count
            guard receive() else {
                throw Failure("closed after \(String(decoding: received, as: UTF8.self))")
            }
        }
    }

    /// Reads so many bytes.
    ///
    /// - Throws: ``Failure`` if the connection ends before.
    package func bytes(_ count: Int) throws -> [UInt8] {
        while received.count < count {
            guard receive() else { throw Failure("closed after \(received.count) of \(count) bytes") }
        }
        defer { received.removeFirst(count) }
        return Array(received[..<count])
    }

    private func receive() -> Bool {
        var chunk = [UInt8](repeating: 0, count: 64 << 10)
        let count = unsafe recv(descriptor, &chunk, chunk.count, 0)
        guard count > 0 else { return false }
        received += chunk[..<count]
        return true
    }
}

/// Runs what blocks on a thread of its own.
package func onThread<Result: Sendable>(_ body: @escaping @Sendable () throws -> Result) async throws -> Result {
    try await Thread.run(name: "test-client", body)
}
