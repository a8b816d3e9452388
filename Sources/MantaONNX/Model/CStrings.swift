/// Texts as C wants them, made once and passed to every run.
///
/// Unchecked Sendable: nothing is written after `init`.
@safe final class CStrings: @unchecked Sendable {
    /// One pointer for each text, valid as long as this object.
    let pointers: UnsafeBufferPointer<UnsafePointer<CChar>?>
    private let bytes: UnsafeMutableBufferPointer<CChar>

    /// Copies texts, each with a zero at its end.
    init(_ texts: [[CChar]]) {
        let bytes = UnsafeMutableBufferPointer<CChar>.allocate(capacity: max(1, texts.reduce(0) { $0 + $1.count }))
        let pointers = UnsafeMutableBufferPointer<UnsafePointer<CChar>?>.allocate(capacity: texts.count)
        var offset = 0
        for (index, text) in texts.enumerated() {
            unsafe pointers.initializeElement(at: index, to: UnsafePointer(bytes.baseAddress! + offset))
            for byte in text {
                unsafe bytes.initializeElement(at: offset, to: byte)
                offset += 1
            }
        }
        unsafe self.bytes = bytes
        unsafe self.pointers = UnsafeBufferPointer(pointers)
    }

    deinit {
        unsafe pointers.deallocate()
        unsafe bytes.deallocate()
    }
}
