// What became of requests: of those that were due in a phase, or of those of a kind.
#pragma once
#include <stdio.h>

#include "histogram.h"

struct Totals {
    uint64_t due;         // came up in the plan
    uint64_t sent;        // reached a connection in time
    uint64_t unsent;      // found no connection in time
    uint64_t timed_out;   // no whole reply within the client's patience
    uint64_t cut;         // the connection was refused, or ended before the reply did
    uint64_t broken;      // something else than a reply came
    uint64_t left;        // the client went away by plan
    uint64_t unexpected;  // another status than the request should have
    uint64_t good;        // answered as it should be, within the bound
    uint64_t statuses[600];
    struct Histogram latency;   // of replies as they should be, from when the request was due
    struct Histogram refusals;  // of 429 and 503
    struct Histogram lateness;  // from when a request was due until it was sent
};

static void print_times(const char *name, const struct Histogram *times) {
    printf("\"%s\": ", name);
    if (times->count == 0) {
        printf("null");
        return;
    }
    printf("{\"p50\": %.3f, \"p90\": %.3f, \"p99\": %.3f, \"p99.9\": %.3f, \"max\": %.3f}", histogram_percentile(times, 0.5),
           histogram_percentile(times, 0.9), histogram_percentile(times, 0.99), histogram_percentile(times, 0.999),
           times->most / 1e6);
}

static void print_totals(const struct Totals *totals) {
    const char *names[] = {"due", "sent", "unsent", "timed_out", "cut", "broken", "left", "unexpected", "good"};
    const uint64_t *counts = &totals->due;
    for (int i = 0; i < 9; i++) printf("\"%s\": %lu, ", names[i], counts[i]);
    printf("\"statuses\": {");
    const char *comma = "";
    for (int status = 0; status < 600; status++) {
        if (totals->statuses[status] == 0) continue;
        printf("%s\"%d\": %lu", comma, status, totals->statuses[status]);
        comma = ", ";
    }
    printf("}, ");
    print_times("latency_ms", &totals->latency);
    printf(", ");
    print_times("refusal_ms", &totals->refusals);
    printf(", ");
    print_times("lateness_ms", &totals->lateness);
}
