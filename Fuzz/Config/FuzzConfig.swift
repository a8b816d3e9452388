import FuzzConfigKit
import FuzzKit
import MantaConfig
import MantaServing

/// Reads the input as a `config.pbtxt`, and as the same in JSON, as clients send it.
@_cdecl("LLVMFuzzerTestOneInput")
func testOneInput(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    guard let text = unsafe String(validating: UnsafeBufferPointer(start: start, count: count), as: UTF8.self) else {
        return -1  // refused by whoever reads the file
    }
    if text.first == "{" {
        check(file: "config") { () throws(ConfigurationErrors) in
            try DeploymentConfiguration(tritonJSON: text, name: "m", folder: "f")
        }
    } else {
        check(file: "config.pbtxt") { () throws(ConfigurationErrors) in
            try DeploymentConfiguration(tritonText: text, file: "config.pbtxt", name: "m", folder: "f")
        }
    }
    return 0
}

private func check(file: String, _ read: () throws(ConfigurationErrors) -> DeploymentConfiguration) {
    do throws(ConfigurationErrors) {
        try read().checkRoundTrip()
    } catch {
        for fault in error.faults { fault.check(of: file) }
        expect(!error.faults.isEmpty, "refused without a reason")
    }
}
