import CMantaHTTP

/// A reply as libmicrohttpd takes it.
///
/// Unchecked Sendable: the response object is made by one thread and then handed to the next, never shared.
@safe final class Reply: @unchecked Sendable {
    /// What writes the body while it is sent, if anything does.
    let stream: HTTPBodyWriter?
    /// Whether that goes on until somebody stops it.
    let isEndless: Bool
    private let raw: OpaquePointer?
    private let status: UInt32

    /// Makes the response object.
    ///
    /// - Parameters:
    ///   - response: What to send.
    ///   - exchange: The request that it answers.
    ///   - isLast: Whether the connection ends with it.
    init(_ response: HTTPResponse, exchange: Exchange, isLast: Bool) {
        status = UInt32(response.status.code)
        isEndless = if case .endless = response.body { true } else { false }
        switch response.body {
        case .empty:
            stream = nil
            unsafe raw = Self.buffer([])
        case .bytes(let bytes):
            stream = nil
            unsafe raw = Self.buffer(bytes)
        case .stream(let body), .endless(let body):
            let writer = exchange.makeWriter(body)
            stream = writer
            unsafe raw = writer.makeResponse()
        }
        guard unsafe raw != nil else { return }
        let fields = response.headers.fields.span
        for index in fields.indices { add(fields[index].name, fields[index].value) }
        add("X-Request-Id", exchange.id)
        if isLast { add("Connection", "close") }
    }

    /// Whether it says that there is too much to do.
    var refuses: Bool { status == UInt32(HTTPStatus.tooManyRequests.code) }

    /// Adds a header field. Passed as they are, the strings would be copied into arrays first.
    private func add(_ name: String, _ value: String) {
        unsafe name.withCString { name in
            unsafe value.withCString { value in _ = unsafe MHD_add_response_header(raw, name, value) }
        }
    }

    deinit {
        if let raw = unsafe raw { unsafe MHD_destroy_response(raw) }
    }

    /// Gives the reply to the connection, on its thread.
    func queue(on connection: OpaquePointer) -> MHD_Result {
        guard let raw = unsafe raw else { return .NO }
        return unsafe MHD_queue_response(connection, status, raw)
    }

    /// libmicrohttpd copies the bytes: for replies of the usual size that costs less than keeping ours alive.
    private static func buffer(_ bytes: [UInt8]) -> OpaquePointer? {
        unsafe bytes.withUnsafeBufferPointer { buffer in
            unsafe MHD_create_response_from_buffer(
                buffer.count, UnsafeMutableRawPointer(mutating: buffer.baseAddress), .RESPMEM_MUST_COPY)
        }
    }
}
