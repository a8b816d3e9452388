import FuzzKit
import MantaWire
import SwiftProtobuf

/// Reads the input as a `config.pbtxt`.
@_cdecl("LLVMFuzzerTestOneInput")
func testOneInput(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    guard let text = unsafe String(validating: UnsafeBufferPointer(start: start, count: count), as: UTF8.self) else {
        return -1  // refused by whoever reads the file
    }
    guard let config = try? Inference_ModelConfig(textFormatString: text) else { return 0 }
    let written = config.textFormatString()
    do {
        let back = try Inference_ModelConfig(textFormatString: written)
        // Compared as text: a number that isn't one differs from itself.
        expect(back.textFormatString() == written, "written and read again it is another: \(written)")
    } catch {
        finding("what was read can't be written and read again: \(error): \(written)")
    }
    return 0
}
