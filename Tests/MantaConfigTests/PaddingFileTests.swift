import MantaServing
import Testing

@testable import MantaConfig

@Suite("Padding in model.yaml")
struct PaddingFileTests {
    private func read(_ yaml: String) throws(ConfigurationErrors) -> DeploymentConfiguration {
        try DeploymentConfiguration(yaml: yaml, file: "model.yaml", name: "m")
    }

    private func faults(_ yaml: String) -> [String] {
        do throws(ConfigurationErrors) {
            _ = try read(yaml)
            return []
        } catch {
            return error.faults.map(\.description)
        }
    }

    /// The faults of one input whose padding this is.
    private func faults(padding: String, beside keys: String = "") -> [String] {
        faults("inputs:\n  - {name: ids, padding: \(padding)\(keys)}")
    }

    @Test("reaches its place, and is written again")
    func reads() throws {
        let configuration = try read(
            """
            inputs:
              - {name: ids, padding: {dimension: 1, buckets: [16, 32], value: -1}}
              - {name: mask, datatype: FP32, padding: {dimension: 2, buckets: [16, 32], value: 0.5}}
              - {name: kind, padding: {dimension: 1, buckets: [16, 32]}}
            outputs:
              - {name: tokens, padded_dimensions: [1, 2]}
              - {name: pooled, padded_dimensions: []}
              - {name: rest}
            """)

        #expect(
            configuration.inputs.map(\.padding) == [
                .init(dimension: 1, buckets: [16, 32], value: .integer(-1)),
                .init(dimension: 2, buckets: [16, 32], value: .decimal(0.5)),
                .init(dimension: 1, buckets: [16, 32], value: .integer(0)),
            ])
        #expect(configuration.outputs.map(\.paddedDimensions) == [[1, 2], [], nil])
        #expect(try read(configuration.yaml()) == configuration)
    }

    @Test("what is wrong is told by its key")
    func refuses() {
        let at = "model.yaml:2:26: inputs[0].padding"

        #expect(
            faults(padding: "{dimension: 0, buckets: [16]}") == [
                "model.yaml:2:38: inputs[0].padding.dimension: expected a dimension from 1 to 63, the batch being 0, found 0"
            ])
        #expect(
            faults(padding: "{dimension: 1, buckets: []}") == [
                "model.yaml:2:50: inputs[0].padding.buckets: expected a list, each a whole number from 1 to 16777216, "
                    + "found an empty list"
            ])
        #expect(
            faults(padding: "{dimension: 1, buckets: [32, 16]}") == [
                "model.yaml:2:50: inputs[0].padding.buckets: expected sizes that grow, found 16 after 32"
            ])
        #expect(
            faults(padding: "{dimension: 1, buckets: [16], value: much}") == [
                "model.yaml:2:63: inputs[0].padding.value: expected a number, found the string \"much\""
            ])
        #expect(
            faults(padding: "{buckets: [16], bucket: 3}") == [
                "\(at): the key \"dimension\" is missing",
                "model.yaml:2:42: inputs[0].padding: unknown key \"bucket\", did you mean \"buckets\"? allowed here: "
                    + "dimension, buckets, value",
            ])
        #expect(
            faults(padding: "{dimension: 1, buckets: [16], value: 256}", beside: ", datatype: UINT8") == [
                "\(at): value: expected a number that UINT8 has, got 256"
            ])
        #expect(
            faults(padding: "{dimension: 1, buckets: [16]}", beside: ", datatype: BYTES") == [
                "\(at): expected an input of numbers, not of BYTES"
            ])
        #expect(
            faults(padding: "{dimension: 1, buckets: [16]}", beside: ", shape: [-1, 4]") == [
                "\(at): dimension: expected a size that is free, but 1 of [-1, 4] is fixed"
            ])
        #expect(
            faults(padding: "{dimension: 1, buckets: [16]}", beside: ", shape: [-1, 4], reshape: [-1, 4]") == [
                "\(at): expected no \"reshape\" beside it"
            ])
    }

    @Test("what makes no sense together is told")
    func together() {
        let padding = "padding: {dimension: 1, buckets: [16]}"

        #expect(
            faults("batching: {max_batch_size: 0}\ninputs: [{name: x, \(padding)}]") == [
                "model.yaml:2:9: inputs: padding is for requests that share batches, but batching.max_batch_size is 0"
            ])
        #expect(
            faults("batching: {across_requests: false}\ninputs: [{name: x, \(padding)}]") == [
                "model.yaml:2:9: inputs: padding is for requests that share batches, but batching.across_requests is false"
            ])
        #expect(
            faults("inputs: [{name: x, \(padding)}, {name: y, padding: {dimension: 1, buckets: [8]}}]") == [
                "model.yaml:1:9: inputs: padding.buckets: expected the same of all inputs, since they have one length: "
                    + "\"x\" has [16], \"y\" [8]"
            ])
        #expect(
            faults("outputs: [{name: y, padded_dimensions: [1]}]") == [
                "model.yaml:1:10: outputs: padded_dimensions: expected an input with \"padding\""
            ])
        // Without the batch, where a maximum is given.
        #expect(
            faults("batching: {max_batch_size: 8}\ninputs: [{name: x, shape: [-1], \(padding)}]") == [])
    }
}
