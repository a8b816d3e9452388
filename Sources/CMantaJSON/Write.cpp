#include "CMantaJSON.h"
#include "Decimal.h"

#include <charconv>
#include <cmath>
#include <cstring>
#include <simdjson.h>

using namespace manta;

namespace {

char *write_text(char *target, const char *text) {
    size_t count = std::strlen(text);
    std::memcpy(target, text, count);
    return target + count;
}

// JSON has no numbers for these, so they are strings, as in the JSON form of protocol buffers.
char *write_special(char *target, bool is_nan, bool is_negative) {
    return write_text(target, is_nan ? "\"NaN\"" : is_negative ? "\"-Infinity\"" : "\"Infinity\"");
}

// A BOOL: whatever isn't 0 is true.
struct Flag {
    uint8_t byte;
};

char *write(char *target, Flag flag) { return write_text(target, flag.byte ? "true" : "false"); }

template <typename Float> char *write_float(char *target, Float value) {
    if (!std::isfinite(value)) { return write_special(target, std::isnan(value), value < 0); }
    // Written "-0", it would be an integer for many readers and lose its sign.
    if (value == 0) { return write_text(target, std::signbit(value) ? "-0.0" : "0"); }
    // Where both forms are short, people read 100000 more easily than the shorter 1e+05.
    Float magnitude = std::fabs(value);
    if (magnitude >= Float(1e-4) && magnitude < Float(1e14)) {
        return std::to_chars(target, target + 32, value, std::chars_format::fixed).ptr;
    }
    return std::to_chars(target, target + 32, value).ptr;
}

char *write(char *target, float value) { return write_float(target, value); }
char *write(char *target, double value) { return write_float(target, value); }

template <typename Integer> char *write(char *target, Integer value) {
    return std::to_chars(target, target + 24, value).ptr;
}

// A format of 16 bits.
template <typename Format> struct Narrow {
    uint16_t bits;
};

// The double nearest to digits · 10^exponent.
double nearest(uint64_t digits, int exponent) {
    double value;
    if (scale(digits, exponent, value)) { return value; }
    char text[32];
    auto end = std::to_chars(text, text + 20, digits).ptr;
    *end++ = 'e';
    end = std::to_chars(end, text + 32, exponent).ptr;
    std::from_chars(text, end, value);
    return value;
}

// Tries one decimal digit after the other until they read back as the same value. Five are always enough.
template <typename Format> char *write(char *target, Narrow<Format> narrow) {
    constexpr uint32_t special = infinity<Format>();
    uint32_t magnitude = narrow.bits & 0x7FFF;
    bool is_negative = narrow.bits >> 15;
    if (magnitude >= special) { return write_special(target, magnitude > special, is_negative); }
    if (magnitude == 0) { return write_float(target, is_negative ? -0.0 : 0.0); }
    uint32_t exponent = magnitude >> Format::fraction;
    uint32_t fraction = magnitude & ((1u << Format::fraction) - 1);
    int scale = int(exponent == 0 ? 1 : exponent) - Format::bias - Format::fraction;
    double value = std::ldexp(double(exponent == 0 ? fraction : fraction | 1u << Format::fraction), scale);
    // The exponent of the first decimal digit: by the binary exponent it is this or one more.
    int leading = int(std::floor(std::ilogb(value) * 0.30102999566398120));
    if (value >= nearest(1, leading + 1)) { leading += 1; }
    for (int digits = 1; digits <= 5; ++digits) {
        int last = leading + 1 - digits;
        double scaled = last < 0 ? value * nearest(1, -last) : value / nearest(1, last);
        auto candidate = uint64_t(scaled + 0.5);
        // Below a power of two the values are denser than above, so the nearest decimal may miss where the next hits.
        for (auto end = candidate + (fraction == 0 ? 1 : 0); candidate <= end; ++candidate) {
            double decimal = nearest(candidate, last);
            bool is_tie;
            if (candidate > 0 && narrowed<Format>(decimal, is_tie) == magnitude) {
                return std::to_chars(target, target + 32, is_negative ? -decimal : decimal).ptr;
            }
        }
    }
    return write_float(target, is_negative ? -value : value);
}

template <typename Value> size_t write_all(const uint8_t *values, size_t count, uint8_t *target) {
    auto start = reinterpret_cast<char *>(target);
    auto end = start;
    for (size_t index = 0; index < count; ++index) {
        Value value;
        std::memcpy(&value, values + index * sizeof value, sizeof value);
        if (index > 0) { *end++ = ','; }
        end = write(end, value);
    }
    return size_t(end - start);
}

// The letter of a character's short escape, 'u' for \u00XX, or 0 if it stands for itself.
char escape_letter(uint8_t byte) {
    switch (byte) {
    case '"': case '\\': return char(byte);
    case '\b': return 'b';
    case '\f': return 'f';
    case '\n': return 'n';
    case '\r': return 'r';
    case '\t': return 't';
    default: return byte < 0x20 ? 'u' : 0;
    }
}

} // namespace

size_t manta_json_number_width(manta_type type) {
    switch (type) {
    case MANTA_BOOL: return 6;
    case MANTA_INT8: case MANTA_UINT8: return 5;
    case MANTA_INT16: case MANTA_UINT16: return 7;
    case MANTA_INT32: case MANTA_UINT32: return 12;
    case MANTA_INT64: case MANTA_UINT64: return 21;
    // "-1.17549435e-38", and "-Infinity" with its quotes.
    case MANTA_FP32: return 16;
    // "-2.2250738585072014e-308". 16-bit types are written by way of doubles.
    case MANTA_FP16: case MANTA_BF16: case MANTA_FP64: return 25;
    case MANTA_BYTES: return 0;
    }
    return 0;
}

size_t manta_json_write_numbers(manta_type type, const uint8_t *values, size_t count, uint8_t *target) {
    switch (type) {
    case MANTA_BOOL: return write_all<Flag>(values, count, target);
    case MANTA_INT8: return write_all<int8_t>(values, count, target);
    case MANTA_INT16: return write_all<int16_t>(values, count, target);
    case MANTA_INT32: return write_all<int32_t>(values, count, target);
    case MANTA_INT64: return write_all<int64_t>(values, count, target);
    case MANTA_UINT8: return write_all<uint8_t>(values, count, target);
    case MANTA_UINT16: return write_all<uint16_t>(values, count, target);
    case MANTA_UINT32: return write_all<uint32_t>(values, count, target);
    case MANTA_UINT64: return write_all<uint64_t>(values, count, target);
    case MANTA_FP16: return write_all<Narrow<Half>>(values, count, target);
    case MANTA_BF16: return write_all<Narrow<BFloat>>(values, count, target);
    case MANTA_FP32: return write_all<float>(values, count, target);
    case MANTA_FP64: return write_all<double>(values, count, target);
    case MANTA_BYTES: return 0;
    }
    return 0;
}

size_t manta_json_string_width(const uint8_t *bytes, size_t count) {
    if (!simdjson::validate_utf8(reinterpret_cast<const char *>(bytes), count)) { return 0; }
    size_t width = count + 2;
    for (size_t index = 0; index < count; ++index) {
        char letter = escape_letter(bytes[index]);
        if (letter) { width += letter == 'u' ? 5 : 1; }
    }
    return width;
}

size_t manta_json_write_string(const uint8_t *bytes, size_t count, uint8_t *target) {
    auto end = target;
    *end++ = '"';
    for (size_t index = 0; index < count; ++index) {
        char letter = escape_letter(bytes[index]);
        if (!letter) {
            *end++ = bytes[index];
            continue;
        }
        *end++ = '\\';
        *end++ = uint8_t(letter);
        if (letter == 'u') {
            *end++ = '0';
            *end++ = '0';
            *end++ = bytes[index] < 16 ? '0' : '1';
            *end++ = uint8_t("0123456789abcdef"[bytes[index] & 15]);
        }
    }
    *end++ = '"';
    return size_t(end - target);
}
