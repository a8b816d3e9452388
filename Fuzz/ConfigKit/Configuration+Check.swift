import FuzzKit
import FoundationEssentials
package import MantaConfig
package import MantaServing

extension DeploymentConfiguration {
    /// A finding unless the status tells it, and a `model.yaml` is written, in words that give it when they are read.
    package func checkRoundTrip() {
        let encoder = JSONEncoder()
        encoder.keyEncodingStrategy = .convertToSnakeCase
        do {
            check(String(decoding: try encoder.encode(document), as: UTF8.self).asYAML)
        } catch {
            finding("the status can't be written: \(error)")
        }
        check(yaml())
    }

    private func check(_ text: String) {
        do throws(ConfigurationErrors) {
            let back = try DeploymentConfiguration(yaml: text, file: "", name: name)
            expect(back == self, "\(text) gives \(back) in place of \(self)")
        } catch {
            finding("what was read can't be written and read again: \(error): \(text)")
        }
    }
}

extension ConfigurationFault {
    /// A finding unless this says where in this file what is wrong, on one line.
    package func check(of file: String) {
        checkMessage(message)
        expect(self.file == file, "a fault of \"\(self.file)\"")
        expect(line ?? 1 > 0 && column ?? 1 > 0, "a fault at \(self)")
        expect(!description.contains { $0.isNewline }, "a fault of more than one line: \(self)")
    }
}
