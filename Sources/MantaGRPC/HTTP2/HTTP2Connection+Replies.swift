import CNGHTTP2
import MantaHTTP
import MantaTime

/// What is sent: headers, messages, trailers.
extension HTTP2Connection {
    /// Sends a part of a reply, after those before it.
    func send(_ outgoing: Outgoing, on stream: CallStream) {
        guard stream.end == nil else {
            outgoing.written?.resume(returning: false)
            return
        }
        if let message = outgoing.message {
            if stream.outgoing.isEmpty { stream.takenAt = .now }
            stream.outgoing.append((message, outgoing.written))
        }
        stream.end = outgoing.end
        if stream.isStarved {
            stream.isStarved = false
            unsafe nghttp2_session_resume_data(session, stream.number)
        } else if !stream.hasBegunReply {
            beginReply(of: stream)
        }
    }

    /// Sends the headers of a reply, and has nghttp2 ask for what comes after them.
    func beginReply(of stream: CallStream) {
        stream.hasBegunReply = true
        var headers = HeaderBlock()
        headers.add(":status", "200")
        headers.add("content-type", "application/grpc")
        if let coding = stream.accepted?.port.coding { headers.add("grpc-encoding", coding.rawValue) }
        if let call = stream.accepted?.call { headers.add("x-request-id", call.id, isRepeated: false) }
        if let end = stream.end, stream.outgoing.isEmpty {
            // No message: the trailers alone.
            add(end, to: &headers)
            return unsafe submit(headers, nil, on: stream)
        }
        var provider = unsafe nghttp2_data_provider()
        unsafe provider.read_callback = { session, number, buffer, length, flags, _, connection in
            guard let connection = unsafe connection, let flags = unsafe flags else { return 0 }
            return unsafe Unmanaged<HTTP2Connection>.fromOpaque(connection).takeUnretainedValue().read(
                number, into: UnsafeMutableRawBufferPointer(start: buffer, count: length), flags)
        }
        unsafe submit(headers, &provider, on: stream)
    }

    private func submit(
        _ headers: HeaderBlock, _ provider: UnsafePointer<nghttp2_data_provider>?, on stream: CallStream
    ) {
        var headers = headers
        unsafe headers.withFields { fields, count in
            _ = unsafe nghttp2_submit_response(session, stream.number, fields, count, provider)
        }
    }

    /// Answers who doesn't speak gRPC.
    func refuse(_ stream: CallStream, status: String) {
        (stream.end, stream.hasBegunReply) = (.ok, true)
        var headers = HeaderBlock()
        headers.add(":status", status)
        unsafe submit(headers, nil, on: stream)
    }

    private func add(_ end: Outgoing.End, to block: inout HeaderBlock) {
        switch end {
        case .ok: block.add("grpc-status", "0")
        case .failed(let error):
            block.add("grpc-status", String(error.code.rawValue))
            block.add("grpc-message", error.encodedMessage, isRepeated: false)
            for (name, value) in error.trailers.fields { block.add(name, value, isRepeated: false) }
        }
    }

    /// nghttp2 asks for more of a reply.
    ///
    /// - Parameters:
    ///   - number: The stream.
    ///   - buffer: Where it goes.
    ///   - flags: Gets what is said of it.
    /// - Returns: How many bytes there are, or that there are none for now.
    private func read(
        _ number: Int32, into buffer: UnsafeMutableRawBufferPointer, _ flags: UnsafeMutablePointer<UInt32>
    ) -> Int {
        guard let stream = streams[number] else { return Int(NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE.rawValue) }
        stream.takenAt = .now
        var count = 0
        while let (frame, written) = stream.outgoing.first, count < buffer.count {
            let size = min(frame.bytes.count - stream.offset, buffer.count - count)
            unsafe frame.bytes.withUnsafeBytes { bytes in
                unsafe UnsafeMutableRawBufferPointer(rebasing: buffer[count...]).copyMemory(
                    from: UnsafeRawBufferPointer(rebasing: bytes[stream.offset..<(stream.offset + size)]))
            }
            count += size
            stream.offset += size
            guard stream.offset == frame.bytes.count else { break }
            stream.offset = 0
            stream.outgoing.removeFirst()
            written?.resume(returning: true)
        }
        guard stream.outgoing.isEmpty else { return count }
        if let end = stream.end {
            unsafe flags.pointee |= NGHTTP2_DATA_FLAG_EOF.rawValue | NGHTTP2_DATA_FLAG_NO_END_STREAM.rawValue
            var trailers = HeaderBlock()
            add(end, to: &trailers)
            if case .failed = end, let call = stream.accepted?.call {
                trailers.add("x-request-id", call.id, isRepeated: false)
            }
            unsafe trailers.withFields { fields, count in
                _ = unsafe nghttp2_submit_trailer(session, number, fields, count)
            }
        } else if count == 0 {
            stream.isStarved = true
            return Int(NGHTTP2_ERR_DEFERRED.rawValue)
        }
        return count
    }

    /// The end of a reply has been sent. If its request hasn't, it isn't wanted any more: "no error" says that the reply
    /// counts all the same (RFC 9113, section 8.1).
    func replyEnded(_ number: Int32) {
        guard unsafe nghttp2_session_get_stream_remote_close(session, number) == 0 else { return }
        unsafe nghttp2_submit_rst_stream(
            session, UInt8(NGHTTP2_FLAG_NONE.rawValue), number, NGHTTP2_NO_ERROR.rawValue)
    }
}
