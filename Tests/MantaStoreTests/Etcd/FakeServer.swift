import Foundation
import MantaThreads

/// Something that listens on a port of its own and isn't an etcd: it answers each request with the same bytes.
final class FakeServer: Sendable {
    private let socket: Int32
    let port: UInt16
    var endpoint: String { "http://127.0.0.1:\(port)" }

    /// Answers each connection's first request with `answer` and closes it; `nil` to stay silent.
    init(_ answer: String?) throws {
        socket = Foundation.socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let isListening = unsafe withUnsafeMutablePointer(to: &address) { [socket] pointer in
            unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { address in
                unsafe bind(socket, address, length) == 0 && listen(socket, 16) == 0
                    && getsockname(socket, address, &length) == 0
            }
        }
        guard isListening else { throw POSIXError(.EADDRINUSE) }
        port = address.sin_port.bigEndian
        MantaThreads.Thread.start(name: "fake-server") { [socket] in Self.serve(socket, answer) }
    }

    /// An HTTP answer.
    convenience init(status: String, body: String) throws {
        try self.init("HTTP/1.1 \(status)\r\nContent-Length: \(body.utf8.count)\r\nConnection: close\r\n\r\n\(body)")
    }

    /// From then on connections are refused. The thread closes the socket: were its number free while that has yet to look
    /// at it, it would answer for whoever has the number next.
    deinit {
        shutdown(socket, Int32(SHUT_RDWR))
    }

    private static func serve(_ socket: Int32, _ answer: String?) {
        var silent: [Int32] = []
        while true {
            let connection = accept(socket, nil, nil)
            guard connection >= 0 else { break }
            guard let answer else {
                silent.append(connection)
                continue
            }
            // One read has the whole request or enough of it: all that is asked here is small.
            var request = [UInt8](repeating: 0, count: 1 << 16)
            _ = unsafe read(connection, &request, request.count)
            let bytes = Array(answer.utf8)
            _ = unsafe write(connection, bytes, bytes.count)
            shutdown(connection, Int32(SHUT_WR))
            _ = unsafe read(connection, &request, request.count)
            close(connection)
        }
        for connection in silent + [socket] { close(connection) }
    }
}
