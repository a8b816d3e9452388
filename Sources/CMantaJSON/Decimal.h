// Numbers in JSON text, and their values in each type.
#pragma once
#include <stddef.h>
#include <stdint.h>

namespace manta {

// digits · 10^exponent by one conversion and one multiplication or division, which each round at most once; false if the
// power isn't one that a double holds exactly. With digits of at most 2^53 only the second rounds, so the value is the
// nearest (Clinger, "How to Read Floating Point Numbers Accurately", 1990).
inline bool scale(uint64_t digits, int64_t exponent, double &value) {
    constexpr double powers[] = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,  1e8,  1e9,  1e10, 1e11,
                                 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};
    if (exponent < -22 || exponent > 22) { return false; }
    value = exponent < 0 ? double(digits) / powers[-exponent] : double(digits) * powers[exponent];
    return true;
}

constexpr uint64_t exact_digits = uint64_t(1) << 53;

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
