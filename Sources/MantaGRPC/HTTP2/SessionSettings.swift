import CNGHTTP2
import MantaConfig

/// How nghttp2's sessions are set up: their options, and what they call. One event loop's.
///
/// Each session's user data is its ``HTTP2Connection``, unretained, which outlives it.
@safe final class SessionSettings {
    private let options: OpaquePointer
    private let callbacks: OpaquePointer

    /// How many bytes the header fields of a call may have (RFC 9113, section 6.5.2).
    static let headerBytes = 16 << 10
    /// How much of a message may be under way before we have read it: tensors are large, and a round trip for each 64 KiB
    /// would be most of the time they take.
    private static let windowBytes: Int32 = 4 << 20
    /// The largest frame that clients may send.
    private static let frameBytes: UInt32 = 1 << 20

    init() {
        var (options, callbacks) = unsafe (OpaquePointer?.none, OpaquePointer?.none)
        guard unsafe nghttp2_option_new(&options) == 0, unsafe nghttp2_session_callbacks_new(&callbacks) == 0,
            let options = unsafe options, let callbacks = unsafe callbacks
        else { preconditionFailure("no memory for nghttp2's options") }
        unsafe (self.options, self.callbacks) = (options, callbacks)
        // Clients may send more as what they sent is taken, which we say.
        unsafe nghttp2_option_set_no_auto_window_update(options, 1)
        // Clients whose calls' time is over reset them, more than 33 a second when the server is overloaded. To do so at once,
        // which nghttp2 would suspect, costs us no more than the call itself would.
        unsafe nghttp2_option_set_stream_reset_rate_limit(options, 10_000, 10_000)
        // Nobody asks for streams that are closed, whose priorities it would keep.
        unsafe nghttp2_option_set_no_closed_streams(options, 1)
        setCallbacks()
    }

    deinit {
        unsafe nghttp2_option_del(options)
        unsafe nghttp2_session_callbacks_del(callbacks)
    }

    /// A server's session; `nil` if there is no memory for it.
    func makeSession() -> OpaquePointer? {
        var session: OpaquePointer?
        return unsafe nghttp2_session_server_new2(&session, callbacks, nil, options) == 0 ? session : nil
    }

    /// Tells the client what it may do, as the first that it hears.
    func announce(_ limits: GRPCLimits, on session: OpaquePointer) {
        func entry(_ id: nghttp2_settings_id, _ value: UInt32) -> nghttp2_settings_entry {
            nghttp2_settings_entry(settings_id: Int32(id.rawValue), value: value)
        }
        let entries = [
            entry(NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, UInt32(limits.concurrentStreams)),
            entry(NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, UInt32(Self.windowBytes)),
            entry(NGHTTP2_SETTINGS_MAX_FRAME_SIZE, Self.frameBytes),
            entry(NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE, UInt32(Self.headerBytes)),
        ]
        let none = UInt8(NGHTTP2_FLAG_NONE.rawValue)
        unsafe nghttp2_submit_settings(session, none, entries, entries.count)
        unsafe nghttp2_session_set_local_window_size(session, none, 0, Self.windowBytes)
    }

    private func setCallbacks() {
        unsafe nghttp2_session_callbacks_set_on_begin_headers_callback(callbacks) { _, frame, context in
            if let frame = unsafe frame { unsafe Callback.connection(context)?.began(frame.pointee.hd.stream_id) }
            return 0
        }
        unsafe nghttp2_session_callbacks_set_on_header_callback(callbacks) {
            _, frame, name, nameCount, value, valueCount, _, context in
            guard let (connection, stream) = unsafe Callback.stream(of: frame, context) else { return 0 }
            let isTaken = unsafe connection.received(
                UnsafeBufferPointer(start: name, count: nameCount),
                UnsafeBufferPointer(start: value, count: valueCount),
                on: stream)
            // It resets the stream, and looks at no more of its fields.
            return isTaken ? 0 : NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE.rawValue
        }
        unsafe nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks) {
            session, _, number, bytes, count, context in
            guard let connection = unsafe Callback.connection(context) else { return 0 }
            if let stream = connection.streams[number] {
                unsafe connection.received(UnsafeRawBufferPointer(start: bytes, count: count), on: stream)
            } else {
                unsafe nghttp2_session_consume_connection(session, count)
            }
            return 0
        }
        unsafe nghttp2_session_callbacks_set_on_frame_recv_callback(callbacks) { _, frame, context in
            guard let header = unsafe frame?.pointee.hd,
                let (connection, stream) = unsafe Callback.stream(of: frame, context)
            else { return 0 }
            switch UInt32(header.type) {
            case NGHTTP2_HEADERS.rawValue: connection.headersEnded(stream, isLast: header.endsStream)
            case NGHTTP2_DATA.rawValue: if header.endsStream { connection.requestEnded(stream) }
            default: break
            }
            return 0
        }
        unsafe nghttp2_session_callbacks_set_data_source_read_length_callback(callbacks) {
            _, _, _, sessionWindow, streamWindow, frameBytes, _ in
            Int(min(sessionWindow, streamWindow, Int32(clamping: frameBytes), Callback.sentBytes))
        }
        unsafe nghttp2_session_callbacks_set_on_frame_send_callback(callbacks) { _, frame, context in
            guard let header = unsafe frame?.pointee.hd, header.endsStream else { return 0 }
            unsafe Callback.connection(context)?.replyEnded(header.stream_id)
            return 0
        }
        unsafe nghttp2_session_callbacks_set_on_stream_close_callback(callbacks) { _, number, _, context in
            unsafe Callback.connection(context)?.ended(number)
            return 0
        }
    }
}

/// Finds what a callback is about.
private enum Callback {
    /// The largest part of a message that is sent at a time, in bytes, as far as clients take it.
    static let sentBytes: Int32 = 64 << 10

    static func connection(_ context: UnsafeMutableRawPointer?) -> HTTP2Connection? {
        unsafe context.map { unsafe Unmanaged<HTTP2Connection>.fromOpaque($0).takeUnretainedValue() }
    }

    static func stream(
        of frame: UnsafePointer<nghttp2_frame>?, _ context: UnsafeMutableRawPointer?
    ) -> (HTTP2Connection, CallStream)? {
        guard let frame = unsafe frame, let connection = unsafe connection(context),
            let stream = unsafe connection.streams[frame.pointee.hd.stream_id]
        else { return nil }
        return (connection, stream)
    }
}

extension nghttp2_frame_hd {
    /// Whether it is the last of its stream on its side.
    fileprivate var endsStream: Bool {
        let canEnd = UInt32(type) == NGHTTP2_HEADERS.rawValue || UInt32(type) == NGHTTP2_DATA.rawValue
        return canEnd && UInt32(flags) & NGHTTP2_FLAG_END_STREAM.rawValue != 0
    }
}
