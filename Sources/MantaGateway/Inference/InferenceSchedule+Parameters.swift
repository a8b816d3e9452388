package import MantaCore
package import MantaServing

extension InferenceSchedule {
    /// What the reserved parameters `timeout` (microseconds) and `priority` of a request say.
    ///
    /// - Parameters:
    ///   - parameters: The request's.
    ///   - limit: How long the caller waits at most, whatever the parameter says.
    /// - Throws: ``ServingError`` with code `invalidRequest` that names the parameter.
    package init(parameters: Parameters, within limit: Duration? = nil) throws(ServingError) {
        self.init()
        if let microseconds = try parameters.integer("timeout", in: 0...Self.maxTimeoutMicroseconds), microseconds > 0 {
            timeout = .microseconds(microseconds)
        }
        if let limit { timeout = min(timeout ?? limit, limit) }
        if let priority = try parameters.integer("priority", in: 0...Int64(UInt32.max)) {
            self.priority = UInt32(priority)
        }
    }

    /// What these parameters say, and the header `X-Request-Timeout-Ms`, which the parameter overrides.
    ///
    /// - Parameters:
    ///   - parameters: The request's.
    ///   - header: The header's value.
    /// - Throws: ``ServingError`` with code `invalidRequest` that names the parameter or the header.
    init(parameters: Parameters, header: String?) throws(ServingError) {
        try self.init(parameters: parameters)
        guard let header else { return }
        guard let milliseconds = Int64(header), milliseconds > 0, milliseconds <= Self.maxTimeoutMicroseconds / 1000
        else {
            throw ServingError(
                .invalidRequest,
                "header X-Request-Timeout-Ms: expected whole milliseconds from 1 to "
                    + "\(Self.maxTimeoutMicroseconds / 1000), got \(header)")
        }
        timeout = timeout ?? .milliseconds(milliseconds)
    }

    /// A day: longer waits are mistakes, and sums of times stay far from overflow.
    private static let maxTimeoutMicroseconds: Int64 = 86_400_000_000
}

extension Parameters {
    /// The integer of this name, or `nil` if there is none.
    fileprivate func integer(_ name: String, in range: ClosedRange<Int64>) throws(ServingError) -> Int64? {
        guard let value = self[name] else { return nil }
        guard case .integer(let number) = value, range.contains(number) else {
            throw ServingError(
                .invalidRequest,
                "parameter \"\(name)\": expected an integer from \(range.lowerBound) to \(range.upperBound), "
                    + "got \(value)")
        }
        return number
    }
}
