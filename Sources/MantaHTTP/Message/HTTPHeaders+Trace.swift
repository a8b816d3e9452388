package import MantaCore

extension HTTPHeaders {
    /// Where a request belongs in its caller's trace; `nil` if it doesn't say so, or not in the one field that there may be.
    package var trace: TraceContext? {
        guard let parent = self["traceparent"], count(of: "traceparent") == 1 else { return nil }
        return TraceContext(parent: parent, states: values(of: "tracestate"))
    }
}
