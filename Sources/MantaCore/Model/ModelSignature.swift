/// What a model takes and gives.
public struct ModelSignature: Sendable, Hashable {
    /// The inputs, in the model's order.
    public var inputs: [TensorSpec]
    /// The outputs, in the model's order.
    public var outputs: [TensorSpec]

    /// A signature of these inputs and outputs.
    public init(inputs: [TensorSpec], outputs: [TensorSpec]) {
        self.inputs = inputs
        self.outputs = outputs
    }
}

/// The name, type and shape of one input or output of a model.
public struct TensorSpec: Sendable, Hashable {
    /// What requests and replies call it.
    public var name: String
    /// The type of its elements.
    public var dataType: DataType
    /// Its sizes; -1 stands for any. `[-1]` if it may have any number of them.
    public var shape: Shape
    /// Whether tensors of every shape fit, scalars too: the model's author said nothing about it.
    public var hasAnyShape = false
    /// What the model's author called each free size (`batch`), `nil` where it is fixed or unnamed.
    public var symbols: [String?]
    /// Whether a request may leave it out.
    public var isOptional: Bool
    /// What each class of an output is called, by its index; empty if nobody said.
    public var labels: [String] = []

    /// A description of one input or output.
    public init(
        _ name: String, _ dataType: DataType, _ shape: Shape, symbols: [String?] = [], isOptional: Bool = false
    ) {
        self.name = name
        self.dataType = dataType
        self.shape = shape
        self.symbols = symbols.isEmpty ? Array(repeating: nil, count: shape.rank) : symbols
        self.isOptional = isOptional
    }

    /// A description of an input or output whose shape the model's author left open.
    public static func ofAnyShape(_ name: String, _ dataType: DataType, isOptional: Bool = false) -> TensorSpec {
        var spec = TensorSpec(name, dataType, [-1], isOptional: isOptional)
        spec.hasAnyShape = true
        return spec
    }

    /// Whether a tensor of this shape fits.
    public func admits(_ shape: Shape) -> Bool { hasAnyShape || self.shape.admits(shape) }

    /// Whether sizes other than that of the first dimension differ from tensor to tensor.
    public var hasFreeInnerDimensions: Bool { hasAnyShape || shape.dimensions.dropFirst().contains(-1) }
}
