#if canImport(Glibc)
    import Glibc
#endif

/// The process's own memory, CPU time, threads and open files, under the names that Prometheus' client libraries use.
public enum ProcessSamples {
    /// Reads them now. What can't be read is left out.
    ///
    /// - Note: Reads files of the kernel's, which answer from memory.
    public static func read() -> [Sample] {
        var samples: [Sample] = []
        if let statistics = statistics() {
            let page = Double(sysconf(Int32(_SC_PAGESIZE)))
            samples.append(Sample("process_resident_memory_bytes", value: statistics.residentPages * page))
            samples.append(Sample("process_virtual_memory_bytes", value: statistics.virtualBytes))
            samples.append(Sample("process_threads", value: statistics.threads))
        }
        if let startTime { samples.append(Sample("process_start_time_seconds", value: startTime)) }
        var usage = rusage()
        if unsafe getrusage(RUSAGE_SELF.rawValue, &usage) == 0 {
            let seconds = Double(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec)
            let micros = Double(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec)
            samples.append(Sample("process_cpu_seconds_total", .counter, value: seconds + micros * 1e-6))
        }
        if let files = openFiles() { samples.append(Sample("process_open_fds", value: Double(files))) }
        var limit = rlimit()
        if unsafe getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 {
            samples.append(Sample("process_max_fds", value: Double(limit.rlim_cur)))
        }
        return samples
    }

    /// What `/proc/self/stat` says.
    private struct Statistics {
        let threads: Double
        /// From the machine's start to the process's, in clock ticks.
        let startTicks: Double
        let virtualBytes: Double
        let residentPages: Double
    }

    private static func statistics() -> Statistics? {
        // The second field is the program's name in parentheses, which may have spaces in it.
        guard let line = firstLine(of: "/proc/self/stat"), let nameEnd = line.lastIndex(of: ")") else { return nil }
        let fields = line[nameEnd...].split(separator: " ").dropFirst().map { Double($0) ?? 0 }
        // proc_pid_stat(5) counts from 1; the first one here is its third.
        guard fields.count > 21 else { return nil }
        return Statistics(
            threads: fields[17], startTicks: fields[19], virtualBytes: fields[20], residentPages: fields[21])
    }

    /// When the process started, in seconds after the beginning of 1970.
    private static let startTime: Double? = {
        guard let boot = firstLine(of: "/proc/stat", beginningWith: "btime "), let seconds = Double(boot.dropFirst(6)),
            let statistics = statistics()
        else { return nil }
        return seconds + statistics.startTicks / Double(sysconf(Int32(_SC_CLK_TCK)))
    }()

    private static func firstLine(of path: String, beginningWith prefix: String = "") -> String? {
        guard let file = unsafe fopen(path, "r") else { return nil }
        defer { unsafe fclose(file) }
        var buffer = [CChar](repeating: 0, count: 1024)
        while unsafe fgets(&buffer, Int32(buffer.count), file) != nil {
            let bytes = buffer.prefix { $0 != 0 && $0 != 0x0A }.map(UInt8.init(bitPattern:))
            let line = String(decoding: bytes, as: UTF8.self)
            if line.hasPrefix(prefix) { return line }
        }
        return nil
    }

    private static func openFiles() -> Int? {
        guard let folder = unsafe opendir("/proc/self/fd") else { return nil }
        defer { unsafe closedir(folder) }
        var count = 0
        while unsafe readdir(folder) != nil { count += 1 }
        return count - 3  // ".", ".." and the folder itself
    }
}
