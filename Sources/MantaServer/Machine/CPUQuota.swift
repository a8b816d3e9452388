import FoundationEssentials

/// How many CPUs this process may really use: its affinity, cut by its control group's quota.
///
/// A container on a large host often sees all the host's cores but is allowed a few; threads beyond those only throttle
/// each other.
public enum CPUQuota {
    /// The number of CPUs, at least 1, rounded down.
    ///
    /// - Note: Reads a few small files; call it at start.
    public static func available(root: String = "/sys/fs/cgroup", process: String = "/proc/self/cgroup") -> Int {
        let affinity = affinityCount() ?? 1
        guard let quota = quota(root: root, process: process) else { return max(1, affinity) }
        return max(1, min(affinity, Int(quota)))
    }

    /// The CPUs that the kernel lets the process run on: `Cpus_allowed`, a mask in hexadecimal digits and commas.
    static func affinityCount(status: String = "/proc/self/status") -> Int? {
        let mask = lines(of: status).first { $0.hasPrefix("Cpus_allowed:") }
        return mask?.drop { $0 != "\t" }.compactMap { $0.hexDigitValue?.nonzeroBitCount }.reduce(0, +)
    }

    /// The least quota, in CPUs, of the process's control group and those above it; `nil` if there is none.
    static func quota(root: String, process: String) -> Double? {
        var least: Double?
        for line in lines(of: process) {
            // `0::/path` for version 2, `4:cpu,cpuacct:/path` for version 1.
            let fields = line.split(separator: ":", maxSplits: 2, omittingEmptySubsequences: false)
            guard fields.count == 3 else { continue }
            let controllers = fields[1].split(separator: ",")
            guard controllers.isEmpty || controllers.contains("cpu") else { continue }
            let mounts = controllers.isEmpty ? [root] : [root + "/cpu", root + "/" + fields[1]]
            for mount in mounts {
                var group = fields[2].split(separator: "/")
                while true {
                    let folder = ([mount] + group.map(String.init)).joined(separator: "/")
                    if let quota = quota(inFolder: folder) { least = min(least ?? quota, quota) }
                    if group.popLast() == nil { break }
                }
            }
        }
        return least
    }

    private static func quota(inFolder folder: String) -> Double? {
        if let line = lines(of: folder + "/cpu.max").first {
            let numbers = line.split(separator: " ").compactMap { Double($0) }
            return numbers.count == 2 ? numbers[0] / numbers[1] : nil
        }
        guard let quota = lines(of: folder + "/cpu.cfs_quota_us").first.flatMap({ Double($0) }), quota > 0,
            let period = lines(of: folder + "/cpu.cfs_period_us").first.flatMap({ Double($0) }), period > 0
        else { return nil }
        return quota / period
    }

    private static func lines(of path: String) -> [Substring] {
        guard let text = try? String(contentsOfFile: path, encoding: .utf8) else { return [] }
        return text.split(separator: "\n")
    }
}
