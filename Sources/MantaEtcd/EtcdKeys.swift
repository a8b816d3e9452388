import FoundationEssentials
import MantaStore

/// How a store's keys are named in etcd: with a prefix that the store's users don't see. A value.
struct EtcdKeys {
    let prefix: [UInt8]

    /// Keys that begin with `prefix` in etcd.
    init(prefix: String) {
        self.prefix = Array(prefix.utf8)
    }

    /// A key's name in etcd.
    func name(_ key: String) -> Data {
        Data(prefix + Array(key.utf8))
    }

    /// The keys that begin with `prefix`: from the first up to before the second.
    func range(_ prefix: String) -> (start: Data, end: Data) {
        let start = name(prefix)
        // No byte of UTF-8 is 255, so the last one can grow. A zero alone: the first key there can be, and no end.
        guard let last = start.last else { return (Data([0]), Data([0])) }
        return (start, start.dropLast() + [last + 1])
    }

    /// The key of a name in etcd.
    func key(_ name: Data?) -> String {
        String(decoding: (name ?? Data()).dropFirst(prefix.count), as: UTF8.self)
    }

    /// The entry as the store's users see it.
    func entry(_ entry: EtcdKeyValue) -> Entry {
        Entry(
            key: key(entry.key), value: [UInt8](entry.value ?? Data()), created: entry.created?.value ?? 0,
            modified: entry.modified?.value ?? 0,
            lease: entry.lease.flatMap { $0.value == 0 ? nil : LeaseID(rawValue: $0.value) })
    }
}
