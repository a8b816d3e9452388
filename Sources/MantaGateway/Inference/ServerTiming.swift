import MantaCore
import MantaTime

/// The header `Server-Timing` (W3C Server Timing): where the time of an inference went, in milliseconds.
@safe struct ServerTiming {
    private let target: UnsafeMutableBufferPointer<UInt8>
    private var count = 0

    /// `queue;dur=0.012, batch;dur=0.003, run;dur=0.310, total;dur=0.402`.
    static func header(_ timing: InferenceTiming, total: Duration) -> String {
        unsafe String(unsafeUninitializedCapacity: capacity) { target in
            var header = unsafe ServerTiming(target: target)
            header.write("queue;dur=", timing.queue)
            header.write(", batch;dur=", timing.batch)
            header.write(", run;dur=", timing.run)
            if timing.cache == .hit { header.write(", cache;desc=hit;dur=", timing.lookup) }
            header.write(", total;dur=", total)
            return header.count
        }
    }

    private mutating func write(_ name: StaticString, _ duration: Duration) {
        name.withUTF8Buffer { text in
            for index in 0..<text.count { unsafe write(text[index]) }
        }
        let (milliseconds, microseconds) = (max(0, duration.nanoseconds) / 1000).quotientAndRemainder(dividingBy: 1000)
        write(digits: milliseconds, atLeast: 1)
        write(UInt8(ascii: "."))
        write(digits: microseconds, atLeast: 3)
    }

    private mutating func write(digits number: Int64, atLeast least: Int) {
        var (width, rest) = (least, number)
        for _ in 0..<least { rest /= 10 }
        while rest > 0 {
            rest /= 10
            width += 1
        }
        rest = number
        count += width
        for place in 1...width {
            unsafe target[count - place] = UInt8(ascii: "0") + UInt8(rest % 10)
            rest /= 10
        }
    }

    private mutating func write(_ byte: UInt8) {
        unsafe target[count] = byte
        count += 1
    }

    /// Five names of up to 21 bytes, each with as many digits as a number of 64 bits has and a point.
    private static let capacity = 5 * (21 + 20 + 1)
}
