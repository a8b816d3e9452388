import AsyncHTTPClient
import MantaCore
import NIOCore
import NIOPosix

#if canImport(Glibc)
    import Glibc
#endif

extension RemoteFailure {
    /// What an error of the connection says of the server.
    init(_ error: any Error, at address: RemoteAddress) {
        switch error {
        case let error as NIOConnectionError:
            let reason = error.connectionErrors.first.map { Self.words($0.error) }
            self.init(.unreachable, "\(address): \(reason ?? "the name \"\(error.host)\" isn't known")")
        case let error as HTTPClientError where error == .connectTimeout || error == .getConnectionFromPoolTimeout:
            self.init(.unreachable, "\(address): no connection in time")
        case let error as HTTPClientError where error == .deadlineExceeded || error == .readTimeout:
            self.init(.silent, "\(address): no answer in time")
        case let error as HTTPClientError where error == .remoteConnectionClosed:
            self.init(.lost, "\(address): the connection was closed without an answer")
        case let error as IOError where error.errnoCode == ECONNREFUSED:
            self.init(.unreachable, "\(address): \(Self.words(error))")
        default:
            self.init(.lost, "\(address): \(Self.words(error))")
        }
    }

    private static func words(_ error: any Error) -> String {
        guard let error = error as? IOError else {
            return error is ChannelError ? "no connection in time" : "\(error)"
        }
        let text = unsafe String(cString: strerror(error.errnoCode))
        return text.prefix(1).lowercased() + text.dropFirst()
    }
}
