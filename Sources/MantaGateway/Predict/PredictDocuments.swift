import MantaCore

/// `GET /v1/models` and `GET /v2/models`, as KServe's server answers them.
struct ModelList: Encodable {
    let models: [String]
}

/// `GET /v1/models/{model}`.
struct ModelStatus: Encodable {
    struct Version: Encodable {
        struct Status: Encodable {
            let errorCode: String
            let errorMessage: String
        }

        let version: String
        let state: String
        let status: Status
    }

    let name: String
    let ready: Bool
    let modelVersionStatus: [Version]
    /// Why it isn't ready.
    let error: String?

    /// The versions that serve, or those that would but for an error.
    init(name: String, versions: [Int], error: String? = nil) {
        self.name = name
        ready = error == nil
        let status = Version.Status(errorCode: error == nil ? "OK" : "UNAVAILABLE", errorMessage: error ?? "")
        // TensorFlow Serving has the newest first.
        modelVersionStatus = versions.reversed().map {
            Version(version: String($0), state: error == nil ? "AVAILABLE" : "START", status: status)
        }
        self.error = error
    }
}

/// `GET /v1/models/{model}/metadata`, as TensorFlow Serving tells a signature.
struct PredictMetadata: Encodable {
    struct Specification: Encodable {
        let name: String
        let signatureName = ""
        let version: String
    }

    struct Tensor: Encodable {
        struct Shape: Encodable {
            struct Size: Encodable {
                let size: String
                let name: String
            }

            let dim: [Size]
            let unknownRank: Bool
        }

        let dtype: String
        let tensorShape: Shape
        let name: String

        init(_ spec: TensorSpec) {
            name = spec.name
            dtype = spec.dataType.tensorFlowName
            tensorShape = Shape(
                dim: spec.hasAnyShape
                    ? []
                    : zip(spec.shape.dimensions, spec.symbols).map { Shape.Size(size: String($0), name: $1 ?? "") },
                unknownRank: spec.hasAnyShape)
        }
    }

    struct Signature: Encodable {
        let inputs: [String: Tensor]
        let outputs: [String: Tensor]
        let methodName = "tensorflow/serving/predict"
    }

    let modelSpec: Specification
    let metadata: [String: [String: [String: Signature]]]

    init(name: String, version: Int, signature: ModelSignature) {
        modelSpec = Specification(name: name, version: String(version))
        func tensors(_ specs: [TensorSpec]) -> [String: Tensor] {
            Dictionary(specs.map { ($0.name, Tensor($0)) }) { first, _ in first }
        }
        let signature = Signature(inputs: tensors(signature.inputs), outputs: tensors(signature.outputs))
        metadata = ["signature_def": ["signature_def": ["serving_default": signature]]]
    }
}

extension DataType {
    /// The name in TensorFlow's `DataType`.
    fileprivate var tensorFlowName: String {
        switch self {
        case .bool: "DT_BOOL"
        case .int8: "DT_INT8"
        case .int16: "DT_INT16"
        case .int32: "DT_INT32"
        case .int64: "DT_INT64"
        case .uint8: "DT_UINT8"
        case .uint16: "DT_UINT16"
        case .uint32: "DT_UINT32"
        case .uint64: "DT_UINT64"
        case .fp16: "DT_HALF"
        case .bf16: "DT_BFLOAT16"
        case .fp32: "DT_FLOAT"
        case .fp64: "DT_DOUBLE"
        case .bytes: "DT_STRING"
        }
    }
}
