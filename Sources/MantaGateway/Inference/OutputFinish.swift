import MantaCore
import MantaProtocol
import MantaSharedMemory

/// Makes of a model's outputs what the request asked for beyond them: classes, and copies in shared memory.
struct OutputFinish {
    private let wanted: [RequestedOutput]
    private let memory: SharedMemory?
    /// Whether any output is wanted in another way than it is.
    private let changes: Bool

    /// What these outputs ask for.
    init(_ wanted: [RequestedOutput], memory: SharedMemory?) {
        self.wanted = wanted
        self.memory = memory
        changes = wanted.contains { $0.classes != nil || $0.slice != nil }
    }

    /// Checks, before the model runs, what can be known by then.
    ///
    /// - Throws: ``ServingError`` that names the output.
    func check(against signature: ModelSignature) throws(ServingError) {
        guard changes else { return }
        for (index, output) in wanted.enumerated() {
            try Self.at(.output(output.name, index: index)) { () throws(ServingError) in
                if let classes = output.classes {
                    guard output.slice == nil else {
                        throw ServingError(.invalidRequest, "classes can't be written into shared memory")
                    }
                    let spec = signature.outputs.first { $0.name == output.name }
                    try Classification.check(classes, of: spec?.dataType)
                }
                if let slice = output.slice {
                    try memory.orForbidden().check(slice)
                }
            }
        }
    }

    /// Classifies, and writes into shared memory: nothing unless all outputs fit.
    ///
    /// - Throws: ``ServingError`` that names the output.
    func callAsFunction(
        _ response: InferenceResponse, signature: ModelSignature
    ) throws(ServingError) -> InferenceResponse {
        // Outputs come in the order asked for; none asked for means all, as they are.
        guard changes else { return response }
        var response = response
        if let memory {
            for (index, output) in wanted.enumerated() {
                guard let slice = output.slice else { continue }
                _ = try Self.at(.output(output.name, index: index)) { () throws(ServingError) in
                    try memory.size(of: response.outputs[index].tensor, in: slice)
                }
            }
        }
        for (index, output) in wanted.enumerated() {
            let tensor = response.outputs[index].tensor
            let place = Place.output(output.name, index: index)
            if let classes = output.classes {
                let labels = signature.outputs.first { $0.name == output.name }?.labels ?? []
                let classification = Classification(count: classes, labels: labels, hasRows: response.hasRows)
                response.outputs[index].tensor = try Self.at(place) { () throws(ServingError) in
                    try classification(tensor)
                }
            }
            if let slice = output.slice, let memory {
                response.outputs[index].slice = try Self.at(place) { () throws(ServingError) in
                    try memory.write(tensor, to: slice)
                }
            }
        }
        return response
    }

    private static func at<Result>(
        _ place: Place, _ body: () throws(ServingError) -> Result
    ) throws(ServingError) -> Result {
        do throws(ServingError) {
            return try body()
        } catch {
            throw place.error(error)
        }
    }
}
