import MantaRuntime
import MantaServing

extension DeploymentConfiguration {
    /// Reads what each replica needs of its node, and which nodes may host it.
    mutating func readNeeds(_ keys: inout MappingReader) {
        keys.mapping("resources") { keys in
            keys.value("cpus", .amount) { resources.cpus = $0 }
            keys.value("memory", .bytes(in: 0...1 << 40)) { resources.memory = $0 }
            keys.value("gpus", .amount) { resources.gpus = $0 }
            // In a mapping of their own, so that a misspelt "cpus" is no resource that no node has.
            keys.named("custom", .amount) { resources.custom = $0 }
        }
        keys.mapping("placement") { keys in
            keys.named("labels", .label) { placement.labels = $0 }
            keys.named("preferred_labels", .label) { placement.preferredLabels = $0 }
        }
    }
}

extension DeploymentConfiguration.Document {
    struct Resources: Encodable {
        let cpus: Double
        let memory: Int
        let gpus: Double
        let custom: [String: Double]
    }

    struct Placement: Encodable {
        let labels: [String: String]
        let preferredLabels: [String: String]
    }
}

extension DeploymentConfiguration.Document.Resources {
    init(_ resources: Resources) {
        cpus = resources.cpus.number
        memory = resources.memory
        gpus = resources.gpus.number
        custom = resources.custom.mapValues(\.number)
    }
}

extension DeploymentConfiguration.Document.Placement {
    init(_ placement: DeploymentConfiguration.Placement) {
        (labels, preferredLabels) = (placement.labels, placement.preferredLabels)
    }
}

extension Amount {
    fileprivate var number: Double { Double(thousandths) / 1000 }
}

extension Kind<Amount> {
    /// How much of something that is counted, to the thousandth. What is finer would be rounded, perhaps to nothing.
    fileprivate static var amount: Self {
        Kind(expected: "a number from 0 to 1000000, with at most three decimals") { scalar in
            let number: Double? =
                switch scalar {
                case .integer(let text), .decimal(let text): Double(text)
                default: nil
                }
            guard let number, (0...1_000_000).contains(number), let amount = Amount(number) else { return nil }
            // Both are the number that is nearest to the same decimal, if it has no more than three places.
            return amount.number == number ? amount : nil
        }
    }
}

extension Kind<String> {
    /// The value of a label. Messages show it, so it is one line.
    fileprivate static var label: Self {
        Kind(expected: "a string of one line and at most 256 bytes") { scalar in
            guard case .string(let text) = scalar, text.utf8.count <= 256,
                !text.unicodeScalars.contains(where: \.breaksMessages)
            else { return nil }
            return text
        }
    }
}
