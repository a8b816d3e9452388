/// Which member of an etcd is asked first: the one that answered last. A value.
struct EtcdEndpoints {
    private let all: [String]
    private var preferred = 0

    /// These members, the first of them first.
    init(_ all: [String]) {
        precondition(!all.isEmpty, "no endpoint")
        self.all = all
    }

    /// All of them, in the order to ask them.
    var inOrder: [String] { Array(all[preferred...] + all[..<preferred]) }

    /// One didn't answer: the next one is asked first from now on, unless somebody found that already.
    mutating func failed(_ endpoint: String) {
        if all[preferred] == endpoint { preferred = (preferred + 1) % all.count }
    }

    /// One answered and is asked first from now on.
    mutating func answered(_ endpoint: String) {
        preferred = all.firstIndex(of: endpoint) ?? preferred
    }
}
