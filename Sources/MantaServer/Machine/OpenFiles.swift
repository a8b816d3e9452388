#if canImport(Glibc)
    import Glibc
#endif

/// The process's limit of open files, which is also that of its connections.
enum OpenFiles {
    /// Raises the limit in force to the highest that is allowed: the usual 1,024 is kept for old programs that use
    /// `select`, and would stop both listeners long before their own limits.
    static func raiseLimit() {
        var limit = rlimit()
        guard unsafe getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 else { return }
        limit.rlim_cur = limit.rlim_max
        _ = unsafe setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
    }
}
