extension Duration {
    /// In seconds, as a number, to the nanosecond.
    package var seconds: Double {
        Double(nanoseconds) / 1e9
    }

    /// In milliseconds, as a number, to the microsecond.
    package var milliseconds: Double {
        Double(nanoseconds / 1000) / 1000
    }

    /// In nanoseconds, rounded towards zero; what doesn't fit is as much as does.
    package var nanoseconds: Int64 {
        // Nine seconds, either way, fit into 64 bits, which are divided at a tenth of the cost of 128.
        if let attoseconds = Int64(exactly: attoseconds) { return attoseconds / 1_000_000_000 }
        return Int64(clamping: attoseconds / 1_000_000_000)
    }

    /// So many times as long, to the nanosecond; what would be centuries is as long as can be. `*` converts 128 bits, which
    /// takes ten times as long.
    package func scaled(by factor: Double) -> Duration {
        // The bound is the first number that 64 bits don't hold.
        .of(nanoseconds: Int64(min(max(Double(nanoseconds) * factor, -0x1p63), 0x1p63.nextDown)))
    }
}
