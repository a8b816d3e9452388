import MantaCore
import MantaSharedMemory
import MantaTestKit
import Synchronization
import Testing

@Suite("Tensors in shared memory")
struct AccessTests {
    private let memory = SharedMemory()

    private func region(_ bytes: [UInt8], offset: Int = 0) throws -> SharedMemoryObject {
        let object = SharedMemoryObject(bytes)
        try memory.register(.init(name: "r", key: object.key, offset: offset, byteCount: bytes.count - offset))
        return object
    }

    @Test(
        "every type is read with its exact bytes, from where the region and the slice say", arguments: DataType.allCases
    )
    func reads(type: DataType) throws {
        let bytes: [UInt8] =
            type == .bytes ? [1, 0, 0, 0, 0xFF, 0, 0, 0, 0] : (0..<2 * (type.byteWidth ?? 1)).map { _ in 1 }
        let object = try region([9, 9, 9] + bytes + [9], offset: 1)

        let tensor = try memory.read(MemorySlice(region: "r", offset: 2, byteCount: bytes.count), type, [1, 2])

        #expect(tensor.bytes == bytes)
        #expect(tensor.dataType == type && tensor.shape == [1, 2])
        #expect(unsafe tensor.withUnsafeBytes { UInt(bitPattern: $0.baseAddress) } % 64 == 0)
        withExtendedLifetime(object) {}
    }

    @Test(
        "what doesn't fit type and shape is refused",
        arguments: [
            (.fp32, [2], 7, "shared_memory_byte_size is 7, but FP32 [2] takes 8 bytes"),
            (.fp32, [2], 0, "shared_memory_byte_size is 0, but FP32 [2] takes 8 bytes"),
            (
                .fp64, [1 << 60, 4], 8,
                "shared_memory_byte_size is 8, but FP64 [1152921504606846976, 4] takes more bytes than can be counted"
            ),
            (
                .int8, [1 << 40, 1 << 40], 8,
                "shape [1099511627776, 1099511627776] has more elements than can be counted"
            ),
            (.bool, [8], 8, "element 0: expected the byte 0 or 1, since it is BOOL, found 7"),
            (
                .bytes, [1], 8,
                "its 8 bytes aren't 1 BYTES elements, each a length in 4 bytes and so many bytes"
            ),
        ] as [(DataType, Shape, Int, String)])
    func misfits(type: DataType, shape: Shape, size: Int, message: String) throws {
        let object = try region([UInt8](repeating: 7, count: 8))

        #expect(
            refusal { () throws(ServingError) in
                _ = try memory.read(MemorySlice(region: "r", byteCount: size), type, shape)
            } == message)
        withExtendedLifetime(object) {}
    }

    @Test(
        "nothing outside the region is read or written",
        arguments: [(0, 9), (8, 1), (-1, 4), (4, 5), (.max, 4), (4, .max), (.max, .max), (.min, 1), (0, -1)])
    func outside(offset: Int, byteCount: Int) throws {
        let object = try region([UInt8](repeating: 3, count: 16), offset: 8)
        let slice = MemorySlice(region: "r", offset: offset, byteCount: byteCount)
        let message =
            "the part asked for: \(byteCount) bytes from byte \(offset) on aren't within the shared memory region "
            + "\"r\", which has 8 bytes"

        #expect(refusal { () throws(ServingError) in try memory.check(slice) } == message)
        if byteCount >= 0, byteCount < .max {
            #expect(
                refusal { () throws(ServingError) in _ = try memory.read(slice, .uint8, [byteCount]) } == message)
            #expect(
                refusal { () throws(ServingError) in
                    _ = try memory.write(Tensor(shape: [1], [1] as [UInt8]), to: slice)
                } == message)
        }
        #expect(object.bytes == [UInt8](repeating: 3, count: 16))
    }

    @Test("a region that isn't there is named")
    func unknown() {
        #expect(
            refusal { () throws(ServingError) in _ = try memory.read(MemorySlice(region: "x", byteCount: 0), .fp32, [0])
            }
                == #"shared memory region "x" is not registered"#)
    }

    @Test("a tensor is written with its size, and nothing around it")
    func writes() throws {
        let object = try region([UInt8](repeating: 9, count: 12), offset: 2)
        let tensor = Tensor(shape: [2], [1, -1] as [Int16])

        let written = try memory.write(tensor, to: MemorySlice(region: "r", offset: 3, byteCount: 7))

        #expect(written == MemorySlice(region: "r", offset: 3, byteCount: 4))
        #expect(object.bytes == [9, 9, 9, 9, 9, 1, 0, 0xFF, 0xFF, 9, 9, 9])
    }

    @Test("a tensor that doesn't fit its slice isn't written")
    func tooLarge() throws {
        let object = try region([1, 2, 3, 4])

        #expect(
            refusal { () throws(ServingError) in
                _ = try memory.write(Tensor(shape: [1], [7] as [Int32]), to: MemorySlice(region: "r", byteCount: 3))
            } == "INT32 [1] takes 4 bytes, but shared_memory_byte_size is 3")
        #expect(object.bytes == [1, 2, 3, 4])
    }

    @Test("an object that was shortened is an error, and is never made longer", arguments: [0, 5])
    func shortened(left: Int) throws {
        let object = try region([UInt8](repeating: 1, count: 8))
        object.resize(left)
        let slice = MemorySlice(region: "r", byteCount: 8)
        let message =
            "the shared memory object \"\(object.key)\" has been shortened since it was registered: it has \(left) bytes, "
            + "and 8 are needed"

        #expect(refusal { () throws(ServingError) in _ = try memory.read(slice, .uint8, [8]) } == message)
        #expect(
            refusal { () throws(ServingError) in _ = try memory.write(Tensor(shape: [1], [1] as [Int64]), to: slice) }
                == message)
        #expect(object.bytes.count == left)
        object.resize(8)
        #expect(
            try memory.read(slice, .uint8, [8]).bytes == [UInt8](repeating: 1, count: left)
                + [UInt8](repeating: 0, count: 8 - left))
    }

    @Test("inputs together take no more memory than the limit says, and give it back")
    func budget() throws {
        var limits = SharedMemory.Limits()
        limits.inputBytes = 12
        let memory = SharedMemory(limits: limits)
        let object = SharedMemoryObject([UInt8](repeating: 1, count: 16))
        try memory.register(.init(name: "r", key: object.key, byteCount: 16))
        let slice = MemorySlice(region: "r", byteCount: 8)

        do {
            let held = try memory.read(slice, .uint8, [8])
            #expect(
                refusal(.overloaded) { () throws(ServingError) in _ = try memory.read(slice, .uint8, [8]) }
                    == "8 bytes of shared memory are too many now: requests may hold 12 bytes of it together")
            withExtendedLifetime(held) {}
        }
        for _ in 0..<10 { _ = try memory.read(slice, .uint8, [8]) }
        // What is refused counts for nothing.
        for _ in 0..<10 { _ = refusal { () throws(ServingError) in _ = try memory.read(slice, .bytes, [8]) } }
        _ = try memory.read(slice, .uint8, [8])
    }

    @Test("clients that write, shorten, register and forget meanwhile do no harm")
    func races() async throws {
        let object = SharedMemoryObject([UInt8](repeating: 1, count: 4096))
        let region = SharedMemory.Region(name: "r", key: object.key, byteCount: 4096)
        try memory.register(region)
        let memory = memory
        await withTaskGroup(of: Void.self) { group in
            group.addTask {
                for round in 0..<2000 {
                    object.resize(round % 3 == 0 ? 4096 : round % 4096)
                    object.write([UInt8(truncatingIfNeeded: round), 0, 0, 0], at: round % 64)
                }
                object.resize(4096)
            }
            group.addTask {
                for _ in 0..<2000 {
                    memory.unregister("r")
                    try? memory.register(region)
                }
            }
            for _ in 0..<2 {
                group.addTask {
                    let slice = MemorySlice(region: "r", byteCount: 4096)
                    for _ in 0..<2000 {
                        // Lengths and truth values are those of the copy that was checked, whatever is written meanwhile.
                        if let text = try? memory.read(slice, .bytes, [1]) { #expect(text.elements.count == 1) }
                        if let flags = try? memory.read(slice, .bool, [4096]) {
                            #expect(flags.bytes.allSatisfy { $0 <= 1 })
                        }
                        _ = try? memory.write(Tensor(shape: [4], [0, 0, 0, 0] as [UInt8]), to: slice)
                    }
                }
            }
        }
    }
}

@Suite("Shared memory against a model of it")
struct SharedMemoryPropertyTests {
    @Test("random accesses do what they do to an array", arguments: 0..<50)
    func accesses(round: UInt64) throws {
        let seed = 0x6D61_6E74_6200 + round
        var random = SeededGenerator(seed: seed)
        let memory = SharedMemory()
        var expected = (0..<Int.random(in: 0...200, using: &random)).map { _ in
            UInt8.random(in: 0...255, using: &random)
        }
        let object = SharedMemoryObject(expected)
        let start = Int.random(in: 0...expected.count, using: &random)
        let length = Int.random(in: 0...expected.count - start, using: &random)
        try memory.register(.init(name: "r", key: object.key, offset: start, byteCount: length))
        for _ in 0..<100 {
            let odd = [Int.max, .min, -1, length, length + 1].randomElement(using: &random) ?? 0
            let offset = Int.random(in: 0..<10, using: &random) == 0 ? odd : Int.random(in: 0...length, using: &random)
            let count = Int.random(in: 0...length, using: &random)
            let fits = offset >= 0 && offset <= length - count
            let slice = MemorySlice(region: "r", offset: offset, byteCount: count)
            if Bool.random(using: &random) {
                let read = try? memory.read(slice, .uint8, [count])
                #expect(
                    read?.bytes == (fits ? Array(expected[(start + offset)...].prefix(count)) : nil), "seed \(seed)")
            } else {
                let values = (0..<Int.random(in: 0...count + 1, using: &random)).map { _ in
                    UInt8.random(in: 0...255, using: &random)
                }
                let written = try? memory.write(Tensor(shape: [values.count], values), to: slice)
                let isDone = fits && values.count <= count
                #expect(written?.byteCount == (isDone ? values.count : nil), "seed \(seed)")
                if isDone { expected.replaceSubrange(start + offset..<start + offset + values.count, with: values) }
            }
            #expect(object.bytes == expected, "seed \(seed)")
        }
    }
}
