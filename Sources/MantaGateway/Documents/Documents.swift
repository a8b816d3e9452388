package import FoundationEssentials
import MantaCore
package import MantaHTTP
import MantaServing

/// `GET /v2`.
struct ServerMetadata: Encodable {
    let name = DataPlane.name
    let version: String
    let extensions: [String]
}

/// `GET /v2/models/{model}`.
struct ModelMetadata: Encodable {
    struct Tensor: Encodable {
        let name: String
        let datatype: String
        let shape: [Int]

        init(_ spec: TensorSpec) {
            (name, datatype, shape) = (spec.name, spec.dataType.rawValue, spec.shape.dimensions)
        }
    }

    let name: String
    let versions: [String]
    let platform: String
    let inputs: [Tensor]
    let outputs: [Tensor]

    init(_ deployment: Deployment, signature: ModelSignature) {
        name = deployment.name
        versions = deployment.versions.map(String.init)
        platform = deployment.platform
        inputs = signature.inputs.map(Tensor.init)
        outputs = signature.outputs.map(Tensor.init)
    }
}

extension HTTPResponse {
    /// A reply with this document as JSON.
    ///
    /// It isn't compressed: Triton's client for asyncio accepts that everywhere, and can read it of inferences only.
    package static func json(_ document: some Encodable, status: HTTPStatus = .ok) throws -> HTTPResponse {
        var response = HTTPResponse.json([UInt8](try JSONEncoder.documents.encode(document)), status: status)
        response.isCompressible = false
        return response
    }
}

extension JSONEncoder {
    /// Writes documents as all of Manta's replies are written: keys in snake case and in order.
    package static var documents: JSONEncoder {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        encoder.keyEncodingStrategy = .convertToSnakeCase
        return encoder
    }
}
