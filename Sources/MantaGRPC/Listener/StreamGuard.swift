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

    private let messageTimeout: TimeAmount
    private let streamingPaths: Set<String>
    private var timer: Scheduled<Void>?
    private var isWaitingForMessage = false
    private var hasBegunReply = false
    private var hasEndedReply = false
    /// What is wrong with the call, told when the handler gives it up.
    fileprivate var fault: RPCError?

    /// Adds the guard, and what tells it of faults, to a stream's pipeline.
    ///
    /// - Parameters:
    ///   - channel: The stream.
    ///   - messageTimeout: From a unary call's headers until its message is there.
    ///   - streamingPaths: The paths of the methods that aren't unary.
    /// - Throws: If the stream is closed already.
    static func add(to channel: any Channel, messageTimeout: TimeAmount, streamingPaths: Set<String>) throws {
        let streamGuard = StreamGuard(messageTimeout: messageTimeout, streamingPaths: streamingPaths)
        try channel.pipeline.syncOperations.addHandler(streamGuard, position: .first)
        try channel.pipeline.syncOperations.addHandler(FaultHandler(streamGuard), position: .last)
    }

    private init(messageTimeout: TimeAmount, streamingPaths: Set<String>) {
        (self.messageTimeout, self.streamingPaths) = (messageTimeout, streamingPaths)
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        var payload = unwrapInboundIn(data)
        switch payload {
        case .headers(var frame):
            let coding = frame.headers.first(name: "grpc-encoding")
            frame.headers.remove(name: "grpc-accept-encoding")
            if let coding { frame.headers.add(name: "grpc-accept-encoding", value: coding) }
            isWaitingForMessage = !frame.endStream && !streamingPaths.contains(frame.headers.first(name: ":path") ?? "")
            payload = .headers(frame)
        case .data(let frame) where frame.endStream:
            isWaitingForMessage = false
            timer?.cancel()
        default: break
        }
        context.fireChannelRead(wrapInboundOut(payload))
    }

    func channelReadComplete(context: ChannelHandlerContext) {
        // Mostly the message has come with the headers, and no timer is needed.
        if isWaitingForMessage, timer == nil {
            timer = context.eventLoop.assumeIsolated().scheduleTask(in: messageTimeout) { [self] in
                let error = RPCError(code: .deadlineExceeded, message: "the message didn't come in time")
                fault = error
                context.fireErrorCaught(error)
                close(context: context, mode: .all, promise: nil)
            }
        }
        context.fireChannelReadComplete()
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
        let end = HTTP2Frame.FramePayload.headers(.init(headers: trailers, endStream: true))
        context.writeAndFlush(wrapOutboundOut(end)).assumeIsolated().whenComplete { _ in
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
        streamGuard.fault = streamGuard.fault ?? error as? RPCError
        context.fireErrorCaught(error)
    }
}
