import FoundationEssentials
package import SwiftProtobuf

/// The .proto files of the services that Manta offers, as protobuf describes them.
package enum WireSchema {
    /// Each file. Those that it imports are among them.
    package static let files: [Google_Protobuf_FileDescriptorProto] = {
        guard let bytes = Data(base64Encoded: wireSchema),
            let set = try? Google_Protobuf_FileDescriptorSet(serializedBytes: [UInt8](bytes))
        else { preconditionFailure("the descriptors that are built in aren't what scripts/generate-wire makes") }
        return set.file
    }()
}
