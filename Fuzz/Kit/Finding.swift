/// Ends the process with words that say what is wrong; libFuzzer then keeps the input.
package func finding(_ message: String) -> Never {
    fatalError(message)
}

/// A finding unless something holds.
package func expect(_ condition: Bool, _ message: @autoclosure () -> String) {
    if !condition { finding(message()) }
}
