import MantaRuntime
import Testing

@Suite("Object names")
struct ObjectIDTests {
    @Test("an object's name is the SHA-256 of its bytes")
    func digest() {
        // FIPS 180-2, appendix B.1.
        let name = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"

        #expect(ObjectID(of: Array("abc".utf8)).description == name)
        #expect(ObjectID(name) == ObjectID(of: Array("abc".utf8)))
    }

    @Test(
        "a name has 64 lower-case hexadecimal digits",
        arguments: [
            "", "abc", String(repeating: "a", count: 63), String(repeating: "a", count: 65),
            String(repeating: "A", count: 64), String(repeating: "g", count: 64), String(repeating: "é", count: 32),
            "../" + String(repeating: "a", count: 61),
        ])
    func refused(text: String) {
        #expect(ObjectID(text) == nil)
    }
}
