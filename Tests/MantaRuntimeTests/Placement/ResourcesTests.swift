import MantaRuntime
import Testing

@Suite("Resources")
struct ResourcesTests {
    @Test(
        "amounts are written as people write them",
        arguments: [(2000, "2"), (500, "0.5"), (1250, "1.25"), (1, "0.001"), (0, "0"), (-1500, "-1.5"), (10, "0.01")])
    func amountText(thousandths: Int, text: String) {
        #expect(Amount(thousandths: thousandths).description == text)
    }

    @Test("an amount is read to the thousandth, and only if it can be one")
    func amountFromNumber() {
        #expect(Amount(0.1 + 0.2) == Amount(thousandths: 300))
        #expect(Amount(-0.5) == nil)
        #expect(Amount(.nan) == nil)
        #expect(Amount(1e300) == nil)
    }

    @Test("taking and giving back tenths of a CPU ten thousand times leaves what was there")
    func noDrift() {
        let tenth = Resources(cpus: Amount(thousandths: 100))
        var left = Resources(cpus: Amount(1), memory: 10)
        for _ in 0..<10_000 { left = left - tenth }
        for _ in 0..<10_000 { left = left + tenth }

        #expect(left == Resources(cpus: Amount(1), memory: 10))
    }

    @Test("each kind has to fit, and what isn't needed may be short")
    func fits() {
        let room = Resources(cpus: Amount(2), memory: 100, gpus: .zero, custom: ["disk": Amount(1)])

        #expect(Resources(cpus: Amount(2), memory: 100, custom: ["disk": Amount(1)]).fits(in: room))
        #expect(!Resources(cpus: Amount(thousandths: 2001)).fits(in: room))
        #expect(!Resources(memory: 101).fits(in: room))
        #expect(!Resources(gpus: Amount(thousandths: 1)).fits(in: room))
        #expect(!Resources(custom: ["camera": Amount(1)]).fits(in: room))
        #expect(Resources(memory: 1).fits(in: room - Resources(cpus: Amount(5))))
    }

    @Test("custom amounts are added and taken by name")
    func custom() {
        let left = Resources(custom: ["a": Amount(2)]) - Resources(custom: ["a": Amount(1), "b": Amount(1)])

        #expect(left.custom == ["a": Amount(1), "b": Amount(-1)])
        #expect((left + Resources(custom: ["b": Amount(3)])).custom == ["a": Amount(1), "b": Amount(2)])
    }

    @Test("amounts that can't be counted end no process")
    func saturation() {
        let most = Resources(cpus: Amount(.max), memory: .max)

        #expect(most + most == most)
        #expect((Resources() - most - most).memory == .min)
    }
}
