#if canImport(Glibc)
    import Glibc
#endif

/// The process's own memory, CPU time and open files, under the names that Prometheus' client libraries use.
public enum ProcessSamples {
    /// Reads them now. What can't be read is left out.
    ///
    /// - Note: Reads files of the kernel's, which answer from memory.
    public static func read() -> [Sample] {
        var samples: [Sample] = []
        if let pages = residentPages() {
            samples.append(Sample("process_resident_memory_bytes", value: Double(pages * sysconf(Int32(_SC_PAGESIZE)))))
        }
        var usage = rusage()
        if unsafe getrusage(RUSAGE_SELF.rawValue, &usage) == 0 {
            let seconds = Double(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec)
            let micros = Double(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec)
            samples.append(Sample("process_cpu_seconds_total", .counter, value: seconds + micros * 1e-6))
        }
        if let files = openFiles() { samples.append(Sample("process_open_fds", value: Double(files))) }
        return samples
    }

    private static func residentPages() -> Int? {
        guard let file = unsafe fopen("/proc/self/statm", "r") else { return nil }
        defer { unsafe fclose(file) }
        var line = [CChar](repeating: 0, count: 128)
        guard unsafe fgets(&line, Int32(line.count), file) != nil else { return nil }
        let text = String(decoding: line.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
        return text.split(separator: " ").dropFirst().first.flatMap { Int($0) }
    }

    private static func openFiles() -> Int? {
        guard let folder = unsafe opendir("/proc/self/fd") else { return nil }
        defer { unsafe closedir(folder) }
        var count = 0
        while unsafe readdir(folder) != nil { count += 1 }
        return count - 3  // ".", ".." and the folder itself
    }
}
