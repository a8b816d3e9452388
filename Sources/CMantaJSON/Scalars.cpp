#include "Scalars.h"

#include "Decimal.h"
#include "Strings.h"
#include <cmath>
#include <cstring>

namespace manta {

namespace {

template <size_t size> bool matches(const uint8_t *text, const uint8_t *limit, const char (&word)[size]) {
    return size_t(limit - text) >= size && std::memcmp(text, word, size - 1) == 0;
}

} // namespace

Word word(const uint8_t *text, const uint8_t *limit) {
    auto is = [&](const auto &word) { return matches(text, limit, word) && ends_scalar(text[sizeof word - 1]); };
    switch (*text) {
    case 't': return is("true") ? Word::bool_true : Word::none;
    case 'f': return is("false") ? Word::bool_false : Word::none;
    case 'n': return is("null") ? Word::null : Word::none;
    case 'N': return is("NaN") ? Word::nan : Word::none;
    case 'I': return is("Infinity") ? Word::positive_infinity : Word::none;
    case '-': return is("-Infinity") ? Word::negative_infinity : Word::none;
    default: return Word::none;
    }
}

Word quoted_word(const uint8_t *text, const uint8_t *limit) {
    if (matches(text, limit, "\"NaN\"")) { return Word::nan; }
    if (matches(text, limit, "\"Infinity\"")) { return Word::positive_infinity; }
    if (matches(text, limit, "\"-Infinity\"")) { return Word::negative_infinity; }
    return Word::none;
}

manta_json_status check_scalar(const uint8_t *text, const uint8_t *limit) {
    if (*text == '"') {
        bool has_escapes;
        ++text;
        return pass_string(text, limit, has_escapes) ? MANTA_JSON_OK : MANTA_JSON_BAD_ESCAPE;
    }
    if (word(text, limit) != Word::none) { return MANTA_JSON_OK; }
    if (!starts_number(*text)) { return MANTA_JSON_EXPECTED_VALUE; }
    Decimal number;
    return read(text, limit, number) ? MANTA_JSON_OK : MANTA_JSON_BAD_NUMBER;
}

manta_json_status mismatch(const uint8_t *text, const uint8_t *limit) {
    auto status = check_scalar(text, limit);
    return status == MANTA_JSON_OK ? MANTA_JSON_WRONG_TYPE : status;
}

} // namespace manta

manta_json_number manta_json_read_number(const manta_json *json, size_t token) {
    manta_json_number result = {MANTA_JSON_OK, false, 0, 0};
    auto text = json->bytes + json->tokens[token];
    auto limit = json->bytes + json->byte_count;
    manta::Decimal number;
    if (!manta::starts_number(*text) || !manta::read(text, limit, number)) {
        result.status = manta::mismatch(text, limit);
        return result;
    }
    result.value = number.value();
    if (std::isinf(result.value)) { result.status = MANTA_JSON_OUT_OF_RANGE; }
    uint64_t most = uint64_t(INT64_MAX) + number.negative;
    if (number.is_integer && number.is_exact() && number.digits <= most) {
        result.is_integer = true;
        result.integer = int64_t(number.negative ? 0 - number.digits : number.digits);
    }
    return result;
}
