import MantaTestKit
import Testing

@testable import MantaRuntime

@Suite("Object index")
struct ObjectIndexTests {
    private final class User {}

    private func id(_ number: Int) -> ObjectID { ObjectID(of: [UInt8(number)]) }

    @Test("what wasn't used for longest goes first, and no more than needed")
    func leastRecentlyUsed() throws {
        var index = ObjectIndex(limit: 30)
        for number in 0..<3 { index.add(id(number), byteCount: 10, isVerified: true) }
        index.use(id(0), by: User())
        let removed = try index.reserve(15).removed

        #expect(removed == [id(1), id(2)])
    }

    @Test("what is used stays, and what doesn't fit beside it is refused with nothing removed")
    func pinned() throws {
        var index = ObjectIndex(limit: 30)
        for number in 0..<3 { index.add(id(number), byteCount: 10, isVerified: true) }
        let user = User()
        index.use(id(0), by: user)
        #expect(try index.reserve(20).removed == [id(1), id(2)])

        let error = #expect(throws: ObjectError.self) { try index.reserve(1) }
        #expect(error?.code == .noRoom)
        #expect(error?.message == "an object of 1 bytes was to be kept; of 30 bytes, 30 are in use")
        withExtendedLifetime(user) {}
    }

    @Test("an object larger than all room is refused")
    func tooLarge() {
        var index = ObjectIndex(limit: 30)
        let error = #expect(throws: ObjectError.self) { try index.reserve(31) }

        #expect(error?.message == "an object of 31 bytes was to be kept, the store holds at most 30")
    }

    @Test("whatever happens, the bound is kept and nothing goes that is used", arguments: 0..<100)
    func random(seed: UInt64) {
        var random = SeededGenerator(seed: seed)
        var index = ObjectIndex(limit: 100)
        var (users, reservations) = ([ObjectID: User](), [Int]())
        for _ in 0..<300 {
            let id = id(Int.random(in: 0..<20, using: &random))
            switch Int.random(in: 0..<6, using: &random) {
            case 0, 1:
                let size = Int.random(in: 0...40, using: &random)
                guard index.entries[id] == nil, let made = try? index.reserve(size) else { continue }
                #expect(made.removed.allSatisfy { users[$0] == nil }, "seed \(seed)")
                if Bool.random(using: &random) {
                    index.release(made.reservation)
                    index.add(id, byteCount: size, isVerified: true)
                } else {
                    reservations.append(made.reservation)
                }
            case 2: if !reservations.isEmpty { index.release(reservations.removeFirst()) }
            case 3:
                guard index.entries[id] != nil else { continue }
                users[id] = users[id] ?? User()
                if let user = users[id] { index.use(id, by: user) }
            case 4: users[id] = nil
            default: if users[id] == nil { index.remove(id) }
            }
            #expect(index.byteCount <= 100, "seed \(seed)")
            #expect(users.keys.allSatisfy { index.entries[$0] != nil }, "seed \(seed)")
        }
    }
}
