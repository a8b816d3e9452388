import FoundationEssentials
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
        let configuration = try DeploymentConfiguration(yaml: text, file: "model.yaml", name: "m")
        checkDocument(of: configuration)
    } catch {
        check(error.faults, of: "model.yaml")
        expect(!error.faults.isEmpty, "refused without a reason")
    }
    check(ServerConfiguration.read(yaml: text, file: "manta.yaml").faults, of: "manta.yaml")
    do throws(ConfigurationErrors) {
        _ = try ScaleRequest(json: text)
    } catch {
        check(error.faults, of: "body")
    }
    return 0
}

/// The status tells what was read in the form in which it can be read again.
private func checkDocument(of configuration: DeploymentConfiguration) {
    let encoder = JSONEncoder()
    encoder.keyEncodingStrategy = .convertToSnakeCase
    do {
        let document = String(decoding: try encoder.encode(configuration.document), as: UTF8.self)
        let back = try DeploymentConfiguration(yaml: document, file: "", name: "m")
        expect(back == configuration, "\(document) doesn't say what was read: \(configuration)")
    } catch {
        finding("what was read can't be written and read again: \(error)")
    }
}

private func check(_ faults: [ConfigurationFault], of file: String) {
    for fault in faults {
        checkMessage(fault.message)
        expect(fault.file == file, "a fault of \"\(fault.file)\"")
        expect(fault.line ?? 1 > 0 && fault.column ?? 1 > 0, "a fault at \(fault)")
        expect(!fault.description.contains { $0.isNewline }, "a fault of more than one line: \(fault)")
    }
}
