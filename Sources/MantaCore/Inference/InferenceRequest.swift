/// One request to run a model, whatever protocol it came by.
public struct InferenceRequest: Sendable {
    /// The caller's own name for it, returned in the reply.
    public var id: String?
    /// Parameters of the whole request.
    public var parameters: Parameters
    /// The input tensors by name, in the request's order.
    public var inputs: [NamedTensor]
    /// The outputs wanted, in the order wanted; empty for all.
    public var outputs: [RequestedOutput]
    /// Where it belongs in its caller's trace, if that says so.
    public var trace: TraceContext?

    /// A request with these inputs.
    public init(
        id: String? = nil, parameters: Parameters = [:], inputs: [NamedTensor], outputs: [RequestedOutput] = []
    ) {
        self.id = id
        self.parameters = parameters
        self.inputs = inputs
        self.outputs = outputs
    }
}

/// An output that a request asks for.
public struct RequestedOutput: Sendable, Hashable, ExpressibleByStringLiteral {
    /// The output's name in the model's signature.
    public var name: String
    /// How many of its classes are wanted in place of its elements, the most likely first; at least 1.
    public var classes: Int?
    /// Where the client wants its bytes, if not in the reply.
    public var slice: MemorySlice?

    /// An output as the model gives it.
    public init(_ name: String, classes: Int? = nil, slice: MemorySlice? = nil) {
        (self.name, self.classes, self.slice) = (name, classes, slice)
    }

    /// An output as the model gives it.
    public init(stringLiteral name: String) {
        self.init(name)
    }
}

/// A part of a region of memory that a client on the same machine shares with the server.
public struct MemorySlice: Sendable, Hashable {
    /// The name under which the client registered the region.
    public var region: String
    /// Where it begins in the region, in bytes.
    public var offset: Int
    /// How many bytes it has.
    public var byteCount: Int

    /// A part of a region.
    public init(region: String, offset: Int = 0, byteCount: Int) {
        (self.region, self.offset, self.byteCount) = (region, offset, byteCount)
    }
}

/// The reply to an ``InferenceRequest``.
public struct InferenceResponse: Sendable {
    /// The version that answered.
    public var model: ModelID
    /// The request's id.
    public var id: String?
    /// The output tensors, in the order wanted.
    public var outputs: [NamedTensor]
    /// Where the time went.
    public var timing: InferenceTiming
    /// Whether the first dimension of each output counts the request's rows, since requests may share a batch.
    public var hasRows: Bool

    /// A reply with these outputs.
    public init(
        model: ModelID, id: String? = nil, outputs: [NamedTensor], timing: InferenceTiming = .init(),
        hasRows: Bool = false
    ) {
        self.model = model
        self.id = id
        self.outputs = outputs
        self.timing = timing
        self.hasRows = hasRows
    }
}

/// A tensor and its name.
public struct NamedTensor: Sendable {
    /// The input's or output's name in the model's signature.
    public var name: String
    /// The tensor.
    public var tensor: Tensor
    /// Where the client finds its bytes, if not in the reply: an output that was written into shared memory.
    public var slice: MemorySlice?

    /// A tensor of this name.
    public init(_ name: String, _ tensor: Tensor, slice: MemorySlice? = nil) {
        self.name = name
        self.tensor = tensor
        self.slice = slice
    }
}

/// Where the time of one inference went.
public struct InferenceTiming: Sendable, Hashable {
    /// From admission until a batch took the request.
    public var queue = Duration.zero
    /// Putting the batch together.
    public var input = Duration.zero
    /// The engine's run.
    public var run = Duration.zero
    /// Taking the batch's results apart.
    public var output = Duration.zero
    /// Rows that ran together with this request's, its own included.
    public var batchRows = 0
    /// What the response cache had to say, where there is one.
    public var cache: CacheUse?
    /// Looking the answer up in the cache, waiting for it or keeping it.
    public var lookup = Duration.zero

    /// Whether an answer came from the response cache.
    public enum CacheUse: Sendable, Hashable {
        /// The model didn't run for it.
        case hit
        /// The model ran.
        case miss
    }

    /// Putting the batch together and taking its results apart.
    public var batch: Duration { input + output }

    /// No time at all.
    public init() {}
}

/// Named values that accompany a request or a tensor.
public typealias Parameters = [String: ParameterValue]

/// The value of a parameter.
public enum ParameterValue: Sendable, Hashable, CustomStringConvertible {
    case bool(Bool)
    case integer(Int64)
    case double(Double)
    case string(String)

    /// As in JSON, but for what a string would escape.
    public var description: String {
        switch self {
        case .bool(let value): "\(value)"
        case .integer(let value): "\(value)"
        case .double(let value): "\(value)"
        case .string(let value): "\"\(value)\""
        }
    }
}
