import FuzzKit
import MantaHTTP

private let subject = Subject.start()

/// A request that is right, to see whether the server still serves.
private let goodRequest = {
    let body = #"{"inputs":[{"name":"x","shape":[1,2],"datatype":"FP32","data":[0.5,-3]}]}"#
    return Array(
        "POST /v2/models/FP32/infer HTTP/1.1\r\nHost: x\r\nContent-Length: \(body.utf8.count)\r\n\r\n\(body)".utf8)
}()
/// How its reply begins and ends.
private let goodReply = (start: Array("HTTP/1.1 200 OK\r\n".utf8), end: Array(#""data":[0.5,-3]}]}"#.utf8))

/// Sends the input to the server: its first byte says in how many pieces, the rest is what is sent.
@_cdecl("LLVMFuzzerTestOneInput")
func testOneInput(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    guard count > 1 else { return -1 }
    let input = unsafe Array(UnsafeBufferPointer(start: start, count: count))
    let bytes = input[1...]
    let pieces = Int(input[0] & 7) + 1
    do {
        let stream = ByteStream(port: subject.port)
        var sent = bytes.startIndex
        for piece in 1...pieces {
            let end = piece == pieces ? bytes.endIndex : bytes.startIndex + bytes.count * piece / pieces
            stream.send(bytes[sent..<end])
            sent = end
        }
        let mayLackBodies = bytes.firstRange(of: Array("HEAD".utf8)) != nil
        ReplyReader.check(stream.finish(patience: .milliseconds(2)), mayLackBodies: mayLackBodies)
    }
    checkGoodRequest()
    return 0
}

/// A finding unless a new client gets its answer.
private func checkGoodRequest() {
    let stream = ByteStream(port: subject.port)
    stream.send(goodRequest[...])
    var reply = stream.take(1).received
    while !reply.suffix(goodReply.end.count).elementsEqual(goodReply.end) {
        let more = stream.take(1).received
        if more.isEmpty { break }
        reply += more
    }
    expect(
        reply.starts(with: goodReply.start) && reply.suffix(goodReply.end.count).elementsEqual(goodReply.end),
        "a good request is answered by \(String(decoding: reply, as: UTF8.self))")
    // Those of clients that have gone are closed soon after.
    expect(subject.server.connectionCount < 1000, "\(subject.server.connectionCount) connections are left open")
}
