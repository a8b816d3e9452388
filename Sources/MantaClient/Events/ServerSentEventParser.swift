/// An event of a stream.
struct ServerSentEvent: Sendable, Hashable {
    /// What to resume after: the id of this event, or of the last that had one; empty if none had.
    var id: String
    /// What kind of event it is.
    var name: String
    /// What it says.
    var data: String
}

/// Takes a stream of events apart (WHATWG HTML, "Server-sent events"), whatever pieces it comes in.
struct ServerSentEventParser {
    /// The size that a line and an event may have.
    static let maxBytes = 1 << 20

    /// The id to resume after.
    private(set) var lastID = ""

    private var line: [UInt8] = []
    private var name = ""
    private var data: [String] = []
    private var dataBytes = 0
    private var isFirstLine = true
    /// The last byte was a carriage return, which a line feed may complete.
    private var isAfterReturn = false

    /// A parser at the start of a stream.
    init(lastID: String = "") {
        self.lastID = lastID
    }

    /// Takes the next bytes.
    ///
    /// - Returns: The events that they complete.
    /// - Throws: ``ClientError`` if a line or an event is too long.
    mutating func feed(_ bytes: some Sequence<UInt8>) throws(ClientError) -> [ServerSentEvent] {
        var events: [ServerSentEvent] = []
        for byte in bytes {
            defer { isAfterReturn = byte == 0x0D }
            switch byte {
            case 0x0A where isAfterReturn: break
            case 0x0A, 0x0D:
                if let event = endLine() { events.append(event) }
            default:
                line.append(byte)
            }
            guard line.count + dataBytes <= Self.maxBytes else {
                throw ClientError(.data, "the server sent an event of more than \(Self.maxBytes >> 20) MiB")
            }
        }
        return events
    }

    private mutating func endLine() -> ServerSentEvent? {
        var text = line[...]
        if isFirstLine, text.starts(with: [0xEF, 0xBB, 0xBF]) { text = text.dropFirst(3) }
        isFirstLine = false
        defer { line.removeAll(keepingCapacity: true) }
        guard !text.isEmpty else { return dispatch() }
        let colon = text.firstIndex(of: 0x3A) ?? text.endIndex
        var value = text[colon...].dropFirst()
        if value.first == 0x20 { value = value.dropFirst() }
        let field = String(decoding: value, as: UTF8.self)
        switch String(decoding: text[..<colon], as: UTF8.self) {
        case "data":
            data.append(field)
            dataBytes += value.count + 1
        case "event": name = field
        case "id" where !value.contains(0): lastID = field
        default: break  // Comments, which have no name, and fields that nobody knows.
        }
        return nil
    }

    private mutating func dispatch() -> ServerSentEvent? {
        defer { (name, data, dataBytes) = ("", [], 0) }
        guard !data.isEmpty else { return nil }
        return ServerSentEvent(id: lastID, name: name.isEmpty ? "message" : name, data: data.joined(separator: "\n"))
    }
}
