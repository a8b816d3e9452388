internal import CMantaJSON
internal import MantaCore

/// A JSON text whose tokens are known. The memory they are listed in is used again for the thread's next text.
@safe struct JSONDocument: ~Copyable {
    let raw: UnsafeMutablePointer<manta_json>

    /// Finds the tokens of a text, which must outlive the document.
    @unsafe init(_ text: UnsafeBufferPointer<UInt8>) throws(ServingError) {
        let raw = unsafe manta_json_acquire()
        let status = unsafe manta_json_index(raw, text.baseAddress, text.count)
        guard let raw = unsafe raw, status == MANTA_JSON_OK else {
            unsafe manta_json_release(raw)
            throw unsafe JSONFault.inText(status, text)
        }
        unsafe self.raw = raw
    }

    deinit {
        unsafe manta_json_release(raw)
    }
}
