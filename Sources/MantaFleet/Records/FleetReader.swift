import MantaStore

/// Reads what the store says of the fleet, again and again: what wasn't written since is decoded once only. A value.
struct FleetReader {
    private var known: [String: (modified: Int64, record: FleetState.Record)] = [:]

    /// What these entries say.
    mutating func state(of entries: [Entry]) -> FleetState {
        var state = FleetState()
        var present: [String: (modified: Int64, record: FleetState.Record)] = [:]
        present.reserveCapacity(entries.count)
        for entry in entries {
            var record = known[entry.key]
            if record?.modified != entry.modified { record = (entry.modified, FleetState.Record(entry)) }
            guard let record else { continue }
            state.add(record.record, of: entry)
            present[entry.key] = record
        }
        known = present
        return state
    }
}
