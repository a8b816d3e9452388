internal import Glibc

/// A message in protobuf's wire format in a file, of which only what is asked for is read. See "Encoding" in
/// protobuf's documentation.
///
/// The file isn't mapped: were it cut while we look, that would end the process.
struct FileMessage {
    /// A field.
    struct Field {
        /// Its number.
        let number: Int
        /// What it holds if that has a length of its own: bytes, a text, a message.
        let message: FileMessage?
        /// What it holds if that is a whole number of variable length.
        let value: UInt64?
        /// Where all of it is in the file, its key included.
        let place: Range<Int>
    }

    /// The bytes aren't a message, or can't be read.
    struct Malformed: Error {}

    private let descriptor: Int32
    private var bytes: Range<Int>

    /// What `body` makes of a whole file; `nil` if that isn't a regular file, or no message as far as it is read.
    static func read<Result>(
        file path: String, _ body: (FileMessage) throws(Malformed) -> Result?
    ) -> Result? {
        let descriptor = unsafe open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { return nil }
        defer { close(descriptor) }
        var status = stat()
        guard unsafe fstat(descriptor, &status) == 0, status.st_mode & S_IFMT == S_IFREG else { return nil }
        do throws(Malformed) {
            return try body(FileMessage(descriptor: descriptor, bytes: 0..<Int(status.st_size)))
        } catch {
            return nil
        }
    }

    /// How many bytes it has.
    var byteCount: Int { bytes.count }

    /// The message in these bytes of an open file.
    private init(descriptor: Int32, bytes: Range<Int>) {
        (self.descriptor, self.bytes) = (descriptor, bytes)
    }

    /// The next field.
    ///
    /// - Throws: ``Malformed`` if there is none although there are bytes.
    mutating func next() throws(Malformed) -> Field? {
        guard !bytes.isEmpty else { return nil }
        // A key and a length, or a key and a value, each of at most ten bytes.
        var head = [UInt8](repeating: 0, count: min(20, bytes.count))
        let count = unsafe pread(descriptor, &head, head.count, bytes.lowerBound)
        guard count > 0 else { throw Malformed() }
        var rest = head[..<count]
        let key = try Self.varint(&rest)
        guard let number = Int(exactly: key >> 3), number > 0 else { throw Malformed() }
        var length: UInt64 = 0
        var value: UInt64?
        switch key & 7 {
        case 0: value = try Self.varint(&rest)
        case 1: length = 8
        case 2: length = try Self.varint(&rest)
        case 5: length = 4
        default: throw Malformed()
        }
        let start = bytes.lowerBound + rest.startIndex
        guard length <= UInt64(bytes.upperBound - start) else { throw Malformed() }
        let end = start + Int(length)
        let place = bytes.lowerBound..<end
        bytes = end..<bytes.upperBound
        let message = key & 7 == 2 ? FileMessage(descriptor: descriptor, bytes: start..<end) : nil
        return Field(number: number, message: message, value: value, place: place)
    }

    /// The message in the first field of a number.
    func message(_ number: Int) throws(Malformed) -> FileMessage? {
        var fields = self
        while let field = try fields.next() {
            if field.number == number, let message = field.message { return message }
        }
        return nil
    }

    /// All of its bytes.
    func contents() throws(Malformed) -> [UInt8] { try contents(of: [bytes]) }

    /// What is at these places in the file, between `head` and `tail`.
    func contents(
        of places: [Range<Int>], head: [UInt8] = [], tail: [UInt8] = []
    ) throws(Malformed) -> [UInt8] {
        let length = places.reduce(head.count + tail.count) { $0 + $1.count }
        do {
            return try unsafe [UInt8](unsafeUninitializedCapacity: length) { room, count in
                count = unsafe room.initialize(fromContentsOf: head)
                for place in places {
                    var place = place
                    while !place.isEmpty {
                        let read = unsafe pread(
                            descriptor, room.baseAddress! + count, place.count, off_t(place.lowerBound))
                        guard read > 0 else { throw Malformed() }
                        count += read
                        place = place.lowerBound + read..<place.upperBound
                    }
                }
                count += unsafe room[count...].initialize(fromContentsOf: tail) - count
            }
        } catch {
            throw Malformed()
        }
    }

    private static func varint(_ bytes: inout ArraySlice<UInt8>) throws(Malformed) -> UInt64 {
        var value: UInt64 = 0
        for shift in stride(from: UInt64(0), to: 70, by: 7) {
            guard let byte = bytes.popFirst() else { throw Malformed() }
            value |= UInt64(byte & 0x7F) << shift
            if byte < 0x80 { return value }
        }
        throw Malformed()
    }
}
