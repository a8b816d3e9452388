import AsyncHTTPClient
import FoundationEssentials
import MantaStore
import NIOCore
import NIOPosix
import NIOSSL

#if canImport(Glibc)
    import Glibc
#endif

// What went wrong between us and a member of etcd, in words.

extension EtcdConnection.Failure {
    /// What failed before there was an answer.
    init(_ error: any Error) {
        switch error {
        case let error as NIOConnectionError:
            let reason = error.connectionErrors.first.map { Self.words($0.error) }
            self = .unreachable(reason ?? "the name \"\(error.host)\" isn't known")
        case let error as HTTPClientError where [.connectTimeout, .getConnectionFromPoolTimeout].contains(error):
            self = .unreachable("no connection in time")
        case let error as HTTPClientError where error == .remoteConnectionClosed:
            self = .unanswered("it closed the connection without an answer")
        case let error as HTTPClientError where [.readTimeout, .deadlineExceeded].contains(error):
            self = .unanswered("it doesn't answer in time")
        case let error as NIOSSLExtraError where error == .failedToValidateHostname:
            self = .unreachable("its certificate is for another name")
        case NIOSSLError.handshakeFailed(let cause):
            self = .unreachable(Self.tls("\(cause)"))
        case is NIOSSLError, is BoringSSLError:
            // What a server says about our certificate comes after the handshake (RFC 8446, 4.4.2.4), instead of an answer.
            self = .unreachable(Self.tls("\(error)"))
        case let error as IOError where error.errnoCode == ECONNREFUSED:
            self = .unreachable(Self.words(error))
        default:
            self = .unanswered(Self.words(error))
        }
    }

    private static func tls(_ cause: String) -> String {
        if cause.contains("CERTIFICATE_VERIFY_FAILED") { return "its certificate isn't trusted" }
        if cause.contains("CERTIFICATE_REQUIRED") { return "it wants a client's certificate, none is given" }
        if cause.contains("BAD_CERTIFICATE") || cause.contains("UNKNOWN_CA") || cause.contains("UNKNOWN_CERTIFICATE") {
            return "it refuses the client's certificate, or wants one and none is given"
        }
        if cause.contains("WRONG_VERSION_NUMBER") { return "it doesn't speak TLS; is it http:// that it speaks?" }
        return "no TLS with it: \(cause)"
    }

    private static func words(_ error: any Error) -> String {
        guard let error = error as? IOError else {
            return error is ChannelError ? "no connection in time" : "\(error)"
        }
        let text = unsafe String(cString: strerror(error.errnoCode))
        return text.prefix(1).lowercased() + text.dropFirst()
    }

    /// What an answer says that isn't what was asked for.
    init(status: UInt, body: Data, from member: String, _ path: String, _ settings: EtcdSettings) {
        guard let failure = try? JSONDecoder().decode(EtcdFailure.self, from: body) else {
            // Of something in between, as when what it stands for is away.
            self =
                status >= 500
                ? .unanswered("it answers with status \(status)") : .notEtcd(status: status, body: body, member, path)
            return
        }
        // The codes are gRPC's.
        switch failure.code {
        case 2, 4, 14: self = .unanswered(failure.message)
        default: self = .refused(StoreError(code: failure.code, failure.message, from: member, settings))
        }
    }

    /// What answers isn't an etcd.
    static func notEtcd(status: UInt, body: Data, _ member: String, _ path: String) -> Self {
        let excerpt = String(decoding: body.prefix(80), as: UTF8.self).filter { !$0.isNewline }
        return .refused(
            StoreError(
                .foreign,
                "\(member) isn't an etcd with the v3 API: POST \(path) is answered with status \(status), \"\(excerpt)\""
            ))
    }
}

extension StoreError {
    private static let invalidToken = "invalid auth token"
    private static let oldUsers = "revision of auth store is old"
    private static let noUsers = "authentication is not enabled"

    /// Whether a new token would help.
    var isOfToken: Bool { message.contains(Self.invalidToken) || message.contains(Self.oldUsers) }
    /// Whether etcd lets everybody in.
    var saysThatThereAreNoUsers: Bool { message.contains(Self.noUsers) }

    /// What etcd refuses with a code of gRPC.
    fileprivate init(code: Int, _ text: String, from member: String, _ settings: EtcdSettings) {
        let user = settings.user.map { "the user \"\($0.name)\"" } ?? "a client without a user"
        if text.contains("authentication failed") || text.contains("user name is empty") {
            let expected = settings.user == nil ? "expected a user and a password" : "wrong name or password"
            self.init(.unauthorised, "\(member) refuses \(user): \(expected) (\(text))")
            return
        }
        switch code {
        case 5: self.init(.leaseLost, "\(member): \(text)")
        case 7, 16: self.init(.unauthorised, "\(member) refuses \(user): \(text)")
        case 8: self.init(.unavailable, "\(member) can't do it now: \(text)")
        case 11: self.init(.compacted, "\(member): \(text)")
        default: self.init(.invalid, "\(member) refuses the request: \(text)")
        }
    }
}
