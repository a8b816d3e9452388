import MantaCore
import MantaGateway
import MantaServing
import MantaWire
import SwiftProtobuf

/// What is traced and logged.
struct SettingMethods: Sendable {
    let plane: DataPlane

    func add(to methods: inout Methods) {
        methods.unary(.inference("TraceSetting")) { (request: Inference_TraceSettingRequest, _) in
            try trace(request)
        }
        methods.unary(.inference("LogSettings")) { (request: Inference_LogSettingsRequest, _) in
            try log(request)
        }
    }

    private func trace(_ request: Inference_TraceSettingRequest) throws -> Inference_TraceSettingResponse {
        let model = request.modelName.isEmpty ? nil : request.modelName
        if let model { _ = try plane.catalog.deployment(model) }
        if !request.settings.isEmpty {
            try plane.traces.update(request.settings.mapValues { $0.value.isEmpty ? nil : $0.value }, of: model)
        }
        return .with { reply in
            for (name, values) in plane.traces.settings(of: model) {
                reply.settings[name] = .with { $0.value = values }
            }
        }
    }

    private func log(_ request: Inference_LogSettingsRequest) throws -> Inference_LogSettingsResponse {
        var changes: [String: LogSettings.Value] = [:]
        for (name, setting) in request.settings {
            switch setting.parameterChoice {
            case .boolParam(let value): changes[name] = .bool(value)
            case .uint32Param(let value): changes[name] = .integer(Int64(value))
            case .stringParam(let value): changes[name] = .string(value)
            case nil: throw ServingError(.invalidRequest, "setting \"\(name)\": it has no value")
            }
        }
        if !changes.isEmpty { try plane.logs.update(changes) }
        return .with { reply in
            for (name, value) in plane.logs.settings {
                reply.settings[name] = .with {
                    switch value {
                    case .bool(let flag): $0.boolParam = flag
                    case .integer(let number): $0.uint32Param = UInt32(clamping: number)
                    case .string(let text): $0.stringParam = text
                    }
                }
            }
        }
    }
}
