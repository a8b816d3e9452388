import MantaCore
import MantaProtocol
import Testing

@Suite("Bodies of settings")
struct SettingsCodecTests {
    @Test("single values are read by name; others and null are passed over")
    func values() throws {
        let body = Array(#"{"a":true,"b":3,"c":"x","d":null,"other":[{"a":1}]}"#.utf8)

        let values = try SettingsCodec.values(body, names: ["a", "b", "c", "d"])

        #expect(values == ["a": .bool(true), "b": .integer(3), "c": .string("x")])
        #expect(try SettingsCodec.values([], names: ["a"]).isEmpty)
    }

    @Test("lists may be one text, and null is told from what is left out")
    func lists() throws {
        let lists = try SettingsCodec.lists(Array(#"{"a":["x","y"],"b":"5","c":7,"d":null}"#.utf8))

        #expect(lists == ["a": ["x", "y"], "b": ["5"], "c": ["7"], "d": nil])
    }

    @Test("other kinds of values are errors that name the setting")
    func refusals() {
        #expect { try SettingsCodec.values(Array(#"{"a":[1]}"#.utf8), names: ["a"]) } throws: {
            ($0 as? ServingError)?.message == "a: expected a string, a number or a boolean, found ["
        }
        #expect { try SettingsCodec.lists(Array(#"{"a":[true]}"#.utf8)) } throws: {
            ($0 as? ServingError)?.message == "a: expected a string, or an array of strings"
        }
        #expect { try SettingsCodec.lists(Array("{".utf8)) } throws: { ($0 as? ServingError)?.code == .invalidRequest }
    }
}
