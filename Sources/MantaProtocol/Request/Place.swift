package import MantaCore

/// Where in a request something is, for messages.
package enum Place {
    case request
    /// An input, by its name if that is known yet.
    case input(String?, index: Int)
    /// An output asked for, by its name if that is known yet.
    case output(String?, index: Int)

    /// An error about something here.
    package func error(_ message: String, code: ServingError.Code = .invalidRequest) -> ServingError {
        let prefix =
            switch self {
            case .request: ""
            case .input(let name?, _): "input \"\(name)\": "
            case .input(nil, let index): "inputs[\(index)]: "
            case .output(let name?, _): "output \"\(name)\": "
            case .output(nil, let index): "outputs[\(index)]: "
            }
        return ServingError(code, prefix + message)
    }

    /// An error that something here has caused.
    package func error(_ error: ServingError) -> ServingError {
        var named = self.error(error.message, code: error.code)
        (named.retryAfter, named.cause) = (error.retryAfter, error.cause)
        return named
    }

    /// An error about a member that is there twice.
    package func givenTwice(_ member: StaticString) -> ServingError { error("\(member) is given twice") }

    /// An error about a member that is needed.
    package func missing(_ member: StaticString) -> ServingError { error("\(member) is missing") }
}
