import GRPCCore
import NIOCore
import NIOHPACK
import NIOHTTP2

/// Stands between one HTTP/2 stream and gRPC's handler for it, for what that has no settings for:
///
/// - A message that can't be taken (too large as sent or inflated, or broken) ends its call with a status that says so.
///   The handler would reset the stream without a word.
/// - A unary call whose message doesn't come ends when its time is over.
/// - A reply is compressed as its request was. The handler would compress whenever a client could read it, and many
///   clients say that they can without a wish for it.
final class StreamGuard: ChannelDuplexHandler {
    typealias InboundIn = HTTP2Frame.FramePayload
    typealias InboundOut = HTTP2Frame.FramePayload
    typealias OutboundIn = HTTP2Frame.FramePayload
    typealias OutboundOut = HTTP2Frame.FramePayload

    private let settings: Settings
    private var framing: MessageFraming
    private var timer: Scheduled<Void>?
    private var isWaitingForMessage = false
    private var hasBegunReply = false
    private var hasEndedReply = false
    /// What is wrong with the call, told when the handler gives it up.
    private var fault: RPCError?

    /// What all streams have in common.
    struct Settings: Sendable {
        /// How large a message may be, as sent and inflated.
        var messageBytes: Int
        /// From a unary call's headers until its message is there.
        var messageTimeout: TimeAmount
        /// The paths of the methods that aren't unary.
        var streamingPaths: Set<String>
    }

    /// Adds the guard, and what tells it of faults, to a stream's pipeline.
    ///
    /// - Parameters:
    ///   - channel: The stream.
    ///   - settings: What all streams have in common.
    /// - Throws: If the stream is closed already.
    static func add(to channel: any Channel, _ settings: Settings) throws {
        let streamGuard = StreamGuard(settings)
        try channel.pipeline.syncOperations.addHandler(streamGuard, position: .first)
        try channel.pipeline.syncOperations.addHandler(FaultHandler(streamGuard), position: .last)
    }

    private init(_ settings: Settings) {
        self.settings = settings
        framing = MessageFraming(limit: settings.messageBytes)
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        var payload = unwrapInboundIn(data)
        switch payload {
        case .headers(var frame):
            let coding = frame.headers.first(name: "grpc-encoding")
            frame.headers.remove(name: "grpc-accept-encoding")
            if let coding { frame.headers.add(name: "grpc-accept-encoding", value: coding) }
            let isUnary = !settings.streamingPaths.contains(frame.headers.first(name: ":path") ?? "")
            isWaitingForMessage = isUnary && !frame.endStream
            payload = .headers(frame)
        case .data(let frame):
            // What comes after its call was given up is nobody's.
            if fault != nil { return }
            if case .byteBuffer(let bytes) = frame.data, let size = framing.read(bytes.readableBytesView) {
                return giveUp(
                    context,
                    RPCError(
                        code: .resourceExhausted,
                        message: "the message has \(size) bytes, at most \(settings.messageBytes) are taken"))
            }
            if frame.endStream {
                isWaitingForMessage = false
                timer?.cancel()
            }
        default: break
        }
        context.fireChannelRead(wrapInboundOut(payload))
    }

    func channelReadComplete(context: ChannelHandlerContext) {
        // Mostly the message has come with the headers, and no timer is needed.
        if isWaitingForMessage, timer == nil {
            timer = context.eventLoop.assumeIsolated().scheduleTask(in: settings.messageTimeout) { [self] in
                giveUp(context, RPCError(code: .deadlineExceeded, message: "the message didn't come in time"))
            }
        }
        context.fireChannelReadComplete()
    }

    /// Ends the call with a status.
    private func giveUp(_ context: ChannelHandlerContext, _ error: RPCError) {
        fault = fault ?? error
        context.fireErrorCaught(error)
        close(context: context, mode: .all, promise: nil)
    }

    /// gRPC's handler gives the call up.
    fileprivate func handlerFailed(_ error: any Error) {
        guard let error = error as? RPCError, fault == nil else { return }
        // It doesn't say what is wrong with a message. As sent it is small enough.
        fault =
            error.code == .internalError && framing.isCompressed
            ? RPCError(
                code: .resourceExhausted,
                message: "the compressed message is larger than \(settings.messageBytes) bytes, or broken")
            : error
    }

    func channelInactive(context: ChannelHandlerContext) {
        timer?.cancel()
        hasEndedReply = true
        context.fireChannelInactive()
    }

    func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
        if case .headers(let frame) = unwrapOutboundIn(data) {
            hasBegunReply = true
            if frame.endStream { hasEndedReply = true }
        }
        context.write(data, promise: promise)
    }

    func close(context: ChannelHandlerContext, mode: CloseMode, promise: EventLoopPromise<Void>?) {
        timer?.cancel()
        guard let fault, !hasEndedReply else { return context.close(mode: mode, promise: promise) }
        hasEndedReply = true
        var trailers = HPACKHeaders()
        if !hasBegunReply {
            trailers.add(name: ":status", value: "200")
            trailers.add(name: "content-type", value: "application/grpc")
        }
        trailers.add(name: "grpc-status", value: String(fault.code.rawValue))
        // Our own words and gRPC's, which are ASCII without a percent sign.
        trailers.add(name: "grpc-message", value: fault.message)
        context.write(wrapOutboundOut(.headers(.init(headers: trailers, endStream: true))), promise: nil)
        // "No error" says that the reply counts although the request wasn't read to its end (RFC 9113, section 8.1).
        context.writeAndFlush(wrapOutboundOut(.rstStream(.noError))).assumeIsolated().whenComplete { _ in
            context.close(mode: mode, promise: promise)
        }
    }
}

/// Stands behind gRPC's handler and tells the guard what it found wrong.
private final class FaultHandler: ChannelInboundHandler {
    typealias InboundIn = Any

    private let streamGuard: StreamGuard

    init(_ streamGuard: StreamGuard) {
        self.streamGuard = streamGuard
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        streamGuard.handlerFailed(error)
        context.fireErrorCaught(error)
    }
}
