import MantaCore
import MantaServing
import MantaWire

extension TritonReader {
    /// Reads how the engine runs the model.
    mutating func readEngine() {
        var options = EngineOptions()
        readOptimization(&options)
        for (name, parameter) in message.parameters.sorted(by: { $0.key < $1.key }) {
            read(name, parameter.stringValue, &options)
        }
        change { $0.options = options }
    }

    private mutating func readOptimization(_ options: inout EngineOptions) {
        let optimization = message.optimization
        // The numbers are those of Triton's backend for ONNX Runtime.
        switch optimization.graph.level {
        case -1: options.optimization = .basic
        case 0: options.optimization = .all
        case 1: options.optimization = .extended
        case 2: options.optimization = .none
        case let level: fault("optimization.graph.level", "expected -1, 0, 1 or 2, got \(level)")
        }
        refuse("optimization.priority", if: optimization.priority != .priorityDefault, "models have no priorities")
        refuse("optimization.cuda", if: optimization.cuda != .init(), "Manta runs models on CPUs")
        let accelerators = optimization.executionAccelerators
        for accelerator in accelerators.gpuExecutionAccelerator {
            refuse(
                "optimization.execution_accelerators.gpu_execution_accelerator", if: true,
                "\(ScalarValue.quoted(accelerator.name)): Manta runs models on CPUs")
        }
        for accelerator in accelerators.cpuExecutionAccelerator {
            refuse(
                "optimization.execution_accelerators.cpu_execution_accelerator", if: true,
                "\(ScalarValue.quoted(accelerator.name)): ONNX Runtime's own CPU provider is used")
        }
        refuse("optimization.eager_batching", if: optimization.eagerBatching, "a batch is formed when it can run")
        // Pinned memory and kernels that gather are for transfers to a GPU: without one there is nothing to do.
    }

    private mutating func read(_ name: String, _ value: String, _ options: inout EngineOptions) {
        switch name {
        case "intra_op_thread_count":
            if let count = threads(value, name) { options.threads = count }
        case "inter_op_thread_count":
            if let count = threads(value, name) { options.interOpThreads = count }
        case "execution_mode":
            if let isParallel = flag(value, name) { options.execution = isParallel ? .parallel : .sequential }
        case "enable_mem_arena":
            if let isOn = flag(value, name) { options.arena = isOn }
        case "enable_mem_pattern":
            if let isOn = flag(value, name) { options.memoryPattern = isOn }
        case "session.use_device_allocator_for_initializers":
            if let isOn = flag(value, name) { refuse("parameters", if: isOn, name) }
        case "cudnn_conv_algo_search", "gpu_mem_limit", "arena_extend_strategy", "do_copy_in_default_stream":
            break  // For a GPU.
        default:
            fault("parameters", "\(ScalarValue.quoted(name)) is not supported")
        }
    }

    /// A number of threads; `nil` for 0, which leaves it to the server.
    private mutating func threads(_ text: String, _ name: String) -> Int? {
        guard let count = Int(text), (0...1024).contains(count) else {
            fault("parameters", "\(name): expected a whole number from 0 to 1024, got \(ScalarValue.quoted(text))")
            return nil
        }
        return count == 0 ? nil : count
    }

    private mutating func flag(_ text: String, _ name: String) -> Bool? {
        guard text == "0" || text == "1" else {
            fault("parameters", "\(name): expected \"0\" or \"1\", got \(ScalarValue.quoted(text))")
            return nil
        }
        return text == "1"
    }
}
