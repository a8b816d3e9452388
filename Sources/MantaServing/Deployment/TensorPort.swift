public import MantaCore

/// What clients see of one input or output of a model, where that isn't just what the model has.
public struct TensorPort: Sendable, Hashable {
    /// The order of a picture's dimensions, for clients; nothing is done with it.
    public enum Format: String, Sendable, CaseIterable {
        case nhwc, nchw
    }

    /// What each class of an output is called.
    public struct Labels: Sendable, Hashable {
        /// The file that says so, one to a line; `nil` if the configuration itself does.
        public var path: String?
        /// The names; those of a file as they were when it was read.
        public var names: [String]

        /// These names.
        public init(path: String? = nil, names: [String]) {
            (self.path, self.names) = (path, names)
        }
    }

    /// Its name, the model's own.
    public var name: String
    /// The type of its elements, which must be the model's. `nil`: the model's.
    public var dataType: DataType?
    /// Its sizes, -1 for any; without the first if the configuration asks for batches. `nil`: the model's.
    public var shape: [Int]?
    /// The sizes that the model has instead, of as many elements. `nil`: the same.
    public var reshape: [Int]?
    /// Whether requests may leave it out, which must be so in the model.
    public var isOptional = false
    /// The order of a picture's dimensions.
    public var format: Format?
    /// What each class is called.
    public var labels: Labels?
    /// How requests whose input differs in one size come to share batches. `nil`: they don't.
    public var padding: Padding?
    /// The dimensions of an output that are as long as the padded one of the inputs. `nil`: those that the model calls
    /// the same.
    public var paddedDimensions: [Int]?

    /// An input or output as the model has it.
    public init(name: String) {
        self.name = name
    }
}

/// Inputs to run before a version is ready.
public struct WarmupSample: Sendable, Hashable {
    /// What an input holds.
    public enum Content: Sendable, Hashable {
        case zeros, random
        case file(DataFile)
    }

    /// A file with the bytes of a tensor, as the protocol's binary form has them.
    public struct DataFile: Sendable, Hashable {
        /// Where it is.
        public var path: String
        /// What the file system says of it: another stamp is another content.
        public var stamp: String

        /// A file as it was found.
        public init(path: String, stamp: String) {
            (self.path, self.stamp) = (path, stamp)
        }
    }

    /// One input.
    public struct Input: Sendable, Hashable {
        /// Its name in the signature that clients see.
        public var name: String
        /// The type of its elements.
        public var dataType: DataType
        /// Its sizes; without the first if the configuration asks for batches.
        public var shape: [Int]
        /// What it holds.
        public var content: Content

        /// An input that holds this.
        public init(_ name: String, _ dataType: DataType, _ shape: [Int], _ content: Content) {
            (self.name, self.dataType, self.shape, self.content) = (name, dataType, shape, content)
        }
    }

    /// What messages call it.
    public var name: String
    /// Its rows, at least 1.
    public var rows = 1
    /// How often it is run, at least once.
    public var count = 1
    /// Its inputs, by name.
    public var inputs: [Input] = []

    /// A sample without inputs.
    public init(name: String) {
        self.name = name
    }
}
