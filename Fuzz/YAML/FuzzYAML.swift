import FuzzConfigKit
import FuzzKit
import MantaConfig
import MantaServing

/// Reads the input as a `model.yaml`, as a `manta.yaml` and as an operator's wish for a number of replicas.
@_cdecl("LLVMFuzzerTestOneInput")
func testOneInput(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    guard let text = unsafe String(validating: UnsafeBufferPointer(start: start, count: count), as: UTF8.self) else {
        return -1  // refused by whoever reads the file
    }
    do throws(ConfigurationErrors) {
        try DeploymentConfiguration(yaml: text, file: "model.yaml", name: "m").checkRoundTrip()
    } catch {
        for fault in error.faults { fault.check(of: "model.yaml") }
        expect(!error.faults.isEmpty, "refused without a reason")
    }
    for fault in ServerConfiguration.read(yaml: text, file: "manta.yaml").faults { fault.check(of: "manta.yaml") }
    do throws(ConfigurationErrors) {
        _ = try ScaleRequest(json: text)
    } catch {
        for fault in error.faults { fault.check(of: "body") }
    }
    return 0
}
