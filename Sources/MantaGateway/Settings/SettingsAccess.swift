import MantaCore

/// Who may change what the server logs and traces.
///
/// Both are the operator's: a client who may only infer mustn't silence the log or fill the disk. So changes are for the
/// admin listener, and for clients only where they may control models too.
struct SettingsAccess: Sendable {
    /// Whether clients may.
    let allowsClients: Bool

    /// Checks whether a change may be made.
    ///
    /// - Parameters:
    ///   - what: What is to be changed.
    ///   - byOperator: Whether it came by the admin listener.
    /// - Throws: ``ServingError`` with code `forbidden`.
    func check(_ what: String, byOperator: Bool) throws(ServingError) {
        guard !byOperator, !allowsClients else { return }
        throw ServingError(
            .forbidden,
            "clients may not change \(what) here: ask the admin listener, or start Manta with --allow-model-control")
    }
}
