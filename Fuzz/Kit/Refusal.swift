package import MantaCore

extension ServingError {
    /// A finding unless this is what a client that sent nonsense should get: its own fault, in a few words.
    package func checkRefusal() {
        expect(code == .invalidRequest || code == .unsupported || code == .forbidden, "\(code): \(message)")
        checkMessage(message)
    }
}

/// A finding unless a message says something, on one line, and no more than a log or a person takes.
package func checkMessage(_ message: String) {
    expect(!message.isEmpty, "an error without a message")
    expect(message.utf8.count < 4096, "a message of \(message.utf8.count) bytes: \(message.prefix(200))")
}
