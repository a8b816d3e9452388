import MantaWire
import SwiftProtobuf

extension TextFormat {
    /// Fields that may be given more than once, in any of the messages of a configuration.
    private static let repeated: Set<String> = [
        "input", "output", "instance_group", "cc_model_filenames", "metric_tags", "parameters", "model_warmup",
        "batch_input", "batch_output", "dims", "shape", "target_name", "source_input", "versions", "gpus", "profile",
        "secondary_devices", "resources", "preferred_batch_size", "priority_queue_policy", "control_input", "control",
        "int32_false_true", "fp32_false_true", "bool_false_true", "state", "initial_state", "step", "input_map",
        "output_map", "graph_spec", "dim", "gpu_execution_accelerator", "cpu_execution_accelerator", "inputs",
        "op_library_filename", "agents", "metric_control", "buckets",
    ]

    /// Faults of a message or a list that are all told. What has more of them is mended in two goes.
    private static let maxFaults = 32

    /// The message that the text is.
    ///
    /// - Throws: ``ConfigurationErrors`` with every field that isn't right by itself.
    func message(file: String) throws(ConfigurationErrors) -> Inference_ModelConfig {
        var faults: [ConfigurationFault] = []
        for (field, before) in repetitions(in: fields).prefix(Self.maxFaults) {
            faults.append(
                Self.fault(file, field.place, "\(field.name) is given twice, first in line \(before.place.line)"))
        }
        do {
            let message = try Inference_ModelConfig(textFormatString: text(bytes.indices))
            guard faults.isEmpty else { throw ConfigurationErrors(faults: faults) }
            return message
        } catch let error as ConfigurationErrors {
            throw error
        } catch {
            for field in fields where faults.count < Self.maxFaults {
                faults += self.faults(of: field, within: ("", ""), path: "", file: file)
            }
            // Each field is right by itself: only together they aren't.
            if faults.isEmpty {
                let excluded = firstExcluded(in: fields)
                let path = excluded.map { $0.name + ": " } ?? ""
                faults.append(Self.fault(file, excluded?.place, path + Self.words(for: error)))
            }
            throw ConfigurationErrors(faults: faults)
        }
    }

    /// The fields that are at fault: the innermost that can't be decoded although nothing around them is wrong.
    private func faults(
        of field: Field, within around: (before: String, after: String), path: String, file: String
    ) -> [ConfigurationFault] {
        guard let error = Self.error(of: around.before + text(field.range) + around.after) else { return [] }
        let path = path.isEmpty ? field.name : path + "." + field.name
        var faults: [ConfigurationFault] = []
        switch field.value {
        case .scalar: break
        case .message(let fields):
            let around = (around.before + field.name + " { ", " }" + around.after)
            for inner in fields where faults.count < Self.maxFaults {
                faults += self.faults(of: inner, within: around, path: path, file: file)
            }
        case .list(let elements):
            for (place, range, value) in elements where faults.count < Self.maxFaults {
                var element = field.name + ": " + text(range)
                var error = Self.error(of: around.before + element + around.after)
                if case .message(let fields) = value {
                    let around = (around.before + field.name + " { ", " }" + around.after)
                    let before = faults.count
                    for inner in fields where faults.count < before + Self.maxFaults {
                        faults += self.faults(of: inner, within: around, path: path, file: file)
                    }
                    if faults.count > before { error = nil }
                    element = ""
                }
                if let error {
                    faults.append(Self.fault(file, place, "\(path): " + Self.words(for: error, value: element)))
                }
            }
        }
        if !faults.isEmpty { return faults }
        return [Self.fault(file, field.place, "\(path): " + Self.words(for: error, value: text(field.range)))]
    }

    /// The first field that can't be decoded after those before it.
    private func firstExcluded(in fields: [Field]) -> Field? {
        // Each look decodes all that came before, so a text of very many fields isn't looked through.
        fields.prefix(Self.maxFaults).first { field in Self.error(of: text(0..<field.range.upperBound)) != nil }
    }

    private static func error(of text: String) -> (any Error)? {
        do {
            _ = try Inference_ModelConfig(textFormatString: text)
            return nil
        } catch {
            return error
        }
    }

    private func repetitions(in fields: [Field]) -> [(Field, Field)] {
        var first: [String: Field] = [:]
        var found: [(Field, Field)] = []
        for field in fields {
            if let before = first[field.name], !Self.repeated.contains(field.name) { found.append((field, before)) }
            first[field.name] = first[field.name] ?? field
            switch field.value {
            case .scalar: break
            case .message(let inner): found += repetitions(in: inner)
            case .list(let elements):
                for case (_, _, .message(let inner)) in elements { found += repetitions(in: inner) }
            }
        }
        return found
    }

    private static func fault(_ file: String, _ place: Place?, _ message: String) -> ConfigurationFault {
        ConfigurationFault(file: file, line: place?.line, column: place?.column, message: message)
    }

    private static func words(for error: any Error, value: String = "") -> String {
        let shown = value.isEmpty ? "" : ": " + ScalarValue.quoted(value)
        return switch error as? TextFormatDecodingError {
        case .unknownField: "there is no such field here"
        case .unrecognizedEnumValue: "unknown word" + shown
        case .malformedNumber: "expected a number in range" + shown
        case .schemaMismatch, .malformedText, .truncated, .trailingGarbage: "this value doesn't fit the field" + shown
        case .conflictingOneOf: "excludes another field that is given too"
        case .invalidUTF8: "isn't UTF-8"
        default: "can't be read (\(error))"
        }
    }
}
