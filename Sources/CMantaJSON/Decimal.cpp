#include "Decimal.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstring>

namespace manta {

namespace {

// Exponents are counted up to here. Beyond, a number is 0 or infinite whatever its digits are.
constexpr int64_t max_exponent = 1'000'000'000'000;

bool is_digit(uint8_t byte) { return uint8_t(byte - '0') < 10; }

// Eight digits at a time (Mula and Lemire, "Faster Base64 Encoding…"; Lemire's blog of 2022-01-21).
bool are_eight_digits(uint64_t bytes) {
    return ((bytes & 0xF0F0F0F0F0F0F0F0) | (((bytes + 0x0606060606060606) & 0xF0F0F0F0F0F0F0F0) >> 4))
        == 0x3333333333333333;
}

uint64_t eight_digits(uint64_t bytes) {
    bytes -= 0x3030303030303030;
    bytes = bytes * 10 + (bytes >> 8);
    return (((bytes & 0x000000FF000000FF) * 0x000F424000000064)
            + (((bytes >> 16) & 0x000000FF000000FF) * 0x0000271000000001)) >> 32;
}

const uint8_t *read_digits(const uint8_t *text, const uint8_t *limit, uint64_t &digits) {
    uint64_t bytes;
    while (limit - text >= 8) {
        std::memcpy(&bytes, text, 8);
        if (!are_eight_digits(bytes)) { break; }
        digits = digits * 100'000'000 + eight_digits(bytes);
        text += 8;
    }
    while (is_digit(*text)) { digits = digits * 10 + (*text++ - '0'); }
    return text;
}

} // namespace

bool ends_scalar(uint8_t byte) {
    switch (byte) {
    case ',': case ']': case '}': case ' ': case '\n': case '\r': case '\t': case ':': case '[': case '{': return true;
    default: return false;
    }
}

bool read(const uint8_t *text, const uint8_t *limit, Decimal &number) {
    number.begin = text;
    number.negative = *text == '-';
    text += number.negative;
    number.digits = 0;
    number.exponent = 0;
    number.is_integer = true;
    auto first = text;
    if (*text == '0') {
        text += 1;
    } else {
        if (!is_digit(*text)) { return false; }
        // Whole numbers are short, fractions may be long.
        while (is_digit(*text)) { number.digits = number.digits * 10 + (*text++ - '0'); }
    }
    number.digit_count = size_t(text - first);
    if (*text == '.') {
        auto fraction = ++text;
        text = read_digits(text, limit, number.digits);
        if (text == fraction) { return false; }
        number.digit_count += size_t(text - fraction);
        number.exponent = fraction - text;
        number.is_integer = false;
    }
    if ((*text | 0x20) == 'e') {
        text += 1;
        bool negative = *text == '-';
        if (*text == '-' || *text == '+') { text += 1; }
        if (!is_digit(*text)) { return false; }
        int64_t exponent = 0;
        for (; is_digit(*text); ++text) {
            if (exponent < max_exponent) { exponent = exponent * 10 + (*text - '0'); }
        }
        number.exponent += negative ? -exponent : exponent;
        number.is_integer = false;
    }
    number.end = text;
    if (number.digit_count > 19) { number.digit_count = std::max<size_t>(number.significant_digits(), 1); }
    return ends_scalar(*text);
}

size_t Decimal::significant_digits() const {
    size_t count = 0;
    for (auto text = begin; text != end && (*text | 0x20) != 'e'; ++text) {
        if (is_digit(*text) && (count > 0 || *text != '0')) { count += 1; }
    }
    return count;
}

double Decimal::value() const {
    double value = 0;
    if (is_exact()) {
        if (digits == 0) { return signed_zero(); }
        if (digits <= exact_digits && scale(digits, exponent, value)) { return negative ? -value : value; }
    }
    auto result = std::from_chars(
        reinterpret_cast<const char *>(begin), reinterpret_cast<const char *>(end), value, std::chars_format::general);
    if (result.ec == std::errc::result_out_of_range) {
        bool is_large = int64_t(significant_digits()) + exponent > 0;
        return is_large ? (negative ? -INFINITY : INFINITY) : signed_zero();
    }
    return value;
}

int Decimal::compare(double value) const {
    // Exact: 105 digits are enough for halfway between two of the smallest 32-bit floats.
    char exact[256];
    auto exact_end = std::to_chars(exact, exact + sizeof exact, value, std::chars_format::scientific, 160).ptr;
    auto mark = std::find(exact, exact_end, 'e');
    int exact_exponent = 0;
    std::from_chars(mark[1] == '+' ? mark + 2 : mark + 1, exact_end, exact_exponent);
    int64_t own_exponent = int64_t(significant_digits()) + exponent - 1;
    if (own_exponent != exact_exponent) { return own_exponent < exact_exponent ? -1 : 1; }
    auto other = exact;
    bool leading = true;
    for (auto text = begin; text != end && (*text | 0x20) != 'e'; ++text) {
        if (!is_digit(*text) || (leading && *text == '0')) { continue; }
        leading = false;
        if (other != mark && *other == '.') { ++other; }
        char digit = other == mark ? '0' : *other++;
        if (*text != uint8_t(digit)) { return *text < uint8_t(digit) ? -1 : 1; }
    }
    for (; other != mark; ++other) {
        if (*other != '.' && *other != '0') { return -1; }
    }
    return 0;
}

template <typename Format> uint32_t narrowed(double value, bool &is_tie) {
    uint64_t bits;
    std::memcpy(&bits, &value, 8);
    int exponent = int(bits >> 52) - 1023;
    uint64_t significand = (bits & 0xF'FFFF'FFFF'FFFF) | uint64_t(1) << 52;
    constexpr int least = 1 - Format::bias;
    int dropped = 52 - Format::fraction + std::max(0, least - exponent);
    is_tie = false;
    // Less than half of the smallest. A double below the normal range is, for all formats.
    if (dropped > 53) { return 0; }
    uint64_t kept = significand >> dropped;
    uint64_t rest = significand & ((uint64_t(1) << dropped) - 1);
    uint64_t half = uint64_t(1) << (dropped - 1);
    is_tie = rest == half;
    if (rest > half || (is_tie && (kept & 1))) { kept += 1; }
    // The leading bit, which isn't stored, adds 1 to the exponent.
    uint64_t biased = exponent < least ? 0 : uint64_t(exponent + Format::bias - 1);
    return uint32_t(std::min<uint64_t>((biased << Format::fraction) + kept, infinity<Format>()));
}

template <typename Format> uint32_t narrowed(const Decimal &number) {
    double value = std::abs(number.value());
    if (std::isinf(value)) { return infinity<Format>(); }
    if (value == 0) { return 0; }
    bool is_tie;
    uint32_t bits = narrowed<Format>(value, is_tie);
    if (!is_tie) { return bits; }
    // The double is halfway, but the number itself may not be: then it was rounded to the double, and rounding again
    // would go the wrong way.
    int side = number.compare(value);
    if (side == 0) { return bits; }
    return narrowed<Format>(std::nextafter(value, side < 0 ? 0 : INFINITY), is_tie);
}

template uint32_t narrowed<Half>(double, bool &);
template uint32_t narrowed<BFloat>(double, bool &);
template uint32_t narrowed<Half>(const Decimal &);
template uint32_t narrowed<BFloat>(const Decimal &);
template uint32_t narrowed<Single>(const Decimal &);

} // namespace manta
