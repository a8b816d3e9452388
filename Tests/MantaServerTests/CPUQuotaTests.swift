import Foundation
import Testing

@testable import MantaServer

@Suite("CPU quota")
struct CPUQuotaTests {
    /// A control group tree of these files, and the process's place in it.
    private func quota(process: String, files: [String: String]) throws -> Double? {
        let root = FileManager.default.temporaryDirectory.appending(path: "manta-quota-\(UUID().uuidString)").path
        defer { try? FileManager.default.removeItem(atPath: root) }
        for (path, text) in files.merging(["process": process], uniquingKeysWith: { $1 }) {
            let url = URL(filePath: root).appending(path: path)
            try FileManager.default.createDirectory(
                at: url.deletingLastPathComponent(), withIntermediateDirectories: true)
            try text.write(to: url, atomically: true, encoding: .utf8)
        }
        return CPUQuota.quota(root: root, process: root + "/process")
    }

    @Test("version 2: the least quota on the way up counts")
    func versionTwo() throws {
        let quota = try quota(
            process: "0::/pod/app\n",
            files: ["cpu.max": "max 100000\n", "pod/cpu.max": "150000 100000\n", "pod/app/cpu.max": "max 100000\n"])
        #expect(quota == 1.5)
    }

    @Test("version 1: the cpu controller's quota counts")
    func versionOne() throws {
        let quota = try quota(
            process: "5:memory:/x\n4:cpu,cpuacct:/app\n",
            files: ["cpu/app/cpu.cfs_quota_us": "765000\n", "cpu/app/cpu.cfs_period_us": "100000\n"])
        #expect(quota == 7.65)
    }

    @Test("no quota is no bound")
    func noQuota() throws {
        #expect(try quota(process: "0::/\n", files: ["cpu.max": "max 100000\n"]) == nil)
        #expect(
            try quota(
                process: "1:cpu:/\n", files: ["cpu/cpu.cfs_quota_us": "-1\n", "cpu/cpu.cfs_period_us": "100000\n"])
                == nil)
    }

    @Test("there is always at least one CPU, and no more than the affinity allows")
    func available() {
        let count = CPUQuota.available()
        #expect((1...ProcessInfo.processInfo.processorCount).contains(count))
    }
}
