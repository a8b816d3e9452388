import MantaCore
import MantaSharedMemory
import MantaWire
import SwiftProtobuf

/// Memory that clients on the same machine share. That of CUDA devices can't be: there is none registered, and none can
/// be.
struct MemoryMethods: Sendable {
    let memory: SharedMemory?

    func add(to methods: inout Methods) {
        methods.unary(.inference("SystemSharedMemoryStatus")) {
            (request: Inference_SystemSharedMemoryStatusRequest, _) in
            try status(of: request.name)
        }
        methods.unary(.inference("SystemSharedMemoryRegister")) {
            (request: Inference_SystemSharedMemoryRegisterRequest, _) in
            try memory.orForbidden().register(
                .init(
                    name: request.name, key: request.key, offset: try size(request.offset, "offset"),
                    byteCount: try size(request.byteSize, "byte_size")))
            return Inference_SystemSharedMemoryRegisterResponse()
        }
        methods.unary(.inference("SystemSharedMemoryUnregister")) {
            (request: Inference_SystemSharedMemoryUnregisterRequest, _) in
            try memory.orForbidden().unregister(request.name.isEmpty ? nil : request.name)
            return Inference_SystemSharedMemoryUnregisterResponse()
        }
        methods.unary(.inference("CudaSharedMemoryStatus")) {
            (_: Inference_CudaSharedMemoryStatusRequest, _) in Inference_CudaSharedMemoryStatusResponse()
        }
        methods.unary(.inference("CudaSharedMemoryRegister")) {
            (_: Inference_CudaSharedMemoryRegisterRequest, _) -> Inference_CudaSharedMemoryRegisterResponse in
            throw SharedMemory.onlyOfSystem
        }
        methods.unary(.inference("CudaSharedMemoryUnregister")) {
            (_: Inference_CudaSharedMemoryUnregisterRequest, _) in Inference_CudaSharedMemoryUnregisterResponse()
        }
    }

    private func status(of name: String) throws -> Inference_SystemSharedMemoryStatusResponse {
        let memory = try memory.orForbidden()
        let regions = name.isEmpty ? memory.regions : [try memory.region(name)]
        return .with { reply in
            for region in regions {
                reply.regions[region.name] = .with {
                    ($0.name, $0.key) = (region.name, region.key)
                    ($0.offset, $0.byteSize) = (UInt64(region.offset), UInt64(region.byteCount))
                }
            }
        }
    }

    private func size(_ value: UInt64, _ field: String) throws(ServingError) -> Int {
        guard let size = Int(exactly: value) else {
            throw ServingError(.invalidRequest, "\(field): expected at most \(Int.max), found \(value)")
        }
        return size
    }
}
