/// What an operator asks of a deployment's number of replicas.
public enum ScaleRequest: Sendable, Hashable {
    /// So many, whatever the load.
    case pinned(Int)
    /// As the load needs, between these; `nil` as configured.
    case automatic(min: Int?, max: Int?)
    /// As configured.
    case configured

    /// Reads `{"replicas": 3}`, `{"min": 1, "max": 8}` or `{"autoscale": true}`; `{"autoscale": false}` is as configured.
    ///
    /// - Throws: ``ConfigurationErrors`` with every fault of the text.
    public init(json: String) throws(ConfigurationErrors) {
        var replicas: Int?
        var (min, max): (Int?, Int?)
        var autoscale: Bool?
        let counts = 0...1024
        var faults = MappingReader.faults(in: json, file: "body") { keys in
            keys.value("replicas", .integer(in: counts)) { replicas = $0 }
            keys.value("min", .integer(in: counts)) { min = $0 }
            keys.value("max", .integer(in: 1...1024)) { max = $0 }
            keys.value("autoscale", .flag) { autoscale = $0 }
        }
        let hasBounds = min != nil || max != nil
        func fault(_ message: String) { faults.append(ConfigurationFault(file: "body", message: message)) }
        if faults.isEmpty {
            if replicas == nil, !hasBounds, autoscale == nil {
                fault("expected \"replicas\", \"min\" and \"max\", or \"autoscale\", found none of them")
            }
            if replicas != nil, hasBounds || autoscale == true {
                fault("\"replicas\" pins the number, \"min\", \"max\" and \"autoscale\" free it: expected one of both")
            }
            if autoscale == false, hasBounds { fault("\"min\" and \"max\" mean nothing with \"autoscale\": false") }
            if let min, let max, min > max { fault("\"min\" is \(min), more than \"max\", which is \(max)") }
        }
        guard faults.isEmpty else { throw ConfigurationErrors(faults: faults) }
        if let replicas {
            self = .pinned(replicas)
        } else {
            self = autoscale == false ? .configured : .automatic(min: min, max: max)
        }
    }
}
