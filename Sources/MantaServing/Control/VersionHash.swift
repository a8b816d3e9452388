import Synchronization

/// Tells the files of one version from those of another: `sha256:` and a digest, which may still have to be computed.
///
/// To read a model of some gigabytes takes seconds, which nobody has to wait for before it is loaded. Until the digest is
/// known, a hash is the same as itself only.
public final class VersionHash: Sendable, Hashable {
    private let known: Mutex<String?>

    /// A hash that is known.
    public init(_ text: String) {
        known = Mutex(text)
    }

    /// A hash that is still to be computed.
    package init() {
        known = Mutex(nil)
    }

    /// `sha256:` and the digest in hexadecimal; `nil` while it isn't known.
    public var text: String? { known.withLock { $0 } }

    /// It was computed. What is known already stays.
    package func found(_ text: String) {
        known.withLock { $0 = $0 ?? text }
    }

    /// Whether they are one hash, or known and equal.
    public static func == (left: VersionHash, right: VersionHash) -> Bool {
        if left === right { return true }
        guard let text = left.text else { return false }
        return text == right.text
    }

    /// Adds nothing: hashes may become equal when they get known.
    public func hash(into _: inout Hasher) {}
}
