// Times in nanoseconds, counted in buckets no wider than 1/128 of their value: percentiles are right to 1 %.
#pragma once
#include <stdint.h>

enum { BUCKETS_PER_OCTAVE = 128, BUCKETS = 40 * BUCKETS_PER_OCTAVE };

struct Histogram {
    uint64_t count;
    int64_t most;
    uint32_t buckets[BUCKETS];
};

static void histogram_add(struct Histogram *histogram, int64_t nanoseconds) {
    uint64_t value = nanoseconds < BUCKETS_PER_OCTAVE ? BUCKETS_PER_OCTAVE : (uint64_t)nanoseconds;
    int octave = 63 - __builtin_clzll(value) - 7;
    unsigned bucket = octave * BUCKETS_PER_OCTAVE + ((value >> octave) & (BUCKETS_PER_OCTAVE - 1));
    histogram->buckets[bucket < BUCKETS ? bucket : BUCKETS - 1]++;
    histogram->count++;
    if (nanoseconds > histogram->most) histogram->most = nanoseconds;
}

// In milliseconds, the middle of its bucket: the least value that at least this share of all don't exceed.
static double histogram_percentile(const struct Histogram *histogram, double share) {
    uint64_t wanted = (uint64_t)(share * histogram->count + 0.999999), seen = 0;
    if (wanted == 0) wanted = 1;
    for (unsigned bucket = 0; bucket < BUCKETS; bucket++) {
        seen += histogram->buckets[bucket];
        if (seen >= wanted) {
            double scale = (double)(1ull << (bucket / BUCKETS_PER_OCTAVE));
            double middle = scale * (BUCKETS_PER_OCTAVE + bucket % BUCKETS_PER_OCTAVE + 0.5);
            return (middle < histogram->most ? middle : histogram->most) / 1e6;
        }
    }
    return histogram->most / 1e6;
}
