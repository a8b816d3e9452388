import FoundationEssentials
import MantaStore

/// The changes that operators have made, in the store: one key for each deployment that has any.
struct OperatorChanges: Sendable {
    static let prefix = "deployments/"

    private let store: any Store

    init(store: any Store) {
        self.store = store
    }

    /// All of them, by deployment, and the names of those that can't be read.
    ///
    /// - Throws: ``StoreError``.
    func all() async throws(StoreError) -> (changes: [String: OperatorChange], unreadable: [String]) {
        var changes: [String: OperatorChange] = [:]
        var unreadable: [String] = []
        for entry in try await store.list(prefix: Self.prefix).entries {
            let name = String(entry.key.dropFirst(Self.prefix.count))
            if let change = try? JSONDecoder().decode(OperatorChange.self, from: Data(entry.value)) {
                changes[name] = change
            } else {
                unreadable.append(name)
            }
        }
        return (changes, unreadable)
    }

    /// Changes what is asked for one deployment. Done for good when it returns.
    ///
    /// - Parameters:
    ///   - name: The deployment.
    ///   - change: Changes what was asked so far. Called again if somebody else has changed it meanwhile.
    /// - Throws: ``ControlError`` with code `unavailable`.
    func update(_ name: String, _ change: (inout OperatorChange) -> Void) async throws(ControlError) {
        while true {
            do throws(StoreError) {
                let entry = try await store.get(Self.prefix + name)
                let old = entry.flatMap { try? JSONDecoder().decode(OperatorChange.self, from: Data($0.value)) }
                var new = old ?? OperatorChange()
                change(&new)
                if new == old || entry == nil && new.isEmpty { return }
                let revision = entry?.modified ?? 0
                if new.isEmpty {
                    try await store.delete(Self.prefix + name, ifRevision: revision)
                } else {
                    guard let data = try? JSONEncoder().encode(new) else { return }
                    try await store.put(Self.prefix + name, Array(data), ifRevision: revision)
                }
                return
            } catch {
                if error.code != .conflict { throw ControlError(error) }
            }
        }
    }
}
