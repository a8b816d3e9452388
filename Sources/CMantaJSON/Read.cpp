#include "CMantaJSON.h"
#include "Decimal.h"
#include "Scalars.h"
#include "Strings.h"

#include <cmath>
#include <cstring>
#include <limits>
#include <type_traits>

using namespace manta;

namespace {

// Readers of one element each: `operator()` takes its text and stores its value.

struct BoolReader {
    uint8_t *target;
    const uint8_t *limit;

    manta_json_status operator()(const uint8_t *text) {
        switch (word(text, limit)) {
        case Word::bool_true: *target++ = 1; return MANTA_JSON_OK;
        case Word::bool_false: *target++ = 0; return MANTA_JSON_OK;
        default: return mismatch(text, limit);
        }
    }
};

template <typename Integer> struct IntegerReader {
    uint8_t *target;
    const uint8_t *limit;

    manta_json_status operator()(const uint8_t *text) {
        Decimal number;
        if (!starts_number(*text) || !read(text, limit, number) || !number.is_integer) { return mismatch(text, limit); }
        uint64_t magnitude = number.digits;
        if (!number.is_exact()) {
            // Twenty digits may fit into 64 bits: from 10^19 on, and only if they didn't wrap around.
            if (number.digit_count > 20 || *number.begin != '1' || magnitude < 10'000'000'000'000'000'000u) {
                return MANTA_JSON_OUT_OF_RANGE;
            }
        }
        constexpr uint64_t most = uint64_t(std::numeric_limits<Integer>::max());
        uint64_t limit_of_sign = number.negative ? (std::is_signed_v<Integer> ? most + 1 : 0) : most;
        if (magnitude > limit_of_sign) { return MANTA_JSON_OUT_OF_RANGE; }
        Integer value = Integer(number.negative ? 0 - magnitude : magnitude);
        std::memcpy(target, &value, sizeof value);
        target += sizeof value;
        return MANTA_JSON_OK;
    }
};

struct DoubleReader {
    uint8_t *target;
    const uint8_t *limit;

    manta_json_status operator()(const uint8_t *text) {
        Decimal number;
        double value;
        if (starts_number(*text) && read(text, limit, number)) {
            value = number.value();
            if (std::isinf(value)) { return MANTA_JSON_OUT_OF_RANGE; }
        } else {
            switch (*text == '"' ? quoted_word(text, limit) : word(text, limit)) {
            case Word::nan: value = std::numeric_limits<double>::quiet_NaN(); break;
            case Word::positive_infinity: value = INFINITY; break;
            case Word::negative_infinity: value = -INFINITY; break;
            default: return mismatch(text, limit);
            }
        }
        std::memcpy(target, &value, sizeof value);
        target += sizeof value;
        return MANTA_JSON_OK;
    }
};

// FP16, BF16 and FP32, whose bits are `Bits`.
template <typename Format, typename Bits> struct NarrowReader {
    uint8_t *target;
    const uint8_t *limit;
    static constexpr Bits sign = Bits(Bits(1) << (8 * sizeof(Bits) - 1));

    manta_json_status operator()(const uint8_t *text) {
        Decimal number;
        Bits bits;
        if (starts_number(*text) && read(text, limit, number)) {
            if (!quickly(number, bits)) { bits = Bits(narrowed<Format>(number)); }
            if (bits == infinity<Format>()) { return MANTA_JSON_OUT_OF_RANGE; }
            if (number.negative) { bits |= sign; }
        } else {
            switch (*text == '"' ? quoted_word(text, limit) : word(text, limit)) {
            case Word::nan: bits = Bits(infinity<Format>() | Bits(1) << (Format::fraction - 1)); break;
            case Word::positive_infinity: bits = Bits(infinity<Format>()); break;
            case Word::negative_infinity: bits = Bits(infinity<Format>() | sign); break;
            default: return mismatch(text, limit);
            }
        }
        std::memcpy(target, &bits, sizeof bits);
        target += sizeof bits;
        return MANTA_JSON_OK;
    }

    // The usual FP32: up to 19 digits and a small exponent, and not near halfway between two floats.
    //
    // Converting the digits and scaling them round once each, so the double is off by less than 2 of its last places.
    // Farther than 4 from halfway, the number itself is on the same side of it, and the double's float is the number's.
    static bool quickly(const Decimal &number, Bits &bits) {
        if constexpr (std::is_same_v<Format, Single>) {
            // 0, or at least 10^-22 and less than 10^42: within the normal floats but for the largest.
            double value;
            if (!number.is_exact() || !scale(number.digits, number.exponent, value)) { return false; }
            uint64_t places;
            std::memcpy(&places, &value, sizeof places);
            constexpr uint32_t halfway = 1u << 28;
            if (uint32_t(places & (2 * halfway - 1)) - (halfway - 4) <= 8 || value > 3e38) { return false; }
            float rounded = float(value);
            std::memcpy(&bits, &rounded, sizeof bits);
            return true;
        }
        return false;
    }
};

struct StringReader {
    uint8_t *target;
    const uint8_t *limit;

    manta_json_status operator()(const uint8_t *text) {
        if (*text != '"') { return mismatch(text, limit); }
        auto element = target + 4;
        if (!unescape(++text, limit, element)) { return MANTA_JSON_BAD_ESCAPE; }
        uint32_t length = uint32_t(element - target - 4);
        std::memcpy(target, &length, 4);
        target = element;
        return MANTA_JSON_OK;
    }
};

// Gives the one scalar at `token` to `reader`.
template <typename Reader>
manta_json_read read_element(const manta_json *json, size_t token, Reader reader) {
    auto start = reader.target;
    if (token >= json->token_count) { return {MANTA_JSON_EXPECTED_VALUE, token, 0, 0}; }
    auto status = reader(json->bytes + json->tokens[token]);
    if (status != MANTA_JSON_OK) { return {status, token, 0, 0}; }
    return {MANTA_JSON_OK, token + 1, 1, size_t(reader.target - start)};
}

// Walks an array of any depth and gives each scalar in it to `reader`.
template <typename Reader>
manta_json_read read_elements(const manta_json *json, size_t token, size_t count, Reader reader) {
    auto start = reader.target;
    auto bytes = json->bytes;
    auto tokens = json->tokens;
    auto end = json->token_count;
    size_t elements = 0;
    size_t depth = 0;
    auto stop = [&](manta_json_status status) {
        return manta_json_read{status, token, elements, size_t(reader.target - start)};
    };
    if (token >= end) { return stop(MANTA_JSON_EXPECTED_VALUE); }
    if (bytes[tokens[token]] != '[') { return stop(MANTA_JSON_WRONG_TYPE); }
    while (true) {
        // A value.
        if (token >= end) { return stop(MANTA_JSON_EXPECTED_VALUE); }
        auto text = bytes + tokens[token];
        bool is_open = false;
        if (*text == '[') {
            if (++depth > MANTA_JSON_MAX_DEPTH) { return stop(MANTA_JSON_TOO_DEEP); }
            ++token;
            is_open = !(token < end && bytes[tokens[token]] == ']');
        } else if (*text == '{') {
            return stop(MANTA_JSON_WRONG_TYPE);
        } else {
            if (elements == count) {
                auto status = check_scalar(text, reader.limit);
                return stop(status == MANTA_JSON_OK ? MANTA_JSON_TOO_MANY : status);
            }
            auto status = reader(text);
            if (status != MANTA_JSON_OK) { return stop(status); }
            ++elements;
            ++token;
        }
        if (is_open) { continue; }
        // What comes after it.
        while (true) {
            if (token >= end) { return stop(MANTA_JSON_EXPECTED_COMMA_OR_BRACKET); }
            auto byte = bytes[tokens[token]];
            if (byte == ',') {
                ++token;
                break;
            }
            if (byte != ']') { return stop(MANTA_JSON_EXPECTED_COMMA_OR_BRACKET); }
            ++token;
            if (--depth == 0) { return stop(MANTA_JSON_OK); }
        }
    }
}

// Calls `read` with the reader of a type.
template <typename Read>
manta_json_read with_reader(const manta_json *json, size_t token, manta_type type, uint8_t *target, Read read) {
    auto limit = json->bytes + json->byte_count;
    switch (type) {
    case MANTA_BOOL: return read(BoolReader{target, limit});
    case MANTA_INT8: return read(IntegerReader<int8_t>{target, limit});
    case MANTA_INT16: return read(IntegerReader<int16_t>{target, limit});
    case MANTA_INT32: return read(IntegerReader<int32_t>{target, limit});
    case MANTA_INT64: return read(IntegerReader<int64_t>{target, limit});
    case MANTA_UINT8: return read(IntegerReader<uint8_t>{target, limit});
    case MANTA_UINT16: return read(IntegerReader<uint16_t>{target, limit});
    case MANTA_UINT32: return read(IntegerReader<uint32_t>{target, limit});
    case MANTA_UINT64: return read(IntegerReader<uint64_t>{target, limit});
    case MANTA_FP16: return read(NarrowReader<Half, uint16_t>{target, limit});
    case MANTA_BF16: return read(NarrowReader<BFloat, uint16_t>{target, limit});
    case MANTA_FP32: return read(NarrowReader<Single, uint32_t>{target, limit});
    case MANTA_FP64: return read(DoubleReader{target, limit});
    case MANTA_BYTES: return read(StringReader{target, limit});
    }
    return {MANTA_JSON_WRONG_TYPE, token, 0, 0};
}

} // namespace

manta_json_read manta_json_read_elements(
    const manta_json *json, size_t token, manta_type type, size_t count, uint8_t *target) {
    return with_reader(
        json, token, type, target, [=](auto reader) { return read_elements(json, token, count, reader); });
}

manta_json_read manta_json_read_element(const manta_json *json, size_t token, manta_type type, uint8_t *target) {
    return with_reader(json, token, type, target, [=](auto reader) { return read_element(json, token, reader); });
}
