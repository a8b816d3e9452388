package import MantaAutoscaler
import MantaTime

/// How the number of a deployment's replicas follows its load.
package struct ScalingRecord: Codable, Sendable, Equatable {
    /// A change of the number, and why. When it was isn't in it: nodes have no common clock.
    package struct Change: Codable, Sendable, Equatable {
        package var from: Int
        package var to: Int
        package var reason: String
        var inputs: Decision.Inputs

        init(_ decision: Decision) {
            (from, to, reason, inputs) = (decision.from, decision.to, decision.reason, decision.inputs)
        }

        /// As a decision, of an unknown time.
        var decision: Decision { Decision(at: .origin, from: from, to: to, reason: reason, inputs: inputs) }
    }

    package var configuration: AutoscalingConfiguration
    /// The last change.
    package var last: Change?

    /// It follows these rules and hasn't changed yet.
    package init(_ configuration: AutoscalingConfiguration) {
        self.configuration = configuration
    }
}
