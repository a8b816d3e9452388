import MantaWire
import SwiftProtobuf

/// The .proto files that Manta speaks, to be looked up by what they define.
struct Schema: Sendable {
    private typealias File = Google_Protobuf_FileDescriptorProto

    private var files: [String: File] = [:]
    /// The file of each service, method, message, field and enumeration by its full name.
    private var fileOfSymbol: [String: String] = [:]
    private var services: [String] = []

    /// The files that are built in.
    init() {
        for file in WireSchema.files {
            files[file.name] = file
            let package = file.package
            for service in file.service {
                add("\(package).\(service.name)", in: file.name)
                services.append("\(package).\(service.name)")
                for method in service.method { add("\(package).\(service.name).\(method.name)", in: file.name) }
            }
            for message in file.messageType { add(message, scope: package, in: file.name) }
            for enumeration in file.enumType { add("\(package).\(enumeration.name)", in: file.name) }
        }
        services.sort()
    }

    private mutating func add(_ symbol: String, in file: String) { fileOfSymbol[symbol] = file }

    private mutating func add(_ message: Google_Protobuf_DescriptorProto, scope: String, in file: String) {
        let name = "\(scope).\(message.name)"
        add(name, in: file)
        for field in message.field { add("\(name).\(field.name)", in: file) }
        for enumeration in message.enumType { add("\(name).\(enumeration.name)", in: file) }
        for nested in message.nestedType { add(nested, scope: name, in: file) }
    }

    /// The answer to one question.
    func answer(
        _ request: Grpc_Reflection_V1_ServerReflectionRequest
    ) -> Grpc_Reflection_V1_ServerReflectionResponse {
        .with { reply in
            reply.validHost = request.host
            reply.originalRequest = request
            switch request.messageRequest {
            case .listServices:
                reply.listServicesResponse = .with { $0.service = services.map { name in .with { $0.name = name } } }
            case .fileByFilename(let name): reply.messageResponse = file(name, for: name)
            case .fileContainingSymbol(let symbol): reply.messageResponse = file(fileOfSymbol[symbol], for: symbol)
            case .fileContainingExtension(let ask): reply.messageResponse = Self.missing(ask.containingType)
            case .allExtensionNumbersOfType(let type):
                if fileOfSymbol[type] == nil {
                    reply.messageResponse = Self.missing(type)
                } else {
                    // These files extend nothing.
                    reply.allExtensionNumbersResponse = .with { $0.baseTypeName = type }
                }
            case nil: reply.messageResponse = Self.error(.invalidArgument, "nothing is asked for")
            }
        }
    }

    private typealias Response = Grpc_Reflection_V1_ServerReflectionResponse.OneOf_MessageResponse

    /// A file and those that it imports, each once.
    private func file(_ name: String?, for asked: String) -> Response {
        var (found, rest): ([File], [String]) = ([], [name].compactMap(\.self))
        while let next = rest.popLast() {
            guard let file = files[next], !found.contains(where: { $0.name == next }) else { continue }
            found.append(file)
            rest += file.dependency
        }
        guard !found.isEmpty else { return Self.missing(asked) }
        return .fileDescriptorResponse(
            .with { $0.fileDescriptorProto = found.compactMap { try? $0.serializedBytes() } })
    }

    private static func missing(_ name: String) -> Response { error(.notFound, "\(name) is not found") }

    private static func error(_ code: GRPCStatus, _ message: String) -> Response {
        .errorResponse(
            .with {
                $0.errorCode = Int32(code.rawValue)
                $0.errorMessage = message
            })
    }
}
