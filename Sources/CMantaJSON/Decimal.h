// Numbers in JSON text, and their values in each type.
#pragma once
#include <stddef.h>
#include <stdint.h>

namespace manta {

// A number as it is written: (-1)^negative · digits · 10^exponent.
struct Decimal {
    const uint8_t *begin;
    const uint8_t *end;
    // The digits as one number, right if there are at most 19 of them.
    uint64_t digits;
    size_t digit_count;
    int64_t exponent;
    bool negative;
    // Without fraction and exponent.
    bool is_integer;

    bool is_exact() const { return digit_count <= 19; }
    double signed_zero() const { return negative ? -0.0 : 0.0; }

    // Digits from the first that isn't 0 on.
    size_t significant_digits() const;

    // Less than, equal to or greater than 0 as the absolute value is to `value`, which isn't 0.
    int compare(double value) const;

    // The nearest double, ties to even; infinite if it is too large.
    double value() const;
};

// Reads a number by the grammar of JSON. `limit` is the end of the text; the byte after the number is before it.
bool read(const uint8_t *text, const uint8_t *limit, Decimal &number);

// Whether a number, string or word can end before this byte.
bool ends_scalar(uint8_t byte);

// Binary formats of 16 and 32 bits, by their bits after the point and the bias of their exponent.
struct Half {
    static constexpr int fraction = 10, bias = 15;
};
struct BFloat {
    static constexpr int fraction = 7, bias = 127;
};
struct Single {
    static constexpr int fraction = 23, bias = 127;
};

// The bits of the value of `format` nearest to `value`, which is at least 0 and finite, ties to even; those of infinity
// or more if it is too large. `is_tie` tells whether it was halfway between two.
template <typename Format> uint32_t narrowed(double value, bool &is_tie);

// The bits of the value nearest to the number as it is written, without its sign.
template <typename Format> uint32_t narrowed(const Decimal &number);

template <typename Format> constexpr uint32_t infinity() {
    return uint32_t(2 * Format::bias + 1) << Format::fraction;
}

} // namespace manta
