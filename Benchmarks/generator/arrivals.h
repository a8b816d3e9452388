// When requests come: a Poisson process whose rate changes at the ends of phases, the same for the same seed.
#pragma once
#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>

enum { MOST_PHASES = 16 };

struct Phase {
    double rate, seconds;
};

struct Arrivals {
    struct Phase phases[MOST_PHASES];
    int count, phase;
    double at, end;  // seconds from the start: of the next request, and of its phase's end
    uint64_t state;
};

// SplitMix64: passes BigCrush, and any seed will do.
static uint64_t random_bits(uint64_t *state) {
    uint64_t bits = (*state += 0x9e3779b97f4a7c15);
    bits = (bits ^ (bits >> 30)) * 0xbf58476d1ce4e5b9;
    bits = (bits ^ (bits >> 27)) * 0x94d049bb133111eb;
    return bits ^ (bits >> 31);
}

// Above 0, at most 1.
static double random_share(uint64_t *state) { return ((random_bits(state) >> 11) + 1) * 0x1p-53; }

// "RATE:SECONDS,RATE:SECONDS"
static bool arrivals_parse(struct Arrivals *arrivals, const char *text) {
    for (arrivals->count = 0; arrivals->count < MOST_PHASES; text++) {
        struct Phase *phase = &arrivals->phases[arrivals->count++];
        char *rest;
        phase->rate = strtod(text, &rest);
        if (*rest != ':' || !(phase->rate > 0)) return false;
        phase->seconds = strtod(rest + 1, &rest);
        if (!(phase->seconds > 0)) return false;
        if (*rest == 0) return true;
        if (*rest != ',') return false;
        text = rest;
    }
    return false;
}

static bool arrivals_over(const struct Arrivals *arrivals) { return arrivals->phase == arrivals->count; }

static void arrivals_advance(struct Arrivals *arrivals) {
    while (!arrivals_over(arrivals)) {
        arrivals->at += -log(random_share(&arrivals->state)) / arrivals->phases[arrivals->phase].rate;
        if (arrivals->at < arrivals->end) return;
        // The process has no memory: it may as well begin anew with the next phase.
        arrivals->at = arrivals->end;
        if (++arrivals->phase < arrivals->count) arrivals->end += arrivals->phases[arrivals->phase].seconds;
    }
}

static void arrivals_begin(struct Arrivals *arrivals, uint64_t seed) {
    arrivals->state = seed;
    arrivals->phase = 0;
    arrivals->at = 0;
    arrivals->end = arrivals->phases[0].seconds;
    arrivals_advance(arrivals);
}
